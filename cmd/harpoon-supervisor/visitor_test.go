package main_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// visitor is a client of a trial.
type visitor struct {
	visit
	stream *stream
	read   bool // it reads, or has read
}

// visit is what one client does. It returns only what must not happen.
func (t *trial) visit(name string, a appointment) error {
	t.await(a.at)
	v, err := t.connect(name, a.what != "deaf")
	if v == nil || err != nil {
		return err
	}
	switch a.what {
	case "half":
		_ = v.stream.conn.CloseWrite() // fails if the supervisor has gone
	case "floods":
		go func() { _ = v.stream.send(strings.Repeat("event: dance\ndata\n\n: a comment\r\n", 200)) }() // as far as it is read
	case "garbage":
		v.rude = true
		go func() { _ = v.stream.send(strings.Repeat("stop", 32<<10)) }() // until it is cut off
	}
	for _, s := range a.sends {
		t.await(max(a.at, s.at))
		t.send(v, s.what)
	}
	if a.leave > 0 {
		t.await(max(a.at, a.leave))
		v.left = true
		v.stream.conn.Close()
	}
	return nil
}

// send sends a command. Where the connection has ended it is not sent.
func (t *trial) send(v *visitor, what string) {
	_ = t.record(what, func() error { return v.stream.command(what) })
}

// connect comes to the supervisor as an agent does, and returns nil if that has
// ended. A socket that is there never refuses: but it may be removed between our
// finding it and our connecting, and a crashed one's is stale.
func (t *trial) connect(name string, read bool) (*visitor, error) {
	deadline := time.Now().Add(scaled(patience))
	refused := 0
	for !t.gone() {
		from := time.Now()
		conn, err := connectNow(t.container)
		switch {
		case err == nil:
			return t.welcome(name, read, conn, from), nil
		case errors.Is(err, unix.ECONNREFUSED) && !t.container.stale && !t.crashing.Load():
			if refused++; refused > 3 {
				return nil, fmt.Errorf("%s: %w, again and again", name, err)
			}
		case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EAGAIN):
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if time.Now().After(deadline) && !t.stopped.Load() {
			return nil, fmt.Errorf("%s: %w, all the time", name, err)
		}
		<-time.After(time.Millisecond << min(refused*5, 5))
	}
	return nil, nil
}

func (t *trial) welcome(name string, read bool, conn *net.UnixConn, from time.Time) *visitor {
	v := &visitor{visit: visit{name: name, from: from, to: time.Now()}, stream: newStream(conn), read: read}
	v.stream.saw = executed
	if read {
		go v.stream.receive()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.visitors = append(t.visitors, v)
	return v
}

// executed: what is told to be up is no longer init, whose thread names begin with a
// slash: that the command has one yet is the last that an execve(2) does. It may have
// ended since.
func executed(s state) error {
	if !s.up() {
		return nil
	}
	proc := fmt.Sprintf("/proc/%d/", s.count("pid"))
	name, _ := os.ReadFile(proc + "comm")
	exe, err := os.Readlink(proc + "exe")
	if strings.HasPrefix(string(name), "/") && err == nil && exe != "/bin/workload" {
		return fmt.Errorf("up before the exec: the process is called %q, and is %s", name, exe)
	}
	return nil
}

// over reports whether nothing more will come but the end.
func (v *visitor) over() bool {
	v.stream.mu.Lock()
	defer v.stream.mu.Unlock()
	n := len(v.stream.states)
	return v.stream.err != nil || n > 0 && v.stream.states[n-1].final()
}

// close ends all visits, in which nothing may be missing, and completes the
// story.
func (t *trial) close() error {
	var errs []error
	for _, v := range t.visitors {
		if !v.read {
			go v.stream.receive()
		}
		errs = append(errs, poll(patience, func() error {
			v.stream.mu.Lock()
			defer v.stream.mu.Unlock()
			v.end = v.stream.err
			if v.end == nil {
				return errors.New(v.name + ": the connection does not end")
			}
			return nil
		}))
		v.stream.conn.Close()
		v.tell()
		t.story.visits = append(t.story.visits, &v.visit)
	}
	return errors.Join(append(errs, t.readLog(), t.readWitness())...)
}

// tell completes what the client has seen.
func (v *visitor) tell() {
	if v.left && errors.Is(v.end, net.ErrClosed) {
		v.end = nil
	}
	v.stream.mu.Lock()
	defer v.stream.mu.Unlock()
	for i, s := range v.stream.states {
		v.seen = append(v.seen, sighting{s, v.stream.times[i]})
	}
}
