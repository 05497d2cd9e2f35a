package nsinit

import (
	"errors"
	"fmt"
	"slices"
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
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == unix.EINVAL {
		return fmt.Errorf("/: %w (the supervisor is in a chroot(2) whose root is no mount point)", err)
	}
	return err
}

// openRootfs opens the rootfs by the name that it has in the run directory,
// which is still the working directory; a symbolic link is followed. So are the
// sources of volumes, before something of ours is in their way: one may be below
// the rootfs. Their errors belong to the steps that mount them.
func (c *container) openRootfs() (err error) {
	volumes := c.openVolumes()
	defer closeVolumes(volumes)
	for i := range c.mounts {
		switch m := &c.mounts[i]; {
		case m.index < 0: // resolv.conf, wherever the host has it
			setName("open rootfs")
			m.source, m.err = openHost(m.Source)
		case m.Source != "":
			setVolumeName(m.index)
			m.source, m.err = openOutside(m.Source, others{volumes, m.index})
		}
	}
	setName("open rootfs")
	if c.rootfs, err = openOutside(c.Rootfs, others{volumes, nobody}); err == nil {
		err = mustBeDirectory(c.rootfs)
	}
	return pathError("open", c.Rootfs, err)
}

// mountRoot mounts the rootfs where it is, so that it can be made read-only and
// become the root. The name that it has is not looked at again: it may be
// another's by now.
func (c *container) mountRoot() error {
	missing, err := c.mountPointMissing()
	if err != nil {
		return err
	}
	if missing {
		return c.overlay()
	}
	// Not recursive: what else is mounted below it is not the rootfs.
	if c.root, err = bind(c.rootfs, c.rootfs, false); err != nil {
		return err
	}
	return keepOut(c.root)
}

// keepOut keeps a mount, and all that is mounted below it, out of volumes: one
// that contains the run directory would have the container's root in it, with
// nothing of it read-only or masked yet.
func keepOut(mount int) error {
	return unix.Mount("", fdPath(mount), "", unix.MS_UNBINDABLE, "")
}

// fixed are the directories that every container has mounts on.
var fixed = []string{"proc", "sys", "dev"}

// mountPointMissing reports whether something must be made in the root. /proc,
// /sys and /dev must be directories there, no links to any (CVE-2023-27561); they
// are looked at again when they are mounted.
func (c *container) mountPointMissing() (bool, error) {
	missing := false
	for _, name := range fixed {
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
		if covered(m.Dest, c.mounts[:i]) || slices.ContainsFunc(fixed, func(name string) bool { return below(m.Dest, "/"+name) }) {
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
// The layers are named by descriptor, which spares escaping the colons and
// commas of a path; overlayfs takes only descriptors of this mount namespace. So
// the tmpfs of the upper layer has to be in place, too: on the rootfs, below the
// overlay, from where it goes with the host's tree.
func (c *container) overlay() error {
	const attr = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	layers, err := filesystem{kind: "tmpfs", attr: attr, options: []string{"mode=755", "size=1m"}}.mountAt(c.rootfs)
	if err != nil {
		return pathError("mount tmpfs", c.Rootfs, err)
	}
	defer unix.Close(layers)
	for _, name := range []string{"upper", "work"} {
		if err := unix.Mkdirat(layers, name, 0o755); err != nil {
			return pathError("mkdir", name, err)
		}
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(c.rootfs, &st); err != nil {
		return pathError("statfs", c.Rootfs, err)
	}
	inherited := int(st.Flags & unix.ST_NOEXEC) // by a bind mount it would be
	c.root, err = filesystem{kind: "overlay", attr: attr | inherited, options: []string{
		"lowerdir=" + fdPath(c.rootfs), "upperdir=" + fdPath(layers) + "/upper", "workdir=" + fdPath(layers) + "/work",
	}}.mountAt(c.rootfs)
	switch {
	case err == unix.EINVAL:
		return fmt.Errorf("overlay over %s: %w (a mount point is missing in it, and a rootfs that is two stacked overlays takes no third)", c.Rootfs, err)
	case err == unix.ENODEV:
		return fmt.Errorf("mount overlay %s: %w (a mount point is missing in it, and this kernel has no overlayfs)", c.Rootfs, err)
	case err != nil:
		return pathError("mount overlay", c.Rootfs, err)
	}
	// Only now: overlayfs itself binds its layers.
	return errors.Join(keepOut(layers), c.claim(c.root))
}

// claim notes that mount points may be made in the filesystem of dir.
func (c *container) claim(dir int) error {
	dev, _, err := inode(dir)
	if err == nil {
		c.ours = append(c.ours, dev)
	}
	return err
}

// makeReadOnly changes the mounts, not the filesystems. /dev, too, has all that
// it is to have; its nodes can be written to all the same, and what is mounted
// below it stays as it is.
func (c *container) makeReadOnly() error {
	const attr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID
	// No volume is to come: the command may bind the root, if it may bind at all.
	if err := unix.Mount("", fdPath(c.root), "", unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := setAttributes(c.root, attr|unix.MOUNT_ATTR_NODEV, false); err != nil {
		return err
	}
	return pathError("make read-only", "/dev", setAttributes(c.dev, attr, false))
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
