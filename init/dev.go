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

// mountDev builds /dev on a tmpfs of its own.
func (c *container) mountDev() error {
	if err := c.mountFS("tmpfs", "/dev", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755,size=64k"); err != nil {
		return err
	}
	dev, err := unix.Openat(c.root, "dev", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return pathError("open", "/dev", err)
	}
	defer unix.Close(dev)
	if err := c.claim(dev); err != nil {
		return err
	}
	for _, d := range devices {
		if err := unix.Mknodat(dev, d.name, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))); err != nil {
			return pathError("mknod", "/dev/"+d.name, err)
		}
	}
	for _, l := range devLinks {
		if err := unix.Symlinkat(l.target, dev, l.name); err != nil {
			return pathError("symlink", "/dev/"+l.name, err)
		}
	}
	// gid 5 is tty wherever that group exists; mode 0620 lets write(1) work.
	const tty = 5
	options := "newinstance,ptmxmode=0666,mode=0620"
	if c.UserNS == nil || tty < c.UserNS.Size {
		options += ",gid=" + strconv.Itoa(c.hostGID(tty))
	}
	if err := c.mountFS("devpts", "/dev/pts", unix.MS_NOSUID|unix.MS_NOEXEC, options); err != nil {
		return err
	}
	return c.mountFS("tmpfs", "/dev/shm", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=64m")
}
