package shim

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listener is the control socket. It is bound and listening under another name
// before it is renamed to control, so that nobody ever sees control refuse.
type listener struct {
	dir    runDir
	file   *os.File
	raw    syscall.RawConn
	poller *poller     // for the clients
	socket unix.Stat_t // the socket's inode
	// slots bounds the clients, so that descriptors are left for runs: who
	// finds no slot waits in the backlog.
	slots   chan struct{}
	stopped chan struct{} // closed by stop
	// rootInside: a process of the container may have a uid that is allowed.
	// Set before accept.
	rootInside bool
}

// reservedFDs are kept free of clients: a start needs about twenty.
const reservedFDs = 64

// backlog is cut to net.core.somaxconn by the kernel.
const backlog = 4096

// listen makes the listening socket, not yet in its place.
func listen(dir runDir) (*listener, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	l := &listener{dir: dir, file: os.NewFile(uintptr(fd), controlName), slots: make(chan struct{}, maxClients()), stopped: make(chan struct{})}
	// Before bind, so that the file has this mode from its first instant.
	if err = unix.Fchmod(fd, 0o600); err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: dir.path(newControlName)})
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err == nil {
		err = unix.Fstatat(int(dir.Fd()), newControlName, &l.socket, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		l.raw, err = l.file.SyscallConn()
	}
	if err == nil {
		l.poller, err = newPoller()
	}
	if err != nil {
		_ = l.close() // the first error is the one to know
		return nil, os.NewSyscallError("listen on "+controlName, err)
	}
	return l, nil
}

// maxClients returns how many clients fit under the descriptor limit.
func maxClients() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return clientsWithin(0)
	}
	return clientsWithin(int(min(limit.Cur, 1<<20)))
}

// clientsWithin leaves as many descriptors as are reserved, or, under a low limit, what a
// start takes and half of the rest. There are two clients in any case: an agent, and
// whoever wants to stop the container by hand.
func clientsWithin(limit int) int { return max(limit-reservedFDs, 2+(limit-leastFDs)/2, 2) }

// publish puts the socket in its place.
func (l *listener) publish() error {
	fd := int(l.dir.Fd())
	return os.NewSyscallError("rename "+controlName, unix.Renameat(fd, newControlName, fd, controlName))
}

// published reports whether control is there and ours.
func (l *listener) published() bool {
	var st unix.Stat_t
	err := unix.Fstatat(int(l.dir.Fd()), controlName, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && st.Dev == l.socket.Dev && st.Ino == l.socket.Ino
}

// unpublish removes control, if it is still ours, and the unfinished one. What
// is gone already is as good.
func (l *listener) unpublish() error {
	names := []string{newControlName}
	if l.published() {
		names = append(names, controlName)
	}
	var errs []error
	for _, name := range names {
		if err := l.dir.remove(name); err != nil {
			errs = append(errs, &fs.PathError{Op: "remove", Path: name, Err: err})
		}
	}
	return errors.Join(errs...)
}

// accept is the goroutine that turns connections into clients, until stop. Who waits
// in the backlog then is left to drain.
func (l *listener) accept(accepted chan<- *client) {
	defer close(accepted)
	for l.waitForSlot() {
		fd, err := l.next()
		if err == nil {
			accepted <- newClient(fd, l.rootInside, l.poller)
			// Those who have been let in are looked at before the next one, or who comes
			// and goes again and again would be let in faster than he is let go: their
			// goroutines stand in one line with this one, see client.Read.
			runtime.Gosched()
			continue
		}
		<-l.slots
		// The system's limits, as ours are kept: it passes, and must not be waited out by
		// trying. Or it is the end.
		if err != unix.ECONNABORTED && !l.pause(100*time.Millisecond) {
			return
		}
	}
}

// waitForSlot waits for room for another client, and reports whether there will be any
// before the end.
func (l *listener) waitForSlot() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	case <-l.stopped:
		return false
	}
}

// pause waits, but not beyond stop, and reports whether it has not come.
func (l *listener) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-l.stopped:
		return false
	}
}

// drain takes the clients that wait in the backlog after stop, as far as there is room,
// and reports whether there were any.
func (l *listener) drain(join func(*client)) (any bool) {
	for {
		select {
		case l.slots <- struct{}{}:
		default:
			return any
		}
		fd, err := l.acceptNow()
		if err != nil {
			<-l.slots
			return any
		}
		join(newClient(fd, l.rootInside, l.poller))
		any = true
	}
}

// next waits for a connection.
func (l *listener) next() (fd int, err error) {
	waited := l.raw.Read(func(uintptr) bool {
		fd, err = l.acceptNow()
		return err != unix.EAGAIN
	})
	if waited != nil {
		return -1, waited
	}
	return fd, err
}

func (l *listener) acceptNow() (int, error) {
	var fd int
	var err error
	if closed := l.raw.Control(func(listening uintptr) {
		fd, _, err = unix.Accept4(int(listening), unix.SOCK_CLOEXEC)
	}); closed != nil {
		return -1, closed
	}
	return fd, err
}

// stop makes accept finish. control must have been removed.
func (l *listener) stop() {
	close(l.stopped)
	_ = l.file.SetReadDeadline(time.Unix(1, 0)) // an open socket takes it
}

func (l *listener) close() error {
	if l.poller != nil {
		l.poller.close()
	}
	return errors.Join(l.unpublish(), l.file.Close())
}
