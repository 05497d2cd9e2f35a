package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"time"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/eventstream"
)

// A Client is a connection to a control socket. It is safe for concurrent use.
type Client struct {
	conn *net.UnixConn
	// states holds the newest state that nobody has taken. Only receive sends
	// on it and closes it, so that draining it makes room for certain.
	states chan agent.ContainerProcessState
	// err is what ended receive; valid once states is closed.
	err error
	// sending holds a value while a command is written: the write deadline
	// belongs to one command at a time.
	sending chan struct{}
}

func newClient(conn *net.UnixConn) *Client {
	c := &Client{
		conn:    conn,
		states:  make(chan agent.ContainerProcessState, 1),
		sending: make(chan struct{}, 1),
	}
	go c.receive()
	return c
}

// Next waits for a state that no call of Next has returned yet, and returns it.
// It is the newest one (see the package comment). Of several calls at the same
// time each gets another state.
//
// When ctx is done Next returns its error, wrapped. No state is lost by that:
// what was on its way is there for the next call.
//
// After the final state, once the supervisor has closed the connection, Next
// returns io.EOF. If the connection ends before a final state the error wraps
// io.ErrUnexpectedEOF or the error of read(2); if the supervisor sends what is
// no state it says what; after Close it wraps net.ErrClosed. All of these are
// returned by each further call, too.
func (c *Client) Next(ctx context.Context) (agent.ContainerProcessState, error) {
	var none agent.ContainerProcessState
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("receive state: %w", err)
	}
	select {
	case s, ok := <-c.states:
		if !ok {
			return none, c.err
		}
		return s, nil
	case <-ctx.Done():
		return none, fmt.Errorf("receive state: %w", ctx.Err())
	}
}

// States returns an iterator over what Next returns. It ends after io.EOF, which
// it does not yield; any other error is yielded and ends it. Leaving the loop
// leaves the client usable.
func (c *Client) States(ctx context.Context) iter.Seq2[agent.ContainerProcessState, error] {
	return func(yield func(agent.ContainerProcessState, error) bool) {
		for {
			s, err := c.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// Stop asks for a TERM to the command, and that it is not restarted. It returns
// when the supervisor has been sent the command, not when it has obeyed: what
// came of it is seen from the states. That is true of Kill and Exit as well.
//
// If ctx is done first the command has not been sent, and the error wraps that
// of ctx. It wraps syscall.EPIPE if the supervisor has closed the connection, and
// net.ErrClosed after Close.
func (c *Client) Stop(ctx context.Context) error { return c.send(ctx, agent.EventStop) }

// Kill asks for a KILL to the command, and that it is not restarted. Its errors
// are those of Stop.
func (c *Client) Kill(ctx context.Context) error { return c.send(ctx, agent.EventKill) }

// Exit asks the supervisor to end. It does so only if the container is down for
// good at the moment when it reads this: call Exit after the final state. Its
// errors are those of Stop.
func (c *Client) Exit(ctx context.Context) error { return c.send(ctx, agent.EventExit) }

// Close closes the connection and ends every call of Next. It returns when
// nothing of the client is left running. The container is not affected. Closing
// again returns an error that wraps net.ErrClosed.
func (c *Client) Close() error {
	err := c.conn.Close()
	for range c.states { // waits for receive, and drops what nobody took
	}
	if err != nil {
		return fmt.Errorf("close: %w", cause(err))
	}
	return nil
}

// send writes one command.
func (c *Client) send(ctx context.Context, eventType string) error {
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
	}
	err := ctx.Err() // both may have been ready
	if err == nil {
		err = c.write(ctx, eventstream.Append(nil, eventType, nil))
	}
	if err != nil {
		return fmt.Errorf("send %s: %w", eventType, err)
	}
	return nil
}

// write writes a frame, until ctx is done. A frame as small as a command is
// queued by the kernel whole or not at all (it is one skb: unix_stream_sendmsg
// in net/unix/af_unix.c), so that a deadline never leaves half a command in
// front of the next one.
func (c *Client) write(ctx context.Context, frame []byte) error {
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		c.conn.SetWriteDeadline(time.Unix(1, 0)) // fails only on a closed connection, which ends Write as well
	})
	_, err := c.conn.Write(frame)
	if !stop() {
		// Once more, after it has surely run: else it would end the next command.
		<-expired
		c.conn.SetWriteDeadline(time.Time{})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err()
	}
	return cause(err)
}
