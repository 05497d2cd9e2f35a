package cgroup

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// An OOMWatch tells when a group may have run out of memory. It is a hint; the
// truth is OOMKills: v1 tells before the counter rises, and when the group is
// removed, too.
type OOMWatch struct {
	file *os.File
	wait func() error
}

// WatchOOM begins to watch. The error wraps ErrNoController if there is no memory
// controller.
func (g *Group) WatchOOM() (*OOMWatch, error) {
	if !g.offers("memory") {
		return nil, g.wrap(fmt.Errorf("watch memory: %w", ErrNoController))
	}
	watch, name := watchEventfd, "memory.oom_control"
	if g.version == V2 {
		watch, name = watchFile, "memory.events"
	}
	file, err := g.file("memory", name)
	if err == nil {
		var w *OOMWatch
		if w, err = watch(file); err == nil {
			return w, nil
		}
	}
	return nil, g.wrap(fmt.Errorf("watch memory: %w", err))
}

// Wait waits for a notification, in the runtime's poller: it holds no thread.
// Several that came meanwhile are one. After Close the error wraps os.ErrClosed;
// any error is the end of the watch. One goroutine may wait at a time.
func (w *OOMWatch) Wait() error { return w.wait() }

// Close ends the watch, and a call of Wait.
func (w *OOMWatch) Close() error { return w.file.Close() }

// watchEventfd watches memory.oom_control (kernel document cgroup-v1/memory.rst,
// 10. OOM Control). The kernel forgets the registration when the eventfd is
// closed, or the cgroup removed.
func watchEventfd(control string) (*OOMWatch, error) {
	oom, err := unix.Open(control, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: control, Err: err}
	}
	defer unix.Close(oom) // it names the file, and is not needed afterwards
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	f := os.NewFile(uintptr(fd), "eventfd")
	registrar := control[:len(control)-len("memory.oom_control")] + "cgroup.event_control"
	if err := write(registrar, strconv.Itoa(fd)+" "+strconv.Itoa(oom)); err != nil {
		f.Close()
		return nil, err
	}
	return &OOMWatch{file: f, wait: func() error {
		var count [8]byte
		_, err := f.Read(count[:])
		return err
	}}, nil
}

// watchFile watches a file that the kernel notifies of, as it does of v2's
// events files. Pollers are woken at each change of those (kernfs_notify). Unlike
// an inotify instance this takes none of fs.inotify.max_user_instances, of which
// root, too, has 128 by default: fewer than a host may have containers.
func watchFile(name string) (*OOMWatch, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name) // O_NONBLOCK makes it go to the poller
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	seen := &content{}
	if err := seen.read(fd); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return &OOMWatch{file: f, wait: func() error {
		err := seen.next(raw)
		if err == nil {
			return nil
		}
		if _, closed := f.Read(nil); closed != nil { // a RawConn has an error of its own for that
			return closed
		}
		return &fs.PathError{Op: "read", Path: name, Err: err}
	}}, nil
}

// content is what a file held when it was read last.
type content struct {
	buf [1024]byte
	n   int
}

func (c *content) read(fd int) error {
	n, err := unix.Pread(fd, c.buf[:], 0)
	c.n = max(n, 0)
	return err
}

// next waits until the file holds something else. It must look before it waits:
// the poller forgets what came before the wait began.
func (c *content) next(raw syscall.RawConn) error {
	var err error
	closed := raw.Read(func(fd uintptr) bool {
		now := content{}
		if err = now.read(int(fd)); err != nil {
			return true
		}
		changed := !bytes.Equal(now.buf[:now.n], c.buf[:c.n])
		*c = now
		return changed
	})
	if closed != nil {
		return closed
	}
	return err
}
