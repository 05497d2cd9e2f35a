package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// stream is a connection to a control socket, and all that has come over it.
type stream struct {
	conn *net.UnixConn

	// saw looks at each state as it comes; nil looks at none.
	saw func(state) error

	mu      sync.Mutex
	states  []state
	times   []time.Time // when they came
	err     error       // why no more will come: io.EOF, or what was wrong
	changed chan struct{}
	taken   int // states that the test has looked at
}

// dial connects to the control socket of a container, as soon as there is one.
func dial(c *container) (*stream, error) {
	conn, err := connect(c)
	if err != nil {
		return nil, err
	}
	return read(conn), nil
}

// startAndDial starts a supervisor and connects to it.
func (c *container) startAndDial(l launch) (*supervisor, *stream, error) {
	s, err := c.start(l)
	if err != nil {
		return nil, nil, err
	}
	client, err := dial(c)
	if err != nil {
		s.destroy()
	}
	return s, client, err
}

// read returns what comes over a connection.
func read(conn *net.UnixConn) *stream {
	s := newStream(conn)
	go s.receive()
	return s
}

// newStream returns a connection that is not read yet.
func newStream(conn *net.UnixConn) *stream {
	return &stream{conn: conn, changed: make(chan struct{})}
}

// connect connects without reading. The socket must never refuse, unless it is a
// stale one that the supervisor is about to remove.
func connect(c *container) (conn *net.UnixConn, err error) {
	var last error
	err = poll(patience, func() error {
		conn, last = connectNow(c)
		if errors.Is(last, os.ErrNotExist) || errors.Is(last, unix.EAGAIN) || errors.Is(last, unix.ECONNREFUSED) && c.stale {
			return last
		}
		return nil
	})
	if last != nil {
		return nil, last
	}
	return conn, err
}

// connectNow makes one attempt. The path goes through a descriptor, because a
// socket's address is short.
func connectNow(c *container) (*net.UnixConn, error) {
	d, err := os.Open(c.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("/proc/self/fd/%d/control", d.Fd())})
}

// receive is the goroutine that reads. Every event must be as the contract says.
func (s *stream) receive() {
	var rest []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := s.conn.Read(buf)
		rest = append(rest, buf[:n]...)
		for err == nil || n > 0 {
			event, more, found := bytes.Cut(rest, []byte("\n\n"))
			if !found {
				break
			}
			rest = more
			if bad := s.add(event); bad != nil {
				s.finish(bad)
				return
			}
		}
		if (err == io.EOF || errors.Is(err, unix.ECONNRESET)) && len(rest) > 0 {
			err = fmt.Errorf("torn event at the end: %q", rest)
		}
		if err != nil {
			s.finish(err)
			return
		}
	}
}

// add takes one event.
func (s *stream) add(event []byte) error {
	data, framed := strings.CutPrefix(string(event), "event: state\ndata: ")
	if !framed || strings.ContainsAny(data, "\r\n") || !utf8.ValidString(data) {
		return fmt.Errorf("not framed as a state: %q", event)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var last state
	if len(s.states) > 0 {
		last = s.states[len(s.states)-1]
	}
	next, err := parseState(data)
	if err == nil {
		err = next.after(last)
	}
	if err == nil && s.saw != nil {
		err = s.saw(next)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, data)
	}
	s.states, s.times = append(s.states, next), append(s.times, time.Now())
	s.notify()
	return nil
}

func (s *stream) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.notify()
}

// notify wakes who waits. The lock must be held.
func (s *stream) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// next returns the next state that the test has not looked at.
func (s *stream) next(limit time.Duration) (state, error) {
	deadline := time.After(scaled(limit))
	for {
		s.mu.Lock()
		changed, err := s.changed, s.err
		if s.taken < len(s.states) {
			s.taken++
			defer s.mu.Unlock()
			return s.states[s.taken-1], nil
		}
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-changed:
		case <-deadline:
			return nil, errors.New("no state has come")
		}
	}
}

// await returns the first state that fulfils the conditions.
func (s *stream) await(conditions ...string) (state, error) {
	var seen []string
	deadline := time.Now().Add(scaled(30 * time.Second))
	for time.Now().Before(deadline) {
		next, err := s.next(patience)
		if err != nil {
			return nil, fmt.Errorf("%w, before a state with %q; seen:\n%s", err, conditions, strings.Join(seen, "\n"))
		}
		seen = append(seen, next.String())
		if next.meets(conditions) == nil {
			return next, nil
		}
	}
	return nil, fmt.Errorf("no state with %q; seen:\n%s", conditions, strings.Join(seen, "\n"))
}

// last returns the newest state.
func (s *stream) last() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.states) == 0 {
		return nil
	}
	return s.states[len(s.states)-1]
}

// end waits for the end of the stream, before which no state may come that the
// test has not looked at.
func (s *stream) end() error {
	next, err := s.next(patience)
	if err == nil {
		return fmt.Errorf("one more state: %s", next)
	}
	if err != io.EOF {
		return err
	}
	return nil
}

// send writes bytes to the supervisor.
func (s *stream) send(text string) error {
	_, err := s.conn.Write([]byte(text))
	return err
}

// command sends one command.
func (s *stream) command(name string) error { return s.send("event: " + name + "\n\n") }

// controlPath is where the socket is.
func (c *container) controlPath() string { return filepath.Join(c.dir, "control") }
