package shim

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/eventstream"
)

// maxCommand bounds an event from a client, with all its lines.
const maxCommand = 64 << 10

// client is one connection. The loop itself writes announcements, as far as the
// socket takes them at once. For what it does not, there is a goroutine, write,
// until it is done; and another, read, for what the client sends.
type client struct {
	// file is a socket that does not block. The poller tells when it is worth
	// while to use it.
	file     *os.File
	raw      syscall.RawConn
	poller   *poller
	readable chan struct{} // closed with the client, as is the other
	writable chan struct{}
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
	// owed: it has been told the state while a kill was in question. The loop's own.
	owed bool
	// finishing is closed when nothing more will be put, and written when
	// nothing more will be written.
	finishing chan struct{}
	written   chan struct{}
	// earliest is when the next announcement is due, were there no burst. It
	// belongs to write, if that is there.
	earliest time.Time

	mu      sync.Mutex // of what follows
	writing bool       // write is there
	broken  bool       // nobody reads any more
	// mailbox holds the newest announcement that write has not taken: a slow
	// client misses some, never the newest.
	mailbox chan announcement
}

// command is an event from a client; without a name it is what is none.
type command struct {
	from *client
	name string
}

// newClient takes a connected socket, a blocking one; for rootInside see identify.
func newClient(socket int, rootInside bool, p *poller) *client {
	c := &client{
		fd: socket, poller: p,
		readable:  make(chan struct{}, 1),
		writable:  make(chan struct{}, 1),
		finishing: make(chan struct{}),
		written:   make(chan struct{}),
	}
	c.peer, c.refusal = identify(socket, rootInside)
	c.file = os.NewFile(uintptr(socket), "client") // still blocking: so the runtime does not poll it
	err := unix.SetNonblock(socket, true)
	if err == nil {
		c.raw, err = c.file.SyscallConn()
	}
	if err == nil {
		err = p.add(c)
	}
	if c.refusal == nil {
		c.refusal = err
	}
	return c
}

// close ends whatever waits for the client. Only the loop closes.
func (c *client) close() {
	c.poller.forget(c) // so that nothing is sent to the channels
	c.file.Close()     // so that those who wake up find it closed
	close(c.readable)
	close(c.writable)
}

// forgo reads what nobody will look at: to close a socket that holds something unread
// resets the connection, where the peer is to see its end (unix_release_sock).
func (c *client) forgo() {
	buf := make([]byte, 4096)
	for range (1 << 20) / len(buf) { // a socket has less; who goes on sending is not waited for
		if n, err := receiveNow(uintptr(c.fd), buf); n == 0 || err != nil {
			return
		}
	}
}

// Read reads what the client sends, for a Decoder. It waits for one thing only: a
// select would take twice the stack, for each client.
func (c *client) Read(buf []byte) (n int, err error) {
	for waited := false; ; waited = true {
		if closed := c.raw.Control(func(fd uintptr) {
			n, err = receiveNow(fd, buf)
		}); closed != nil {
			return 0, os.ErrClosed
		}
		switch {
		case err == unix.ECONNRESET: // it has left without reading all: its words count all the same
			return 0, io.EOF
		case err != unix.EAGAIN && err != nil:
			return 0, err
		case err == nil && n == 0:
			return 0, io.EOF
		case err == nil:
			if !waited { // it may never have to: the others' turn, and the loop's
				runtime.Gosched()
			}
			return n, nil
		}
		<-c.readable
	}
}

// receiveNow reads what there is, or gives EAGAIN.
func receiveNow(fd uintptr, buf []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// read is the goroutine that turns what the client sends into commands, until
// it has hung up or sends what cannot be read. It returns that reason.
func (c *client) read(commands chan<- command, quit <-chan struct{}) error {
	put := func(name string) bool {
		select {
		case commands <- command{c, name}:
			return true
		case <-quit:
			return false
		}
	}
	told := false // once is enough, whatever it goes on to send
	var lately time.Time
	decoder := eventstream.NewTypeDecoder(c, maxCommand, func() {
		told = told || put("")
		lately = time.Now()
	})
	for {
		event, err := decoder.Next()
		switch {
		case err == io.EOF:
			return c.awaitHangUp()
		case err != nil && time.Since(lately) < time.Second: // that has had its line in the log
			return nil
		case err != nil:
			return err
		}
		if !put(event.Type) {
			return nil
		}
	}
}

// awaitHangUp waits until the peer, which has shut down its sending side, has
// closed the socket: only then does poll(2) say POLLHUP.
func (c *client) awaitHangUp() error {
	for {
		gone := false
		if closed := c.raw.Control(func(fd uintptr) {
			poll := []unix.PollFd{{Fd: int32(fd)}}
			n, err := unix.Poll(poll, 0)
			gone = err == nil && n > 0 && poll[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
		}); closed != nil {
			return os.ErrClosed
		}
		if gone {
			return nil
		}
		<-c.readable
	}
}

// isHangUp reports whether a connection has ended in one of the usual ways.
func isHangUp(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
