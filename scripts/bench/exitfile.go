package main

import (
	"bytes"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// exitWatch notices exit files as conmon makes them. There is one for all
// containers: a user has 128 inotify instances.
type exitWatch struct {
	ends
	dir  string
	once sync.Once
	err  error
}

// start begins to watch.
func (e *exitWatch) start() error {
	e.once.Do(func() { e.err = e.startOnce() })
	return e.err
}

func (e *exitWatch) startOnce() error {
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	// Conmon renames the file into place.
	if _, err := unix.InotifyAddWatch(fd, e.dir, unix.IN_MOVED_TO); err != nil {
		unix.Close(fd)
		return os.NewSyscallError("inotify_add_watch", err)
	}
	go e.watch(os.NewFile(uintptr(fd), "inotify"))
	return nil
}

// watch reads events as long as the bench lives: a head of 16 bytes, and a name
// that is filled up with NULs (inotify(7)).
func (e *exitWatch) watch(events *os.File) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := events.Read(buffer)
		at := now()
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			end := unix.SizeofInotifyEvent + int(rest[12]) + int(rest[13])<<8
			name, _, _ := bytes.Cut(rest[unix.SizeofInotifyEvent:end], []byte{0})
			e.tell(string(name), at)
			rest = rest[end:]
		}
	}
}
