package shim

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/eventstream"
)

// maxCommand bounds an event from a client, with all its lines.
const maxCommand = 64 << 10

// client is one connection. The loop itself writes announcements, as far as the
// socket takes them at once. For what it does not, there is a goroutine, write,
// until it is done; and another, read, for what the client sends.
type client struct {
	file *os.File
	// fd is the file's, for the loop, which is the one to close it.
	fd   int
	peer unix.Ucred
	// refusal is why the peer may not use the socket, or nil.
	refusal error
	// sent is called for a final announcement that has been written.
	sent func()
	// final: the final state has been put, and nothing may follow it. The
	// loop's own.
	final bool
	// written is closed when nothing more will be written.
	written chan struct{}
	// earliest is when the next announcement is due, were there no burst. It
	// belongs to write, if that is there.
	earliest time.Time

	mu      sync.Mutex // of what follows
	writing bool       // write is there
	broken  bool       // nobody reads any more
	ended   bool       // nothing more will be put
	// mailbox holds the newest announcement that write has not taken: a slow
	// client misses some, never the newest.
	mailbox chan announcement
}

// command is an event from a client.
type command struct {
	from *client
	name string
}

// newClient takes a connected socket, non-blocking; for rootInside see identify.
func newClient(socket int, rootInside bool) *client {
	c := &client{fd: socket, written: make(chan struct{})}
	c.peer, c.refusal = identify(socket, rootInside)
	c.file = os.NewFile(uintptr(socket), "client")
	return c
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

// isHangUp reports whether a connection has ended in one of the usual ways.
func isHangUp(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
