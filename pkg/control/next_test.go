package control

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/eventstream"
)

func TestNext(t *testing.T) {
	c, conn := connected(t)
	ctx := testContext(t)
	write(t, conn, "event: state\ndata: {\"up\":true,\"restarting\":true,\"restarts\":2,\"ooms\":1,"+
		"\"container_metrics\":{\"cpu_time\":5},\"from_the_future\":[]}\n\n")
	s, err := c.Next(ctx)
	if want := (agent.ContainerProcessState{Up: true, Restarting: true, Restarts: 2, OOMs: 1,
		ContainerMetrics: agent.ContainerMetrics{CPUTime: 5}}); s != want || err != nil {
		t.Errorf("Next() = %+v, %v, want %+v, nil", s, err, want)
	}
	write(t, conn, ": comment\n\ndata: no state\n\nevent: news\ndata: x\n\nevent: state\ndata: {\"up\":false,"+
		"\"restarting\":false,\"container_exit_status\":{\"signaled\":true,\"signal\":9}}\n\n")
	s, err = c.Next(ctx)
	if want := (agent.ContainerExitStatus{Signaled: true, Signal: 9}); err != nil || s.Up || !s.Final() ||
		s.ContainerExitStatus == nil || *s.ContainerExitStatus != want {
		t.Errorf("Next() = %+v, %v, want a final state with %+v, nil", s, err, want)
	}
	conn.Close()
	for range 2 {
		if _, err := c.Next(ctx); err != io.EOF {
			t.Errorf("Next() after the end = %v, want EOF", err)
		}
	}
}

// TestEnd has all that a supervisor may send last. In each case a state comes
// first, and is not lost.
func TestEnd(t *testing.T) {
	tests := []struct {
		name, last string
		want       error  // that errors.Is finds
		text       string // that the error holds
	}{
		{"final", finalEvent, io.EOF, "EOF"},
		{"no final", "", io.ErrUnexpectedEOF, "receive state: connection closed before the final state: unexpected EOF"},
		{"torn", strings.TrimSuffix(finalEvent, "\n"), io.ErrUnexpectedEOF, "before the final state"},
		{"up after final", finalEvent + upEvent(1), io.ErrUnexpectedEOF, "before the final state"},
		{"no protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", io.ErrUnexpectedEOF, "before the final state"},
		{"no JSON", "event: state\ndata: garbage\n\n", nil, `receive state: data "garbage": invalid character 'g'`},
		{"no data", "event: state\n\n", nil, `data "": unexpected end of JSON input`},
		{"null", "event: state\ndata: null\n\n", nil, `data "null": up or restarting missing`},
		{"no up", "event: state\ndata: {\"restarting\":false}\n\n", nil, "up or restarting missing"},
		{"no restarting", "event: state\ndata: {\"up\":false}\n\n", nil, "up or restarting missing"},
		{"wrong type", "event: state\ndata: {\"up\":1,\"restarting\":false}\n\n", nil, "cannot unmarshal number"},
		{"long garbage", "event: state\ndata: " + strings.Repeat("x", 1000) + "\n\n", nil, `data "` + strings.Repeat("x", 60) + `": `},
		{"endless line", "data: " + strings.Repeat("x", maxEvent), eventstream.ErrTooLong, "receive state: event too long"},
	}
	for _, test := range tests {
		c, conn := connected(t)
		ctx := testContext(t)
		write(t, conn, upEvent(7))
		if s, err := c.Next(ctx); s.Restarts != 7 || err != nil {
			t.Errorf("%s: Next() = %+v, %v, want 7 restarts, nil", test.name, s, err)
		}
		write(t, conn, test.last)
		conn.Close()
		var err error
		for err == nil {
			_, err = c.Next(ctx)
		}
		if test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: Next() = %v, want %v, %q", test.name, err, test.want, test.text)
		}
		if _, again := c.Next(ctx); again != err {
			t.Errorf("%s: Next() again = %v, want %v", test.name, again, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: Close() = %v, want nil", test.name, err)
		}
	}
}

// TestReset closes the supervisor's end while a command lies there unread.
func TestReset(t *testing.T) {
	for event, want := range map[string]error{finalEvent: io.EOF, upEvent(1): unix.ECONNRESET} {
		c, conn := connected(t)
		ctx := testContext(t)
		if err := c.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		write(t, conn, event)
		conn.Close()
		if _, err := c.Next(ctx); err != nil {
			t.Errorf("Next() = %v, want nil", err)
		}
		if _, err := c.Next(ctx); !errors.Is(err, want) {
			t.Errorf("Next() after a reset behind %q = %v, want %v", event, err, want)
		}
	}
}

// TestNewestState sends far more than a socket holds to a client that does not
// look, and expects that nobody waits and that the newest state is there.
func TestNewestState(t *testing.T) {
	c, conn := connected(t)
	const count = 20000 // 1.5 MB
	for i := range count {
		write(t, conn, upEvent(i))
	}
	write(t, conn, finalEvent)
	conn.Close()
	var got []uint64
	for s, err := range c.States(testContext(t)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Restarts)
	}
	if len(got) == 0 || !slices.IsSorted(got) || got[len(got)-1] != 99999 {
		t.Errorf("States() = %d, want ascending ones up to 99999", got)
	}
}

// TestNextCanceled cancels a Next after each byte of the stream.
func TestNextCanceled(t *testing.T) {
	c, conn := connected(t)
	stream := upEvent(1) + upEvent(2) + finalEvent
	var got []uint64
	for i := range len(stream) {
		write(t, conn, stream[i:i+1])
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Microsecond)
		s, err := c.Next(ctx)
		cancel()
		switch {
		case err == nil:
			got = append(got, s.Restarts)
		case !errors.Is(err, context.DeadlineExceeded):
			t.Fatalf("Next() at byte %d = %v, want %v", i, err, context.DeadlineExceeded)
		}
	}
	conn.Close()
	for s, err := range c.States(testContext(t)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Restarts)
	}
	// The first ones may have been replaced before a Next got to run.
	all := []uint64{1, 2, 99999}
	if len(got) == 0 || !slices.Equal(got, all[3-len(got):]) && !slices.Equal(got, []uint64{1, 99999}) {
		t.Errorf("states = %d, want the newest of %d", got, all)
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Next(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("Next(canceled) = %v, want %v", err, context.Canceled)
	}
}

// TestNextRaces has many callers whose contexts end at all moments: no state is
// seen twice, and the final one is seen.
func TestNextRaces(t *testing.T) {
	c, conn := connected(t)
	var mu sync.Mutex
	seen := map[uint64]int{}
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*20*time.Microsecond)
				s, err := c.Next(ctx)
				cancel()
				if err == io.EOF {
					return
				}
				if err == nil {
					mu.Lock()
					seen[s.Restarts]++
					mu.Unlock()
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Next() = %v, want %v", err, context.DeadlineExceeded)
					return
				}
			}
		})
	}
	// One after the other, so that the callers and not the mailbox decide.
	for i := range 2000 {
		write(t, conn, upEvent(i))
	}
	write(t, conn, finalEvent)
	conn.Close()
	callers.Wait()
	for restarts, n := range seen {
		if n != 1 {
			t.Errorf("state %d was seen %d times, want 1", restarts, n)
		}
	}
	if seen[99999] != 1 {
		t.Errorf("final states seen = %d, want 1", seen[99999])
	}
}

// TestStates leaves the loop early, goes on, and meets an error.
func TestStates(t *testing.T) {
	c, conn := connected(t)
	for i := range 3 {
		write(t, conn, upEvent(i))
		for s, err := range c.States(testContext(t)) {
			if s.Restarts != uint64(i) || err != nil {
				t.Errorf("States() = %d, %v, want %d, nil", s.Restarts, err, i)
			}
			break
		}
	}
	conn.Close()
	var errs []error
	for _, err := range c.States(testContext(t)) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], io.ErrUnexpectedEOF) {
		t.Errorf("States() = %v, want one %v", errs, io.ErrUnexpectedEOF)
	}
}

func TestClose(t *testing.T) {
	c, conn := connected(t)
	waiting := make(chan error)
	for range 4 {
		go func() {
			_, err := c.Next(context.Background())
			waiting <- err
		}()
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	for range 4 {
		if err := <-waiting; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Next() during Close = %v, want %v", err, net.ErrClosed)
		}
	}
	if _, err := c.Next(testContext(t)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Next() after Close = %v, want %v", err, net.ErrClosed)
	}
	if err := c.Stop(testContext(t)); !errors.Is(err, net.ErrClosed) || err.Error() != "send stop: use of closed network connection" {
		t.Errorf("Stop() after Close = %v, want %v", err, net.ErrClosed)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close() again = %v, want %v", err, net.ErrClosed)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read() of the supervisor = %d, %v, want 0, EOF", n, err)
	}
}

// TestCloseDropsState closes a client that has a state which nobody took.
func TestCloseDropsState(t *testing.T) {
	c, conn := connected(t)
	write(t, conn, finalEvent)
	conn.Close()
	for len(c.states) == 0 {
		runtime.Gosched() // until receive has put it
	}
	c.Close()
	if s, err := c.Next(testContext(t)); err == nil {
		t.Errorf("Next() after Close = %+v, nil, want an error", s)
	}
}

func FuzzParseState(f *testing.F) {
	f.Add(`{"up":true,"restarting":true,"restarts":0,"ooms":0,"container_metrics":{"cpu_time":1}}`)
	f.Add(`{"up":false,"restarting":false,"err":"x","container_exit_status":{"exited":true}}`)
	f.Add(`{"Up":true,"up":false,"RESTARTING":null}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, data string) {
		s, err := parseState([]byte(data))
		if err != nil && s != (agent.ContainerProcessState{}) {
			t.Errorf("parseState(%q) = %+v, %v, want no state with an error", data, s, err)
		}
		lower := strings.ToLower(data)
		if err == nil && s.Final() && !strings.Contains(lower, "false") {
			t.Errorf("parseState(%q) = %+v, want final only if it says false", data, s)
		}
	})
}
