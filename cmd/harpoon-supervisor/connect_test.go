package main_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestConnects: 10,000 connects to a supervisor with 256 descriptors. The
// clients that it has are served, runs are started, the others wait without
// costing anything, and are served when there is room.
func TestConnects(t *testing.T) {
	needRoot(t)
	const connects, limit = 10_000, 256
	l := launch{via: []string{"prlimit", fmt.Sprintf("--nofile=%d:%[1]d", limit)}, command: []string{"/bin/workload", "ignore-term"}}
	c, s := started(t, l, `{"resources": {"fd": 50}, "restart": "always", "restart_backoff": {"initial": "0"}}`)
	first := dialed(t, c)
	if _, err := first.await("up=true"); err != nil {
		t.Fatal(err)
	}
	served := make([]*stream, limit-64-1) // that many fit beside the first
	for i := range served {
		served[i] = dialed(t, c)
		if _, err := served[i].await("up=true"); err != nil {
			t.Fatal(err)
		}
	}
	waiting := dialed(t, c)

	refused := 0
	for i := range connects - len(served) - 2 {
		switch err := c.knock(); {
		case errors.Is(err, unix.EAGAIN): // the backlog is full
			refused++
		case err != nil:
			t.Fatal(err)
		}
		if i%1000 != 0 {
			continue
		}
		// A run ends and another begins, and all who are there are told.
		if err := first.last().kill(unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for _, client := range []*stream{first, served[len(served)-1]} {
			if _, err := client.await("up=true", fmt.Sprintf("restarts=%d", i/1000+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d of %d connects found the backlog full", refused, connects)
	if open := s.openDescriptors(t); open > limit {
		t.Errorf("%d descriptors, want %d at most", open, limit)
	}
	if waiting.last() != nil {
		t.Errorf("a client beyond the %d is served, want it to wait", len(served)+1)
	}
	// Whoever tries again and again to accept takes all the time that there is.
	window := scaled(time.Second)
	before := s.usage(t).cpu
	<-time.After(window)
	if used := s.usage(t).cpu - before; used > window/4 {
		t.Errorf("%v of processor time in %v, want next to none", used, window)
	}

	for _, client := range served {
		client.conn.Close()
	}
	if _, err := waiting.await("up=true"); err != nil {
		t.Error(err)
	}
	if err := waiting.command("kill"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.finalState(); err != nil {
		t.Fatal(err)
	}
	if err := s.exit(first); err != nil {
		t.Error(err)
	}
}

// TestVisits: who comes, says something and leaves, again and again, is let go as fast as
// he is let in, and takes no descriptors from others.
func TestVisits(t *testing.T) {
	needRoot(t)
	const visits, most = 3000, 200
	c, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}}, "")
	client := dialed(t, c)
	if _, err := client.await("up=true"); err != nil {
		t.Fatal(err)
	}
	for i := range visits {
		conn, err := connect(c)
		if err == nil {
			_, err = conn.Write([]byte("x"))
			conn.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%100 != 0 {
			continue
		}
		if open := s.openDescriptors(t); open > most {
			t.Fatalf("%d descriptors after %d visits, want %d at most", open, i+1, most)
		}
	}
	s.finish(t, client)
}

// knock connects and leaves at once, or is not let in.
func (c *container) knock() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: c.controlPath()})
}
