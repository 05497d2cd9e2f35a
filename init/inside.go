package nsinit

import (
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links one path may go through, as in
// path_resolution(7).
const maxLinks = 40

// kind is what to make where a path is missing.
type kind int

const (
	nothing kind = iota
	directory
	file
)

// openInside opens path as a process would whose root directory is root, and
// returns an O_PATH descriptor. What is missing on the way is made, if missing
// says so, as directories but for the last element; but only in filesystems
// that are ours, by their device numbers. Neither the rootfs nor a volume is
// ever written to.
//
// The root filesystem is somebody else's. So each element is opened by itself,
// from the descriptor of its directory and without following links; links are
// read and followed here, ".." goes back the way we came. Whatever is swapped
// meanwhile, no step leaves the root (CVE-2021-30465): a link is text, which is
// read from the very inode that was opened, and a magic link of a procfs, whose
// text is a path of the host's, is refused; a directory that is moved out of the
// root while we are in it is left by ".." to where we came from. What is made in
// one that was moved is made in a filesystem of ours, or not at all (CVE-2024-45310).
//
// openat2(2) with RESOLVE_IN_ROOT does as much for what exists, from Linux 5.6 on.
// It cannot make what is missing behind a dangling link, follows magic links unless
// told not to, and gives EAGAIN for as long as somebody renames; and a walk like
// this one would be needed all the same where it is missing. One way is enough.
func openInside(root int, path string, missing kind, ours []uint64) (int, error) {
	w := walk{root: root, ours: ours}
	fd, err := w.follow(path, missing)
	return fd, pathError("open", path, err)
}

// follow walks a path from the root on, and opens what it leads to.
func (w *walk) follow(path string, missing kind) (int, error) {
	defer w.close()
	rest := strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			w.up()
			continue
		}
		fd, err := w.open(name, last(rest), missing)
		if err != nil {
			return -1, err
		}
		target, isLink, err := readLink(fd)
		if err != nil {
			unix.Close(fd)
			return -1, err
		}
		if !isLink {
			w.dirs = append(w.dirs, fd)
			if in := w.volumes.find(fd); in != nil && !last(rest) {
				w.base, w.linkless = len(w.dirs), in.doubtful
			}
			continue
		}
		magic := isMagic(fd, target)
		unix.Close(fd)
		if links++; links > maxLinks || w.linkless || magic {
			return -1, unix.ELOOP
		}
		for strings.HasPrefix(target, "/") && len(w.dirs) > w.base {
			w.up()
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	if len(w.dirs) == 0 {
		return unix.FcntlInt(uintptr(w.root), unix.F_DUPFD_CLOEXEC, 0)
	}
	fd := w.dir()
	w.dirs = w.dirs[:len(w.dirs)-1]
	return fd, nil
}

// last reports whether no element follows that names anything.
func last(rest []string) bool {
	for _, name := range rest {
		if name != "" && name != "." {
			return false
		}
	}
	return true
}

// walk is a position below root: the descriptors of the elements that lead to it.
type walk struct {
	root int
	dirs []int
	ours []uint64
	// volumes, once one of them is entered, are not left: base counts the elements that
	// lead to the innermost one, which is the root from there on.
	volumes others
	base    int
	// linkless: links are refused, as openat2(2) does with RESOLVE_NO_SYMLINKS.
	linkless bool
}

func (w *walk) dir() int {
	if len(w.dirs) == 0 {
		return w.root
	}
	return w.dirs[len(w.dirs)-1]
}

func (w *walk) up() {
	if len(w.dirs) > w.base {
		unix.Close(w.dir())
		w.dirs = w.dirs[:len(w.dirs)-1]
	}
}

func (w *walk) close() {
	w.base = 0
	for len(w.dirs) > 0 {
		w.up()
	}
}

// open opens one element without following it, and makes it if it is missing.
func (w *walk) open(name string, isLast bool, missing kind) (int, error) {
	const flags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(w.dir(), name, flags, 0)
	if err != unix.ENOENT || missing == nothing {
		return fd, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(w.dir(), &st); err != nil {
		return -1, err
	}
	if !slices.Contains(w.ours, st.Dev) {
		return -1, unix.ENOENT
	}
	if isLast && missing == file {
		var made int
		made, err = unix.Openat(w.dir(), name, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
		if err == nil {
			unix.Close(made)
		}
	} else {
		err = unix.Mkdirat(w.dir(), name, 0o755)
	}
	if err != nil && err != unix.EEXIST { // somebody else was faster: look at what it is
		return -1, err
	}
	return unix.Openat(w.dir(), name, flags, 0)
}

// readLink returns the target of a symbolic link that is open with O_PATH.
func readLink(fd int) (target string, isLink bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", false, err
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	return string(buf[:max(n, 0)]), true, err
}

// isMagic reports whether an open link is one of a procfs that leads elsewhere than its
// text says (proc(5), /proc/pid/cwd and others). Those that do not are relative.
func isMagic(fd int, target string) bool {
	var fs unix.Statfs_t
	return strings.HasPrefix(target, "/") && unix.Fstatfs(fd, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// pathError is an error about a path; its words are "op path: errno".
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
