package cgroup

import (
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
		watch, name = watchEvents, "memory.events"
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

// watchEvents watches memory.events (kernel document cgroup-v2.rst). The other counts in
// there are no matter: whoever is at the limit for its page cache may raise "max" a
// hundred times a second, all its life.
func watchEvents(name string) (*OOMWatch, error) { return watchFile(name, "oom", "oom_kill") }

// watchFile watches the numbers behind the keys in a file that the kernel notifies of, as
// it does of v2's events files. Pollers are woken at each change of those
// (kernfs_notify). Unlike an inotify instance this takes none of
// fs.inotify.max_user_instances, of which root, too, has 128 by default: fewer than a
// host may have containers.
func watchFile(name string, keys ...string) (*OOMWatch, error) {
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
	seen := &numbers{keys: keys, values: make([]uint64, len(keys))}
	if _, err := seen.read(fd); err != nil {
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

// numbers are those behind some keys in a file, as they were read last.
type numbers struct {
	keys   []string
	values []uint64
	buf    [1024]byte
}

// read reports whether one of them is another one now.
func (n *numbers) read(fd int) (changed bool, err error) {
	size, err := pread(fd, n.buf[:])
	if err != nil {
		return false, err
	}
	for i, key := range n.keys {
		value, _ := parse(n.buf[:size], key) // of a kernel that has none it stays 0
		changed = changed || value != n.values[i]
		n.values[i] = value
	}
	return changed, nil
}

// next waits until one of them changes. It must look before it waits: the poller
// forgets what came before the wait began.
func (n *numbers) next(raw syscall.RawConn) (err error) {
	closed := raw.Read(func(fd uintptr) bool {
		var changed bool
		changed, err = n.read(int(fd))
		return changed || err != nil
	})
	if closed != nil {
		return closed
	}
	return err
}
