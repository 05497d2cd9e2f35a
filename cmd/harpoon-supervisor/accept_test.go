package main_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
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
	before := s.cpuTime(t)
	const observed = time.Second
	<-time.After(observed)
	// At an accept each 100 ms; one that spins takes all there is.
	if used := s.cpuTime(t) - before; used > observed/3 && !raceEnabled {
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
	if err := first.command("kill"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.finalState(); err != nil {
		t.Fatal(err)
	}
	if err := s.exit(first); err != nil {
		t.Error(err)
	}
}

// TestAcceptRefused: nobody can ever connect. TERM ends it.
func TestAcceptRefused(t *testing.T) {
	needRoot(t)
	for i, errno := range []string{"EMFILE", "ENFILE", "ENOMEM"} {
		c, err := aContainer(t, i, "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.start(launch{via: []string{"workload", "deny", errno, "accept4"}, env: os.Environ(), command: []string{"/bin/workload", "until-term", "0"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.destroy)
		if err := s.awaitOutput("waiting"); err != nil {
			t.Fatal(err)
		}
		dialed(t, c)
		if err := s.signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if status, err := s.end(); status != "143" || err != nil {
			t.Errorf("%s: ended with %s, %v, want 143", errno, status, err)
		}
		if err := s.clean(); err != nil {
			t.Errorf("%s: %v", errno, err)
		}
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

// cpuTime is what all threads of the supervisor have used.
func (s *supervisor) cpuTime(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	var ticks int
	for _, field := range fields[14-3 : 16-3] { // utime, stime (proc_pid_stat(5))
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}
