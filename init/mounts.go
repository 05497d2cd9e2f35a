package nsinit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// resolvConf is bound from the host, where there is one.
const resolvConf = "/etc/resolv.conf"

// mount is a mount that comes after the fixed ones.
type mount struct {
	syncpipe.Mount
	index    int // in the configuration, or -1
	readOnly bool
}

// short names the mount by its number in the configuration: its path may be long.
func (m mount) short() string {
	if m.index < 0 {
		return "mount resolv"
	}
	return "mount " + strconv.Itoa(m.index)
}

// mounts returns the configured mounts and that of resolv.conf in the order of
// their destination, so that parents come first. A volume over /etc, or a mount
// in its place, has the resolv.conf that it has.
func mounts(config *syncpipe.Config) []mount {
	var list []mount
	resolve := unix.Access(resolvConf, unix.F_OK) == nil
	for i, m := range config.Mounts {
		list = append(list, mount{Mount: m, index: i})
		if m.Dest == resolvConf || m.Source != "" && below(resolvConf, m.Dest) {
			resolve = false
		}
	}
	if resolve {
		list = append(list, mount{Mount: syncpipe.Mount{Source: resolvConf, Dest: resolvConf}, index: -1, readOnly: true})
	}
	slices.SortFunc(list, func(a, b mount) int { return strings.Compare(a.Dest, b.Dest) })
	return list
}

// covered reports whether path is at or below the destination of one of mounts.
func covered(path string, mounts []mount) bool {
	return slices.ContainsFunc(mounts, func(m mount) bool { return below(path, m.Dest) })
}

func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

func (c *container) mount(m mount) error {
	if m.Source == "" {
		return c.mountTmp(m)
	}
	err := c.mountVolume(m)
	if e, ok := errors.AsType[unix.Errno](err); ok && err == error(e) {
		err = pathError("mount "+m.Dest+" from", m.Source, e)
	}
	return err
}

// mountTmp mounts a tmpfs for everybody in the container. Size 0 is tmpfs' own
// "no limit" (kernel document filesystems/tmpfs.rst).
func (c *container) mountTmp(m mount) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := c.mountFS("tmpfs", m.Dest, flags, fmt.Sprintf("mode=1777,size=%d", m.Size)); err != nil {
		return err
	}
	fd, err := openInside(c.root, m.Dest, nothing, nil)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return c.claim(fd)
}

// mountFS mounts a new filesystem on a directory in the root.
func (c *container) mountFS(fstype, dest string, flags uintptr, options string) error {
	at, err := openInside(c.root, dest, directory, c.ours)
	if err != nil {
		return noPlace(mount{Mount: syncpipe.Mount{Dest: dest}}, err)
	}
	defer unix.Close(at)
	return pathError("mount", dest, unix.Mount(fstype, fdPath(at), fstype, flags, options))
}

// noPlace is the error for a mount point that cannot be had.
func noPlace(m mount, err error) error {
	what := "mount " + m.Dest
	if m.Source != "" {
		what += " from " + m.Source
	}
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w (nothing is made in a volume)", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// mountVolume binds a file or directory of the host, recursively, and nosuid
// and nodev all the way down. An error about the source is a bare errno.
func (c *container) mountVolume(m mount) error {
	var st unix.Stat_t
	if err := unix.Stat(m.Source, &st); err != nil {
		return err
	}
	missing := file
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		missing = directory
	}
	at, err := openInside(c.root, m.Dest, missing, c.ours)
	if err != nil {
		return noPlace(m, err)
	}
	defer unix.Close(at)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if m.readOnly {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC
	}
	if c.UserNS != nil && m.index >= 0 {
		users, err := c.mapIDs(&attr)
		if err != nil {
			return err
		}
		defer unix.Close(users)
		if err := bindTree(m.Source, at, &attr); err != nil {
			return unmapped(m, err)
		}
		return nil
	}
	err = bindTree(m.Source, at, &attr)
	if err == unix.ENOSYS || err == unix.EPERM {
		err = c.bind(m.Source, at, m.Dest, &attr)
	}
	return err
}

// bindTree binds source and everything mounted below it, with the attributes
// set before any of it can be seen.
func bindTree(source string, at int, attr *unix.MountAttr) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, attr); err != nil {
		return err
	}
	return unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// bind is for kernels before 5.12, which have no mount_setattr(2), and filters
// that forbid it. What is mounted below source is left out: it could not be
// made nosuid and nodev in one go.
func (c *container) bind(source string, at int, dest string, attr *unix.MountAttr) error {
	if err := unix.Mount(source, fdPath(at), "", unix.MS_BIND, ""); err != nil {
		return err
	}
	mounted, err := openInside(c.root, dest, nothing, nil)
	if err != nil {
		return err
	}
	defer unix.Close(mounted)
	var st unix.Statfs_t
	if err := unix.Fstatfs(mounted, &st); err != nil {
		return err
	}
	// A remount clears what it does not name. MS_ and ST_ have the same values here.
	const kept = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	flags := uintptr(st.Flags) & kept
	flags |= uintptr(attr.Attr_set) & kept // the first four of MOUNT_ATTR_ have them, too
	return unix.Mount("", fdPath(mounted), "", unix.MS_REMOUNT|unix.MS_BIND|flags, "")
}

func (c *container) mountProc() error {
	return c.mountFS("proc", "/proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

func (c *container) mountSys() error {
	return c.mountFS("sysfs", "/sys", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}
