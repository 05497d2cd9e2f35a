package main_test

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAcceptExhausted: while there is no descriptor for another client the
// supervisor serves those that it has, does not spin, and serves the others when
// there is.
func TestAcceptExhausted(t *testing.T) {
	needRoot(t)
	c, s := started(t, launch{command: []string{"/bin/workload", "ignore-term"}}, "")
	first := dialed(t, c)
	if _, err := first.await("up=true"); err != nil {
		t.Fatal(err)
	}
	limit := s.limitDescriptors(t, unix.Rlimit{Cur: 3, Max: 1 << 10})
	var waiting []*stream
	for range 20 {
		waiting = append(waiting, dialed(t, c))
	}
	before := s.usage(t).cpu
	const observed = time.Second
	<-time.After(observed)
	// At an accept each 100 ms; one that spins takes all there is.
	if used := s.usage(t).cpu - before; used > observed/3 && !raceEnabled {
		t.Errorf("%v of CPU in %v, want next to nothing", used, observed)
	}
	if err := first.command("stop"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.await("up=true", "restarting=false"); err != nil {
		t.Fatal(err)
	}
	if last := waiting[0].last(); last != nil {
		t.Errorf("served without a descriptor: %v", last)
	}
	s.limitDescriptors(t, limit)
	for _, client := range waiting {
		if _, err := client.await("up=true"); err != nil {
			t.Error(err)
		}
	}
	s.finish(t, first)
}

// TestAcceptRefused: nobody can ever connect. TERM ends it.
func TestAcceptRefused(t *testing.T) {
	needRoot(t)
	for i, errno := range []string{"EMFILE", "ENFILE", "ENOMEM"} {
		c, err := aContainer(t, i, "")
		if err != nil {
			t.Fatal(err)
		}
		s := launched(t, c, launch{via: []string{"workload", "deny", errno, "accept4"}, env: os.Environ(), command: []string{"/bin/workload", "until-term", "0"}})
		if err := s.awaitOutput("waiting"); err != nil {
			t.Fatal(err)
		}
		dialed(t, c)
		s.terminate(t)
	}
}

// limitDescriptors sets the limit of a running supervisor and returns the old one.
func (s *supervisor) limitDescriptors(t *testing.T, limit unix.Rlimit) (old unix.Rlimit) {
	t.Helper()
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		t.Fatal(err)
	}
	limit.Max = old.Max
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	return old
}
