package nsinit

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// A mount is made apart from everything, and put in its place afterwards, both
// by descriptor: fsopen(2) or open_tree(2), then move_mount(2), all of them from
// Linux 5.2. What is returned is a descriptor of the mount itself, so nothing
// need be looked up again by a path that somebody may have changed meanwhile.
//
// Where a filter forbids those calls, mount(2) does the same in two steps: the
// mount is made on a place in the host's /proc, where nobody can rename anything
// (see staged), opened there, and moved.

// Places in the host's /proc for mounts that are being made. The kernel makes
// them on every machine; in this mount namespace nobody else looks at them.
const (
	stageDir  = "/proc/driver"
	stageFile = "/proc/version"
)

// filesystem is a new filesystem.
type filesystem struct {
	kind string
	// attr are MOUNT_ATTR_RDONLY, _NOSUID, _NODEV and _NOEXEC, whose values are
	// those of mount(2)'s MS_ flags.
	attr int
	// options are "key=value" or "key".
	options []string
}

// mountAt mounts a new filesystem at the open directory, over whatever is
// mounted there, and returns a descriptor of its root.
func (f filesystem) mountAt(at int) (int, error) {
	fd, err := f.create()
	if err == nil {
		err = attach(fd, at)
	}
	if !unavailable(err) {
		return fd, err
	}
	return staged(stageDir, at, func() error {
		return unix.Mount(f.kind, stageDir, f.kind, uintptr(f.attr), strings.Join(f.options, ","))
	})
}

// create makes the filesystem, mounted nowhere.
func (f filesystem) create() (int, error) {
	fs, err := unix.Fsopen(f.kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	// Its name in mountinfo, as mount(8) gives it.
	if err := unix.FsconfigSetString(fs, "source", f.kind); err != nil {
		return -1, err
	}
	for _, option := range f.options {
		key, value, hasValue := strings.Cut(option, "=")
		if hasValue {
			err = unix.FsconfigSetString(fs, key, value)
		} else {
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err != nil {
			return -1, err
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, f.attr)
}

// bind mounts what is open as source at what is open as at, which may be the
// same, and returns a descriptor of the mount. It has the attributes of the one
// that source is in. With recursive, what is mounted below source comes along.
func bind(source, at int, recursive bool) (int, error) {
	flags, old := uint(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH), uintptr(unix.MS_BIND)
	if recursive {
		flags, old = flags|unix.AT_RECURSIVE, old|unix.MS_REC
	}
	fd, err := unix.OpenTree(source, "", flags)
	if err == nil {
		err = attach(fd, at)
	}
	if !unavailable(err) {
		return fd, err
	}
	stage := stageFile
	if isDir, err := isDirectory(source); err != nil {
		return -1, err
	} else if isDir {
		stage = stageDir
	}
	return staged(stage, at, func() error { return unix.Mount(fdPath(source), stage, "", old, "") })
}

// attach puts a mount in its place. The descriptor is closed if that fails.
func attach(fd, at int) error {
	err := put(fd, at)
	if err != nil {
		unix.Close(fd)
	}
	return err
}

func put(fd, at int) error {
	return unix.MoveMount(fd, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// staged is the way of mount(2). A mount made on a descriptor's own place could
// be reached afterwards only by its path, and that leads elsewhere if somebody
// exchanges a directory of it.
func staged(stage string, at int, mount func() error) (int, error) {
	if err := mount(); err != nil {
		return -1, err
	}
	fd, err := unix.Open(stage, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Mount(fdPath(fd), fdPath(at), "", unix.MS_MOVE, ""); err != nil {
		unix.Close(fd)
		return -1, errors.Join(err, unix.Unmount(stage, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
	}
	return fd, nil
}

// setAttributes adds attributes to a mount that is in its place. Nobody of the
// container has been there yet.
func setAttributes(mount, attr int, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(mount, "", flags, &unix.MountAttr{Attr_set: uint64(attr)}) // from Linux 5.12
	if !unavailable(err) {
		return err
	}
	if recursive {
		if err := eachBelow(mount, func(fd int) error { return remount(fd, attr) }); err != nil {
			return err
		}
	}
	return remount(mount, attr)
}

// remount is setAttributes for one mount. A remount clears what it does not
// name; MS_, ST_ and MOUNT_ATTR_ have the same values here.
func remount(mount, attr int) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(mount, &st); err != nil {
		return err
	}
	const kept = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	flags := uintptr(st.Flags)&kept | uintptr(attr)
	return unix.Mount("", fdPath(mount), "", unix.MS_REMOUNT|unix.MS_BIND|flags, "")
}

// unavailable reports whether a system call is missing, in the kernel or by a
// filter. What is really forbidden is refused by the older call, too.
func unavailable(err error) bool { return err == unix.ENOSYS || err == unix.EPERM }

func isDirectory(fd int) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}

func mustBeDirectory(fd int) error {
	isDir, err := isDirectory(fd)
	if err == nil && !isDir {
		err = unix.ENOTDIR
	}
	return err
}
