package shim

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/goruntime"
)

// poller tells clients that their sockets can be read or written. They do not go
// to the runtime's own poller, which asks for both, always: a socket can be
// written again each time that the peer has read something, and that would wake
// the process once more for each client at each tick. Here it is asked for only
// while somebody waits for it. The epoll instance itself is in the runtime's
// poller.
type poller struct {
	file    *os.File
	fd      int
	mu      sync.Mutex
	clients map[int32]*client // by the socket
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	file, raw, err := polled(fd, "epoll")
	if err != nil {
		return nil, err
	}
	p := &poller{file: file, fd: fd, clients: map[int32]*client{}}
	go func() { // poll
		goruntime.GrowStack()
		_ = raw.Read(p.poll) // until close
	}()
	return p, nil
}

func (p *poller) close() { p.file.Close() }

// The events that a client waits for, at edges: always, and while it is slow.
const (
	always = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	slow   = always | unix.EPOLLOUT
)

// add begins to tell the client.
func (p *poller) add(c *client) error {
	p.mu.Lock()
	p.clients[int32(c.fd)] = c
	p.mu.Unlock()
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: always, Fd: int32(c.fd)})
	return os.NewSyscallError("epoll_ctl", err)
}

// change asks for other events. What is the case already is told at once. It does
// nothing to a client that has been closed, whose descriptor may be another's.
func (p *poller) change(c *client, events uint32) {
	_ = c.raw.Control(func(fd uintptr) {
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, int(fd), &unix.EpollEvent{Events: events, Fd: int32(fd)}) // it has been added
	})
}

// forget is for before the socket is closed, which ends the events.
func (p *poller) forget(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, int32(c.fd))
}

// poll takes all events that there are, and lets the runtime wait for more. One
// that is of a client before, who had the same descriptor, does no harm: a client
// that is told looks for itself.
func (p *poller) poll(uintptr) bool {
	var events [64]unix.EpollEvent
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&events)), uintptr(len(events)), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 || n == 0 {
			return false
		}
		p.mu.Lock()
		for _, event := range events[:n] {
			if c := p.clients[event.Fd]; c != nil {
				c.tell(event.Events)
			}
		}
		p.mu.Unlock()
	}
}

// tell wakes whoever waits for one of the events.
func (c *client) tell(events uint32) {
	if events&^unix.EPOLLOUT != 0 {
		wake(c.readable)
	}
	if events&^unix.EPOLLIN != 0 {
		wake(c.writable)
	}
}
