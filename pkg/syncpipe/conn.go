package syncpipe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FD is the descriptor of the child's end in the child.
const FD = 3

// maxPacket bounds what the shim sends. Linux takes packets up to the send
// buffer less some overhead (socket(7), SO_SNDBUF).
const maxPacket = 4 << 20

// maxTasks is more than the hierarchies that a container has a cgroup in.
const maxTasks = 16

// maxReply bounds what init sends; init is not trusted once it has touched the
// root filesystem.
const maxReply = 64 << 10

// errTooLarge is what a message beyond the socket's send buffer is refused with.
var errTooLarge = errors.New("command and environment too large")

// Conn is one end of the sync pipe. It may be used by one goroutine at a time;
// Interrupt and Close by any.
type Conn struct {
	file *os.File
	raw  syscall.RawConn
	// blocking: the socket itself waits, with a timeout (init's end); else the
	// runtime's poller does.
	blocking bool
}

// Pair makes a sync pipe: the shim's end, and the file to hand to the child as
// descriptor FD. Both are close-on-exec.
func Pair() (*Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	child := os.NewFile(uintptr(fds[1]), "sync pipe (init)")
	conn, err := shimEnd(fds[0])
	if err != nil {
		unix.Close(fds[0])
		child.Close()
		return nil, nil, err
	}
	return conn, child, nil
}

func shimEnd(fd int) (*Conn, error) {
	// The force variant needs CAP_NET_ADMIN; without it the limit stays at
	// net.core.wmem_max, and limit says so.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, maxPacket) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, maxPacket); err != nil {
			return nil, os.NewSyscallError("setsockopt SO_SNDBUF", err)
		}
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return newConn(os.NewFile(uintptr(fd), "sync pipe (shim)"), false)
}

// Inherited returns the child's end in the child: descriptor FD, which the shim
// has left open across execve. Waits on it end after Timeout.
func Inherited() (*Conn, error) {
	if err := fault(true, "inherit", nil); err != nil {
		return nil, err
	}
	unix.CloseOnExec(FD)
	timeout := unix.NsecToTimeval(Timeout.Nanoseconds())
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(FD, unix.SOL_SOCKET, option, &timeout); err != nil {
			return nil, os.NewSyscallError("setsockopt", err)
		}
	}
	return newConn(os.NewFile(FD, "sync pipe (init)"), true)
}

func newConn(file *os.File, blocking bool) (*Conn, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Conn{file: file, raw: raw, blocking: blocking}, nil
}

// Close closes this end; the other one reads EOF.
func (c *Conn) Close() error { return c.file.Close() }

// SetTimeout bounds the following calls of the shim's end to d from now. It undoes an
// Interrupt of before.
func (c *Conn) SetTimeout(d time.Duration) error {
	return c.file.SetDeadline(time.Now().Add(d))
}

// Interrupt makes a call of the shim's end that waits now return an error that
// is os.ErrDeadlineExceeded.
func (c *Conn) Interrupt() error { return c.file.SetDeadline(time.Unix(1, 0)) }

// Encode returns the packet of a message, or an error with its size and the limit for
// one that cannot be sent.
func (c *Conn) Encode(m Message) ([]byte, error) {
	packet, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("sync pipe: encode %s: %w", m.Type, err)
	}
	if limit := c.limit(); len(packet) > limit {
		return nil, fmt.Errorf("%w: %d bytes as a message, limit %d", errTooLarge, len(packet), limit)
	}
	return packet, nil
}

// limit returns the size of the largest packet that the socket takes.
func (c *Conn) limit() int {
	size := 0
	_ = c.raw.Control(func(fd uintptr) { // an open socket has this option
		size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF)
	})
	// The kernel reports twice what was set, all of which a packet may fill
	// but for its bookkeeping (32 bytes; net/unix/af_unix.c), and refuses to
	// allocate packets over 4 MiB and a bit contiguously.
	return min(size-32, maxPacket)
}

// Send encodes and sends one message.
func (c *Conn) Send(m Message) error {
	packet, err := c.Encode(m)
	if err != nil {
		return err
	}
	return c.SendPacket(packet)
}

// SendPacket sends one encoded message; a config's may come with files, which init
// gets as descriptors of its own (unix(7), SCM_RIGHTS).
func (c *Conn) SendPacket(packet []byte, tasks ...*os.File) error {
	var rights []byte
	if len(tasks) > 0 {
		fds := make([]int, len(tasks))
		for i, file := range tasks {
			fds[i] = int(file.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	err := fault(c.blocking, "send", packet)
	if err == nil {
		err = c.wait(c.raw.Write, func(fd int) error {
			// An end whose other half has died gives EPIPE, without the signal.
			return unix.Sendmsg(fd, packet, rights, nil, unix.MSG_NOSIGNAL)
		})
	}
	if err != nil {
		return fmt.Errorf("sync pipe: send: %w", err)
	}
	return nil
}

// Receive reads one message. The end of the conversation is io.EOF.
func (c *Conn) Receive() (Message, error) {
	got, err := c.receive(nil, nil, unix.MSG_PEEK|unix.MSG_TRUNC)
	if err != nil {
		return Message{}, err
	}
	size := maxReply
	if c.blocking { // only the shim may send more
		size = maxPacket
	}
	if got.n > size {
		return Message{}, fmt.Errorf("sync pipe: packet larger than %d bytes", size)
	}
	packet := make([]byte, got.n)
	var rights []byte
	if c.blocking { // only the shim may send files
		rights = make([]byte, unix.CmsgSpace(maxTasks*4))
	}
	got, err = c.receive(packet, rights, 0)
	switch {
	case err != nil:
		return Message{}, err
	case got.n == 0: // no message is empty, so this is the end
		return Message{}, io.EOF
	}
	m, err := decode(packet[:got.n])
	if err == nil && got.rights > 0 {
		m.Tasks, err = descriptors(rights[:got.rights])
	}
	return m, err
}

// received is the size of a packet, and of its control messages, in bytes.
type received struct{ n, rights int }

func (c *Conn) receive(packet, rights []byte, how int) (got received, err error) {
	err = c.wait(c.raw.Read, func(fd int) error {
		var err error
		got.n, got.rights, _, _, err = unix.Recvmsg(fd, packet, rights, how|unix.MSG_CMSG_CLOEXEC)
		if err == unix.ECONNRESET {
			// The peer died and left data of ours unread. The error is
			// reported once, before its last words, which are still queued.
			got.n, got.rights, _, _, err = unix.Recvmsg(fd, packet, rights, how|unix.MSG_CMSG_CLOEXEC)
		}
		return err
	})
	if err == nil && how == 0 {
		err = fault(c.blocking, "receive", packet[:got.n])
	}
	if err != nil {
		err = fmt.Errorf("sync pipe: receive: %w", err)
	}
	return got, err
}

// descriptors returns those of the one control message that there is.
func descriptors(rights []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	var fds []int
	if err == nil {
		fds, err = unix.ParseUnixRights(&messages[0])
	}
	if err != nil {
		return nil, fmt.Errorf("sync pipe: descriptors: %w", err)
	}
	return fds, nil
}

// wait repeats a call until it need not wait.
func (c *Conn) wait(ready func(func(uintptr) bool) error, call func(fd int) error) error {
	var result error
	err := ready(func(fd uintptr) bool {
		for {
			result = call(int(fd))
			if result != unix.EINTR {
				break
			}
		}
		return c.blocking || result != unix.EAGAIN
	})
	if err != nil {
		return err
	}
	if result == unix.EAGAIN { // SO_RCVTIMEO and SO_SNDTIMEO say it so (socket(7))
		return os.ErrDeadlineExceeded
	}
	return result
}

// Expect reads one message of the wanted type. A failed message is returned as
// an error of type *Failed; any other is an error that names both.
func (c *Conn) Expect(want Type) (Message, error) {
	m, err := c.Receive()
	switch {
	case err != nil:
		return Message{}, err
	case m.Type == TypeFailed:
		return Message{}, m.Failed
	case m.Type != want:
		return Message{}, fmt.Errorf("sync pipe: got message %q, want %q", m.Type, want)
	}
	return m, nil
}
