package nsinit

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mountFixed mounts a filesystem on a directory that has its place in every
// container.
func (c *container) mountFixed(dir int, name, path string, fs filesystem) (int, error) {
	at, err := c.openFixed(dir, name, path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	fd, err := fs.mountAt(at)
	return fd, pathError("mount", path, err)
}

// openFixed opens such a directory by name in an open one: no link is followed, so
// that /proc is /proc whatever the rootfs says (CVE-2019-19921, CVE-2023-27561).
// It is made if it is missing and the open directory is ours.
func (c *container) openFixed(dir int, name, path string) (int, error) {
	w := walk{root: dir, ours: c.ours}
	at, err := w.open(name, true, directory)
	if err != nil {
		return -1, pathError("open", path, err)
	}
	if err := mustBeDirectory(at); err != nil {
		unix.Close(at)
		return -1, pathError("open", path, err)
	}
	return at, nil
}

// mountProc mounts the container's procfs. Its descriptor is the only way by
// which init gets into it from then on: on a filesystem that others can write to,
// somebody may at any time give the name /proc to another directory.
func (c *container) mountProc() (err error) {
	c.proc, err = c.mountFixed(c.root, "proc", "/proc", filesystem{
		kind: "proc", attr: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
	})
	if err != nil {
		return err
	}
	return verify(c.proc, unix.PROC_SUPER_MAGIC, "/proc")
}

func (c *container) mountSys() (err error) {
	c.sys, err = c.mountFixed(c.root, "sys", "/sys", filesystem{
		kind: "sysfs", attr: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
	})
	if err != nil {
		return err
	}
	return verify(c.sys, unix.SYSFS_MAGIC, "/sys")
}

// verify makes sure that what is read, written and masked in /proc and /sys is
// the kernel's (CVE-2025-52881).
func verify(fd int, magic int64, path string) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return pathError("statfs", path, err)
	}
	if int64(fs.Type) != magic {
		return fmt.Errorf("%s: %w", path, errExchanged)
	}
	return nil
}
