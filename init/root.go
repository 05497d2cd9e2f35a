package nsinit

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// fdPath names an open file for system calls that take only paths. The host's
// /proc is there until the root is switched.
func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// openDir opens a directory by a path that is not below the rootfs.
func openDir(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return fd, pathError("open", path, err)
}

func (c *container) makePrivate() error {
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// openRootfs opens the rootfs by the name that it has in the run directory,
// which is still the working directory; a symbolic link is followed.
func (c *container) openRootfs() (err error) {
	c.rootfs, err = openDir(c.Rootfs)
	return err
}

// mountRoot mounts the rootfs where it is, so that it can be made read-only and
// become the root.
func (c *container) mountRoot() error {
	missing, err := c.mountPointMissing()
	if err != nil {
		return err
	}
	if missing {
		err = c.overlay()
	} else {
		// Not recursive: what else is mounted below it is not the rootfs.
		err = unix.Mount(fdPath(c.rootfs), fdPath(c.rootfs), "", unix.MS_BIND, "")
	}
	if err != nil {
		return err
	}
	if c.root, err = openDir(c.Rootfs); err != nil { // now what is mounted there
		return err
	}
	if missing {
		return c.claim(c.root)
	}
	return sameDir(c.root, c.rootfs)
}

// sameDir makes sure that a path led to the same directory again: the agent may
// have given another one its name meanwhile.
func sameDir(a, b int) error {
	var first, second unix.Stat_t
	if err := errors.Join(unix.Fstat(a, &first), unix.Fstat(b, &second)); err != nil {
		return err
	}
	if first.Dev != second.Dev || first.Ino != second.Ino {
		return errRenamed
	}
	return nil
}

var errRenamed = errors.New("the rootfs has been exchanged meanwhile")

// mountPointMissing reports whether something must be made in the root. /proc,
// /sys and /dev must be directories there, no links to any (CVE-2023-27561).
func (c *container) mountPointMissing() (bool, error) {
	missing := false
	for _, name := range []string{"proc", "sys", "dev"} {
		fd, err := unix.Openat(c.rootfs, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		switch {
		case err == unix.ENOENT:
			missing = true
		case err != nil:
			return false, pathError("open", "/"+name, err)
		default:
			unix.Close(fd)
		}
	}
	for i, m := range c.mounts {
		if covered(m.Dest, c.mounts[:i]) {
			continue // its place is in that mount
		}
		fd, err := openInside(c.rootfs, m.Dest, nothing, nil)
		switch {
		case errors.Is(err, unix.ENOENT):
			missing = true
		case err != nil:
			return false, fmt.Errorf("mount %s: %w", m.Dest, err)
		default:
			unix.Close(fd)
		}
	}
	return missing, nil
}

// overlay mounts an overlay over the rootfs: the rootfs itself is never
// written to, it is shared with other containers and may be read-only.
//
// The lower layer is named by descriptor, which spares escaping the colons and
// commas of its path; overlayfs takes only descriptors that were opened in this
// mount namespace.
func (c *container) overlay() error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	rootfs := fdPath(c.rootfs)
	if err := unix.Mount("tmpfs", rootfs, "tmpfs", flags, "mode=755,size=1m"); err != nil {
		return pathError("mount tmpfs", c.Rootfs, err)
	}
	layers, err := openDir(c.Rootfs)
	if err != nil {
		return err
	}
	defer unix.Close(layers)
	if err := c.newFilesystem(layers); err != nil {
		return err
	}
	for _, name := range []string{"upper", "work"} {
		if err := unix.Mkdirat(layers, name, 0o755); err != nil {
			return pathError("mkdir", name, err)
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%[2]s/upper,workdir=%[2]s/work", rootfs, fdPath(layers))
	err = unix.Mount("overlay", rootfs, "overlay", flags, options)
	if err == unix.EINVAL {
		return fmt.Errorf("overlay over %s: %w (a mount point is missing in it, and a rootfs that is two stacked overlays takes no third)", c.Rootfs, err)
	}
	return pathError("mount overlay", c.Rootfs, err)
}

// newFilesystem makes sure that dir is on another filesystem than the rootfs,
// before anything is written there.
func (c *container) newFilesystem(dir int) error {
	var st, rootfs unix.Stat_t
	if err := errors.Join(unix.Fstat(dir, &st), unix.Fstat(c.rootfs, &rootfs)); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(dir, &fs); err != nil {
		return err
	}
	if fs.Type != unix.TMPFS_MAGIC || st.Dev == rootfs.Dev {
		return errRenamed
	}
	return nil
}

// claim notes that mount points may be made in the filesystem of dir.
func (c *container) claim(dir int) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return err
	}
	c.ours = append(c.ours, st.Dev)
	return nil
}

// makeReadOnly changes the mount, not the filesystem. Flags that are not given
// are cleared, so the one that the host has set for itself is kept.
func (c *container) makeReadOnly() error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(c.root, &st); err != nil {
		return err
	}
	const flags = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	return unix.Mount("", fdPath(c.root), "", flags|uintptr(st.Flags)&unix.MS_NOEXEC, "")
}

// switchRoot makes the mounted root the root of this mount namespace and
// detaches the host's, as pivot_root(2) shows under "pivot_root(".", ".")".
func (c *container) switchRoot() error {
	if err := unix.Fchdir(c.root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the host's root: %w", err)
	}
	unix.Close(c.root)
	unix.Close(c.rootfs)
	return unix.Chdir("/")
}
