package nsinit

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// volume is one of the mounts, as the host has its source.
type volume struct {
	index    int
	dev, ino uint64
}

// volumes returns those that there are.
func (c *container) volumes() (list []volume) {
	for _, m := range c.mounts {
		if m.Source == "" || m.index < 0 {
			continue
		}
		if fd, err := openHost(m.Source); err == nil {
			var st unix.Stat_t
			if unix.Fstat(fd, &st) == nil {
				list = append(list, volume{m.index, st.Dev, st.Ino})
			}
			unix.Close(fd)
		}
	}
	return list
}

// isVolume reports whether what is open is one of them.
func isVolume(fd int, volumes []volume) bool {
	var st unix.Stat_t
	return len(volumes) > 0 && unix.Fstat(fd, &st) == nil &&
		slices.ContainsFunc(volumes, func(v volume) bool { return v.dev == st.Dev && v.ino == st.Ino })
}

// openOutside opens a file or directory of the host that is to be mounted. What is in one
// of volumes may have been written by the command, in a run before this one: from there
// on links lead no further than that volume (CVE-2017-1002101). Volumes are known by
// their inodes, as there may be more than one way to them. One that is in another may be
// taken for what such a link leads to; so the innermost that is entered counts.
func openOutside(path string, volumes []volume) (int, error) {
	if len(volumes) == 0 {
		return openHost(path)
	}
	dir, rest := unix.AT_FDCWD, path
	defer func() {
		if dir != unix.AT_FDCWD {
			unix.Close(dir)
		}
	}()
	step := func(name string, flags int) error {
		fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
		if err == nil && dir != unix.AT_FDCWD {
			unix.Close(dir)
		}
		if err == nil {
			dir = fd
		}
		return err
	}
	for links := 0; ; {
		if strings.HasPrefix(rest, "/") {
			if err := step("/", unix.O_DIRECTORY); err != nil {
				return -1, err
			}
		}
		var name string
		if name, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/"); name == "" {
			return unix.FcntlInt(uintptr(dir), unix.F_DUPFD_CLOEXEC, 0)
		}
		rest = strings.TrimLeft(rest, "/")
		target, follow, err := linkAt(dir, name)
		if err != nil {
			return -1, err
		}
		if target != "" {
			if links++; links > maxLinks {
				return -1, unix.ELOOP
			}
			rest = target + "/" + rest
			continue
		}
		err = step(name, follow|unix.O_DIRECTORY) // so that the kernel mounts what autofs has there
		if err == unix.ENOTDIR {
			err = step(name, follow)
		}
		if err != nil {
			return -1, err
		}
		if isVolume(dir, volumes) && !last(strings.Split(rest, "/")) {
			w := walk{root: dir, volumes: volumes}
			fd, err := w.follow(rest, nothing)
			if e, ok := errors.AsType[unix.Errno](err); ok {
				err = e // it is told with the whole path
			}
			return fd, err
		}
	}
}

// linkAt returns the target of a symbolic link, or "" of anything else, and how to open
// that: the links of a procfs lead elsewhere than their text says.
func linkAt(dir int, name string) (target string, follow int, err error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", 0, err
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || fs.Type == unix.PROC_SUPER_MAGIC {
		return "", 0, err
	}
	target, _, err = readLink(fd)
	return target, unix.O_NOFOLLOW, err
}

// openHost opens a file or directory of the host. Asked for a directory, the
// kernel mounts what autofs has there; with O_PATH alone it does not.
func openHost(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR {
		fd, err = unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	}
	return fd, err
}
