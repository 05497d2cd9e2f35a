package nsinit

import (
	"strings"

	"golang.org/x/sys/unix"
)

// volume is one of the mounts, as the host has its source.
type volume struct {
	index    int
	source   string
	fd       int // open, so that no other gets its inode's number
	dev, ino uint64
	// doubtful: the way to it leads through another volume, so that it may be what a
	// link of the command's leads to.
	doubtful bool
}

// openVolumes opens the sources that there are. Volumes are known by their inodes, as
// there may be more than one way to them.
func (c *container) openVolumes() (list []volume) {
	for _, m := range c.mounts {
		if m.Source == "" || m.index < 0 {
			continue
		}
		setVolumeName(m.index)
		if fd, err := openHost(m.Source); err == nil {
			dev, ino, _ := inode(fd) // of an open file it does not fail
			list = append(list, volume{index: m.index, source: m.Source, fd: fd, dev: dev, ino: ino})
		}
	}
	for i, v := range list {
		o := others{list, v.index}
		if o.none() {
			break
		}
		setVolumeName(v.index)
		fd, _, in, err := enter(v.source, o)
		if err == nil {
			unix.Close(fd)
		}
		list[i].doubtful = err != nil || in != nil
	}
	return list
}

func closeVolumes(list []volume) {
	for _, v := range list {
		unix.Close(v.fd)
	}
}

// others are volumes but for the one that is to be opened.
type others struct {
	volumes []volume
	than    int // its index
}

const nobody = -1 // the index of what is no volume

// none reports whether there are no others.
func (o others) none() bool {
	return len(o.volumes) == 0 || len(o.volumes) == 1 && o.volumes[0].index == o.than
}

// find returns which of them is open as fd, or nil.
func (o others) find(fd int) *volume {
	if o.none() {
		return nil
	}
	dev, ino, err := inode(fd)
	if err != nil {
		return nil
	}
	for i, v := range o.volumes {
		if v.index != o.than && v.dev == dev && v.ino == ino {
			return &o.volumes[i]
		}
	}
	return nil
}

// openOutside opens a file or directory of the host that is to be mounted. What is in one
// of the others may have been written by the command, in a run before this one: from there
// on links lead no further than that volume (CVE-2017-1002101), the innermost that is
// entered; in one that is doubtful there are to be none.
func openOutside(path string, volumes others) (int, error) {
	fd, rest, in, err := enter(path, volumes)
	if err != nil || in == nil {
		return fd, err
	}
	defer unix.Close(fd)
	w := walk{root: fd, volumes: volumes, linkless: in.doubtful}
	return w.follow(rest, nothing)
}

// enter goes along a path of the host until it is in a volume, and returns that with the
// rest of the path; or to the end of the path.
func enter(path string, volumes others) (fd int, rest string, in *volume, err error) {
	if volumes.none() {
		fd, err = openHost(path)
		return fd, "", nil, err
	}
	dir, rest := unix.AT_FDCWD, path
	leave := func() {
		if dir != unix.AT_FDCWD {
			unix.Close(dir)
		}
	}
	defer func() {
		if err != nil {
			leave()
			fd = -1
		}
	}()
	step := func(name string, flags int) error {
		fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
		if err == nil {
			leave()
			dir = fd
		}
		return err
	}
	for links := 0; ; {
		if strings.HasPrefix(rest, "/") {
			if err := step("/", unix.O_DIRECTORY); err != nil {
				return -1, "", nil, err
			}
		}
		var name string
		if name, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/"); name == "" {
			return dir, "", nil, nil
		}
		rest = strings.TrimLeft(rest, "/")
		target, follow, err := linkAt(dir, name)
		if err != nil {
			return -1, "", nil, err
		}
		if target != "" {
			if links++; links > maxLinks {
				return -1, "", nil, unix.ELOOP
			}
			rest = target + "/" + rest
			continue
		}
		err = step(name, follow|unix.O_DIRECTORY) // so that the kernel mounts what autofs has there
		if err == unix.ENOTDIR {
			err = step(name, follow)
		}
		if err != nil {
			return -1, "", nil, err
		}
		if in := volumes.find(dir); in != nil && !last(strings.Split(rest, "/")) {
			return dir, rest, in, nil
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
