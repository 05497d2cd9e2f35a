package nsinit

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// masked are files and directories that tell of the host, or let it be
// disturbed, and that no program needs: what container engines agree on.
// Interrupts and power show what others do, down to their keystrokes and keys
// (CVE-2020-8694).
var masked = []string{
	"proc/acpi", "proc/asound", "proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats",
	"proc/sched_debug", "proc/scsi", "proc/timer_list",
	"sys/devices/virtual/powercap", "sys/firmware",
}

// readOnly are those that the host's administrator writes to.
var readOnly = []string{"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}

// maskPaths covers what the kernel shows of itself, and makes read-only what it
// lets be changed. What this kernel does not have is skipped.
//
// A file is covered by the null device, a directory by an empty directory: there
// is one for all of them, in a tmpfs that nobody can write to.
func (c *container) maskPaths() error {
	empty := -1
	for _, path := range masked {
		if !c.hasMounted(path) {
			continue
		}
		at, err := c.openKernel(path)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		mount, err := c.mask(at, &empty)
		unix.Close(at)
		if err != nil {
			return pathError("mask", "/"+path, err)
		}
		if mount != empty {
			unix.Close(mount)
		}
	}
	if empty >= 0 {
		unix.Close(empty)
	}
	for _, path := range readOnly {
		if !c.hasMounted(path) {
			continue
		}
		if err := c.makePathReadOnly(path); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	for _, fd := range []int{c.sys, c.dev, c.null} {
		unix.Close(fd) // nobody needs them any more
	}
	return nil
}

// hasMounted reports whether this process has mounted the filesystem that a path of masked
// or readOnly is in. In a user namespace init covers what is in /proc; the outfitter what
// is in /sys, so that it is locked (see handOver).
func (c *container) hasMounted(path string) bool {
	return c.role() == alone || strings.HasPrefix(path, "proc/") == (c.role() == inside)
}

// mask covers what is open. The first directory is covered by a new tmpfs, which
// becomes the empty one of all others.
func (c *container) mask(at int, empty *int) (mount int, err error) {
	isDir, err := isDirectory(at)
	switch {
	case err != nil:
		return -1, err
	case !isDir:
		return bind(c.null, at, false)
	case *empty >= 0:
		return bind(*empty, at, false)
	}
	*empty, err = filesystem{
		kind: "tmpfs", attr: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
		options: []string{"mode=555", "size=4k", "nr_inodes=1"},
	}.mountAt(at)
	return *empty, err
}

func (c *container) makePathReadOnly(path string) error {
	at, err := c.openKernel(path)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	mount, err := bind(at, at, false)
	if err != nil {
		return pathError("bind", "/"+path, err)
	}
	defer unix.Close(mount)
	return pathError("make read-only", "/"+path, setAttributes(mount, unix.MOUNT_ATTR_RDONLY, false))
}

// openKernel opens a path in the container's /proc or /sys. Neither has a link there:
// whatever is one is not what was meant.
func (c *container) openKernel(path string) (int, error) {
	w := walk{root: c.proc, linkless: true}
	top, rest, _ := strings.Cut(path, "/")
	if top == "sys" {
		w.root = c.sys
	}
	fd, err := w.follow(rest, nothing)
	return fd, pathError("open", "/"+path, err)
}
