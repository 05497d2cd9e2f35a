package control

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/eventstream"
)

func TestCommands(t *testing.T) {
	c, conn := connected(t)
	tests := []struct {
		name string
		send func(context.Context) error
		want string
	}{
		{"Stop", c.Stop, "event: stop\ndata: \n\n"},
		{"Kill", c.Kill, "event: kill\ndata: \n\n"},
		{"Exit", c.Exit, "event: exit\ndata: \n\n"},
	}
	buf := make([]byte, 100)
	for _, test := range tests {
		if err := test.send(testContext(t)); err != nil {
			t.Errorf("%s() = %v, want nil", test.name, err)
		}
		n, err := conn.Read(buf)
		if got := string(buf[:n]); got != test.want || err != nil {
			t.Errorf("%s() wrote %q, %v, want %q, nil", test.name, got, err, test.want)
		}
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Kill(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("Kill(canceled) = %v, want %v", err, context.Canceled)
	}
	conn.CloseRead()
	if err := c.Stop(testContext(t)); !errors.Is(err, unix.EPIPE) || err.Error() != "send stop: write: broken pipe" {
		t.Errorf("Stop() to a closed end = %v, want send stop: write: broken pipe", err)
	}
}

// TestCommandsAfterGarbage ends the receiving, which leaves the commands alone.
func TestCommandsAfterGarbage(t *testing.T) {
	c, conn := connected(t)
	write(t, conn, "event: state\n\n")
	if _, err := c.Next(testContext(t)); err == nil {
		t.Error("Next() of garbage = nil, want an error")
	}
	if err := c.Kill(testContext(t)); err != nil {
		t.Errorf("Kill() after garbage = %v, want nil", err)
	}
	if e, err := eventstream.NewDecoder(conn, 100).Next(); e.Type != "kill" || err != nil {
		t.Errorf("command after garbage = %q, %v, want kill, nil", e.Type, err)
	}
	if _, err := conn.Write([]byte(finalEvent)); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Write() to a client that reads no more = %v, want %v", err, unix.EPIPE)
	}
}

// TestBlockedCommand fills the connection to a supervisor that does not read.
func TestBlockedCommand(t *testing.T) {
	c, conn := connected(t)
	var sent atomic.Int32
	stop := func(ctx context.Context) error {
		err := c.Stop(ctx)
		if err == nil {
			sent.Add(1)
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop() while blocked = %v, want %v", err, context.DeadlineExceeded)
		}
		return err
	}
	full, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for stop(full) == nil {
	}

	// Two at once: one in write, one waiting for its turn. Where we were kept from running
	// so long, there is still room for them.
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { _ = stop(soon) })
	}
	both.Wait()

	// Whole commands only, no more than were reported, and then it works again.
	both.Go(func() {
		if err := c.Kill(testContext(t)); err != nil {
			t.Errorf("Kill() = %v, want nil", err)
		}
	})
	d := eventstream.NewDecoder(conn, 100)
	for i := range sent.Load() {
		if e, err := d.Next(); e.Type != "stop" || err != nil {
			t.Fatalf("command %d = %q, %v, want stop, nil", i, e.Type, err)
		}
	}
	if e, err := d.Next(); e.Type != "kill" || err != nil {
		t.Errorf("command %d = %q, %v, want kill, nil", sent.Load(), e.Type, err)
	}
	both.Wait()
}

// TestCanceledCommands cancels while others write: nothing is torn, and a
// cancelled context ends nobody else's command.
func TestCanceledCommands(t *testing.T) {
	c, conn := connected(t)
	const senders, rounds = 4, 200
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range rounds {
				if err := c.Kill(t.Context()); err != nil {
					t.Errorf("Kill() = %v, want nil", err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				go cancel()
				if err := c.Stop(ctx); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("Stop() = %v, want nil or %v", err, context.Canceled)
				}
				cancel()
			}
		})
	}
	go func() {
		wg.Wait()
		c.Close()
	}()
	count := map[string]int{}
	d := eventstream.NewDecoder(conn, 100)
	for {
		e, err := d.Next()
		if err != nil {
			if err != io.EOF {
				t.Errorf("end of the commands = %v, want EOF", err)
			}
			break
		}
		count[e.Type]++
	}
	stops := count["stop"]
	delete(count, "stop")
	if count["kill"] != senders*rounds || len(count) != 1 || stops > senders*rounds {
		t.Errorf("commands = %v and %d stops, want %d kills and at most as many stops", count, stops, senders*rounds)
	}
}
