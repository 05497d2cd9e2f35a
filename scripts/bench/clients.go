package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// audience is how many clients listen to one supervisor.
const audience = 1000

// measureClients connects many clients to one supervisor, and ends its command.
func measureClients(ctx context.Context, w *world, r *recorder) error {
	if err := raiseFiles(); err != nil {
		return err
	}
	list := named(w.available(w.subjects()), "ours")
	r.inTurns(clientRounds(w.settings.Rounds), list, r.lose, func(_ int, s subject) error {
		last, memory, err := clientsOf(ctx, s, w.id())
		if err == nil {
			r.addNumber("clients last", s.name, last.Seconds()*1000)
			r.addNumber("clients memory", s.name, memory)
		}
		return err
	})
	return nil
}

// clientsOf takes one sample: see serveMany.
func clientsOf(ctx context.Context, s subject, id string) (last time.Duration, memory float64, err error) {
	h, err := s.hold(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	last, memory, err = serveMany(ctx, h.(*oursProcess))
	return last, memory, errors.Join(err, h.finish(ctx))
}

// serveMany returns how long after the command's end the last client knew, and
// what each client costs the supervisor, in KiB.
func serveMany(ctx context.Context, o *oursProcess) (last time.Duration, memory float64, err error) {
	if err := o.connect(ctx); err != nil {
		return 0, 0, err
	}
	g := gathering{all: []held{o}}
	time.Sleep(settle)
	before, err := g.pss()
	if err != nil {
		return 0, 0, err
	}
	a, err := newAudience(filepath.Join(o.dir, "control"))
	if err != nil {
		return 0, 0, err
	}
	defer a.close()
	time.Sleep(settle) // a tick at least, with metrics for everybody
	after, err := g.pss()
	if err != nil {
		return 0, 0, err
	}
	if err := a.drain(); err != nil {
		return 0, 0, err
	}
	type end struct {
		known int64
		err   error
	}
	ends := make(chan end)
	go func() {
		known, err := a.awaitEnd()
		ends <- end{known, err}
	}()
	err = o.stop(ctx)
	e := <-ends
	if err := errors.Join(err, e.err); err != nil {
		return 0, 0, err
	}
	ended, err := o.next(lastStamp)
	return time.Duration(e.known - ended), (after - before) / audience, err
}

// listeners are clients that do as little as can be, so that what is measured is
// the supervisor: package control would decode a thousand states.
type listeners struct {
	epoll int
	fds   []int
}

// newAudience connects them.
func newAudience(path string) (*listeners, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	a := &listeners{epoll: epoll}
	for range audience {
		if err := a.connect(path); err != nil {
			a.close()
			return nil, fmt.Errorf("client %d: %w", len(a.fds), err)
		}
	}
	return a, nil
}

// connect adds one. A full backlog refuses it for a moment.
func (a *listeners) connect(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	a.fds = append(a.fds, fd)
	begin := now()
	for {
		err := unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		if err == nil {
			break
		}
		if err != unix.EAGAIN || since(begin) > patience {
			return os.NewSyscallError("connect", err)
		}
		time.Sleep(time.Millisecond)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(a.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

// drain takes what has come so far, so that only what is new is measured.
func (a *listeners) drain() error {
	buffer := make([]byte, 1<<16)
	for _, fd := range a.fds {
		if _, err := unix.Read(fd, buffer); err != nil && err != unix.EAGAIN {
			return os.NewSyscallError("read", err)
		}
	}
	return nil
}

// awaitEnd reads until every client has had the final state.
func (a *listeners) awaitEnd() (at int64, err error) {
	events := make([]unix.EpollEvent, audience)
	buffer := make([]byte, 1<<16)
	for left := len(a.fds); left > 0; {
		n, err := unix.EpollWait(a.epoll, events, int(patience.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%d of %d clients have no final state: %w", left, len(a.fds), err)
		}
		for _, event := range events[:n] {
			fd := int(event.Fd)
			n, err := unix.Read(fd, buffer)
			if err != nil || n == 0 {
				return 0, fmt.Errorf("%d clients have no final state: end of stream: %w", left, err)
			}
			at = now()
			if bytes.Contains(buffer[:n], []byte(`"up":false,"restarting":false`)) {
				left--
				// It is closed when the supervisor ends, and was read to its end.
				if err := unix.EpollCtl(a.epoll, unix.EPOLL_CTL_DEL, fd, nil); err != nil {
					return 0, os.NewSyscallError("epoll_ctl", err)
				}
			}
		}
	}
	return at, nil
}

func (a *listeners) close() {
	for _, fd := range append(a.fds, a.epoll) {
		unix.Close(fd)
	}
}

// raiseFiles lets what is started have as many descriptors as we may have.
func raiseFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = limit.Max
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
}
