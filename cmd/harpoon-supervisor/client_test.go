package main_test

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSlowClients: 64 clients that never read, one that sends a command byte by
// byte and one that has stopped sending cost a healthy client nothing.
func TestSlowClients(t *testing.T) {
	needRoot(t)
	const stopped, memoryLimit = 64, 64 << 10 // KiB
	c, s := started(t, launch{command: []string{"/bin/workload", "ignore-term"}}, "")
	client := dialed(t, c)
	if _, err := client.await("up=true"); err != nil {
		t.Fatal(err)
	}
	for range stopped {
		conn, err := connect(c)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	trickle, half := dialed(t, c), dialed(t, c)
	if err := half.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}

	// Enough states to fill the buffers of those that do not read.
	var delays []time.Duration
	const slowly = ": a comment of the kind that keeps a connection alive\nevent: dance\n\n"
	for i := range 400 {
		if err := trickle.send(slowly[i%len(slowly) : i%len(slowly)+1]); err != nil {
			t.Fatal(err)
		}
		asked := time.Now()
		if err := client.command("stop"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.next(patience); err != nil {
			t.Fatal(err)
		}
		delays = append(delays, time.Since(asked))
	}
	// Measured and printed, not judged: machines are busy. A client that had to
	// wait for the stopped ones would wait for ever, and fail above.
	slices.Sort(delays)
	t.Logf("measured: delay of a healthy client beside %d stopped ones: %v for 99 of 100, %v at worst", stopped, delays[len(delays)*99/100], delays[len(delays)-1])
	kib := s.memory(t, "VmRSS")
	t.Logf("measured: resident memory with them: %d KiB", kib)
	if kib > memoryLimit && !raceEnabled {
		t.Errorf("resident memory = %d KiB, want %d at most", kib, memoryLimit)
	}

	if err := s.loggedTimes("dance", 400/len(slowly)); err != nil {
		t.Error(err)
	}

	if err := client.command("kill"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.await("up=false", "restarting=false"); err != nil {
		t.Fatal(err)
	}
	if _, err := half.finalState(); err != nil {
		t.Error(err)
	}
	asked := time.Now()
	if err := s.exit(client); err != nil {
		t.Error(err)
	}
	t.Logf("measured: the end with them took %v", time.Since(asked))
}

// TestManyClients: each gets the whole truth, the final state once and in full.
func TestManyClients(t *testing.T) {
	needRoot(t)
	c, s := started(t, launch{command: []string{"/bin/workload", "until-term", "3"}}, "")
	clients := make([]*stream, 100)
	for i := range clients {
		clients[i] = dialed(t, c)
	}
	if err := clients[0].command("stop"); err != nil {
		t.Fatal(err)
	}
	for i, client := range clients {
		if last, err := client.finalState(); err != nil {
			t.Errorf("client %d: %v", i, err)
		} else if err := last.meets([]string{"container_exit_status.exit_status=3"}); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	if err := s.exit(clients[0]); err != nil {
		t.Error(err)
	}
	for i, client := range clients[1:] {
		if err := client.end(); err != nil {
			t.Errorf("client %d: %v", i+1, err)
		}
	}
}

// started returns a container that has been started and has said something: by
// then the workload handles TERM. Before, a stop might end it.
func started(t *testing.T, l launch, literal string) (*container, *supervisor) {
	t.Helper()
	c, err := aContainer(t, 0, literal)
	if err != nil {
		t.Fatal(err)
	}
	s := launched(t, c, l)
	if err := s.awaitOutput("."); err != nil {
		t.Fatal(err)
	}
	return c, s
}

// launched starts a supervisor that is destroyed at the end of the test at the
// latest.
func launched(t *testing.T, c *container, l launch) *supervisor {
	t.Helper()
	s, err := c.start(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.destroy)
	return s
}

// terminate ends a supervisor and its container. It leaves nothing.
func (s *supervisor) terminate(t *testing.T) {
	t.Helper()
	if err := s.signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status, err := s.end(); status != "143" || err != nil {
		t.Errorf("ended with %s, %v, want 143", status, err)
	}
	if err := s.clean(); err != nil {
		t.Error(err)
	}
}

// finish kills the command, and lets the supervisor exit.
func (s *supervisor) finish(t *testing.T, client *stream) {
	t.Helper()
	if err := client.command("kill"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.finalState(); err != nil {
		t.Fatal(err)
	}
	if err := s.exit(client); err != nil {
		t.Error(err)
	}
}

// dialed returns one more connection, which is read.
func dialed(t *testing.T, c *container) *stream {
	t.Helper()
	s, err := dial(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}
