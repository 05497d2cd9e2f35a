package nsinit

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// devices are the nodes of /dev, by their numbers in the kernel document
// admin-guide/devices.txt. All are mode 0666.
var devices = []struct {
	name         string
	major, minor uint32
}{
	{"null", 1, 3},
	{"zero", 1, 5},
	{"full", 1, 7},
	{"random", 1, 8},
	{"urandom", 1, 9},
	{"tty", 5, 0},
}

// devLinks are the symbolic links of /dev.
var devLinks = []struct{ name, target string }{
	{"ptmx", "pts/ptmx"},
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
}

// mountDev builds /dev on a tmpfs of its own. All is made in its descriptor:
// what the rootfs has as /dev, or gets as /dev meanwhile, is never looked at
// (CVE-2026-41579).
func (c *container) mountDev() (err error) {
	c.dev, err = c.mountFixed(c.root, "dev", "/dev", filesystem{
		kind: "tmpfs", attr: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC, options: []string{"mode=755", "size=64k"},
	})
	if err != nil {
		return err
	}
	if err := c.claim(c.dev); err != nil {
		return err
	}
	for _, d := range devices {
		number := unix.Mkdev(d.major, d.minor)
		err := unix.Mknodat(c.dev, d.name, unix.S_IFCHR|0o666, int(number))
		if err == nil && d.name == "null" { // what masks files
			c.null, err = openDevice(c.dev, d.name, number)
		}
		if err != nil {
			return pathError("mknod", "/dev/"+d.name, err)
		}
	}
	for _, l := range devLinks {
		if err := unix.Symlinkat(l.target, c.dev, l.name); err != nil {
			return pathError("symlink", "/dev/"+l.name, err)
		}
	}
	// gid 5 is tty wherever that group exists; mode 0620 lets write(1) work.
	const tty = 5
	options := []string{"newinstance", "ptmxmode=0666", "mode=0620"}
	if c.UserNS == nil || tty < c.UserNS.Size {
		options = append(options, "gid="+strconv.Itoa(c.hostGID(tty)))
	}
	pts, err := c.mountFixed(c.dev, "pts", "/dev/pts", filesystem{
		kind: "devpts", attr: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC, options: options,
	})
	if err != nil {
		return err
	}
	unix.Close(pts)
	shm, err := c.mountFixed(c.dev, "shm", "/dev/shm", filesystem{
		kind: "tmpfs", attr: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC, options: c.ofRoot("mode=1777", "size=64m"),
	})
	if err != nil {
		return err
	}
	defer unix.Close(shm)
	return c.claim(shm)
}

// openDevice opens a node with O_PATH, if it is that device: what masks a file must
// be the null device and nothing else (CVE-2025-31133).
func openDevice(dir int, name string, number uint64) (int, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != number) {
		err = errExchanged
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
