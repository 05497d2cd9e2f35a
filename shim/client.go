package shim

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/eventstream"
)

// maxCommand bounds an event from a client, with all its lines.
const maxCommand = 64 << 10

// announcement is an encoded state event; it is shared by all clients.
type announcement struct {
	event []byte
	final bool
}

// client is one connection. The loop puts announcements into its mailbox; two
// goroutines serve it, read and write.
type client struct {
	file *os.File
	peer unix.Ucred
	// refusal is why the peer may not use the socket, or nil.
	refusal error
	// mailbox holds the newest announcement that has not been taken: a slow
	// client misses some, never the newest.
	mailbox chan announcement
	// final: the final state has been put, and nothing may follow it. The
	// loop's own.
	final bool
	// written is closed when write has ended.
	written chan struct{}
}

// command is an event from a client.
type command struct {
	from *client
	name string
}

// newClient takes a connected socket, non-blocking; for rootInside see identify.
func newClient(socket int, rootInside bool) *client {
	c := &client{mailbox: make(chan announcement, 1), written: make(chan struct{})}
	c.peer, c.refusal = identify(socket, rootInside)
	c.file = os.NewFile(uintptr(socket), "client")
	return c
}

// put leaves an announcement for the writer. It never waits: only the loop puts.
func (c *client) put(a announcement) {
	if c.final {
		return
	}
	c.final = a.final
	select {
	case <-c.mailbox:
	default:
	}
	c.mailbox <- a
}

// read is the goroutine that turns what the client sends into commands, until
// it has hung up or sends what cannot be read. It returns that reason.
func (c *client) read(commands chan<- command, quit <-chan struct{}) error {
	decoder := eventstream.NewDecoder(c.file, maxCommand)
	for {
		event, err := decoder.Next()
		if err == io.EOF {
			return c.awaitHangUp()
		}
		if err != nil {
			return err
		}
		select {
		case commands <- command{c, event.Type}:
		case <-quit:
			return nil
		}
	}
}

// awaitHangUp waits until the peer, which has shut down its sending side, has
// closed the socket: only then does poll(2) say POLLHUP.
func (c *client) awaitHangUp() error {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(poll, 0)
		return err == nil && n > 0 && poll[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
}

// The pace of announcements to one client.
const (
	paceInterval = 20 * time.Millisecond // between two of them, in the long run
	paceBurst    = 2                     // may follow one another at once
)

// The patience with clients at the end of the supervisor.
const (
	endProgress = 500 * time.Millisecond // without a byte taken
	endTotal    = 900 * time.Millisecond
)

// write is the goroutine that writes announcements, until the mailbox is closed
// or the client is gone. sent is told about a final one that has been written.
func (c *client) write(sent func()) {
	defer close(c.written)
	earliest := time.Now() // when the next one is due, were there no burst
	for a := range c.mailbox {
		a = c.pace(a, time.Until(earliest)-(paceBurst-1)*paceInterval)
		if now := time.Now(); earliest.Before(now) {
			earliest = now
		}
		earliest = earliest.Add(paceInterval)
		if c.writeAll(a.event) != nil {
			// Nobody reads any more; but what was sent before is still to
			// be read, and read reports the end.
			for range c.mailbox {
				// until the loop closes it
			}
			return
		}
		if a.final {
			sent()
		}
	}
}

// pace waits before an announcement and returns the newest by then. A final
// one does not wait.
func (c *client) pace(a announcement, wait time.Duration) announcement {
	if wait <= 0 || a.final {
		return a
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case newer, open := <-c.mailbox:
			if !open {
				return a
			}
			if a = newer; a.final {
				return a
			}
		case <-timer.C:
			return a
		}
	}
}

// writeAll writes one event. At the end of the supervisor there is a deadline,
// which progress extends.
func (c *client) writeAll(event []byte) error {
	for {
		n, err := c.file.Write(event)
		event = event[n:]
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := c.file.SetWriteDeadline(time.Now().Add(endProgress)); err != nil {
			return err
		}
	}
}

// finish lets write end when it has written what is in the mailbox. The loop
// must not put anything afterwards.
func (c *client) finish() {
	_ = c.file.SetWriteDeadline(time.Now().Add(endProgress)) // closed already is as good
	close(c.mailbox)
}

// isHangUp reports whether a connection has ended in one of the usual ways.
func isHangUp(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
