package cgroup

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// An Owner is the run directory that a group belongs to. Device and inode name
// it for as long as it exists, wherever it is moved.
type Owner struct {
	Dev, Ino uint64
}

// OwnerOf returns the owner that a run directory is.
func OwnerOf(dir *os.File) (Owner, error) {
	info, err := dir.Stat()
	if err != nil {
		return Owner{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return Owner{Dev: st.Dev, Ino: st.Ino}, nil
}

// String returns DEV:INO, in decimal: the value of the mark.
func (o Owner) String() string { return fmt.Sprintf("%d:%d", o.Dev, o.Ino) }

// The mark's names, in the order in which they are tried (xattr(7)): trusted
// needs CAP_SYS_ADMIN, user needs Linux 5.7 and the directory to be ours.
const (
	markTrusted = "trusted.harpoon"
	markUser    = "user.harpoon"
)

// mark writes the owner on the directory. Where no extended attribute is taken
// the group goes unmarked: then what a crash leaves alive in it is refused by
// the next start instead of being cleared.
func mark(fd int, owner Owner) {
	if unix.Fsetxattr(fd, markTrusted, []byte(owner.String()), 0) != nil {
		_ = unix.Fsetxattr(fd, markUser, []byte(owner.String()), 0)
	}
}

// markOthers marks the group in the other hierarchies, too. Below Self it may have another
// path in each, and the next supervisor knows them from a file only, which the container
// may have been able to write.
func (g *Group) markOthers(owner Owner) {
	for _, p := range g.places[1:] {
		if fd, err := unix.Open(p.dir(), dirFlags, 0); err == nil {
			mark(fd, owner)
			_ = unix.Close(fd)
		}
	}
}

// owned returns the places where there is a group that is marked as the owner's.
func owned(places []place, owner Owner) (list []place) {
	for _, p := range places {
		if fd, err := unix.Open(p.dir(), dirFlags, 0); err == nil {
			if marked(fd) == owner.String() {
				list = append(list, p)
			}
			_ = unix.Close(fd)
		}
	}
	return list
}

// marked returns the mark, or "" if there is none.
func marked(fd int) string {
	var buf [64]byte // two numbers of at most 20 digits
	for _, name := range [...]string{markTrusted, markUser} {
		if n, err := unix.Fgetxattr(fd, name, buf[:]); err == nil {
			return string(buf[:n])
		}
	}
	return ""
}
