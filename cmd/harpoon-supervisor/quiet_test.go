package main_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What comes of the start, or of a client's connecting, may not be over at the first
// look. What wakes the process again and again is seen by each of them.
const looks = 4

// TestQuiet: while nothing happens and nobody is connected, no thread of the
// supervisor wakes up, nor will.
func TestQuiet(t *testing.T) {
	needRoot(t)
	_, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}}, "")
	if err := poll(patience, s.endlessSleep); err != nil {
		t.Error(err)
	}
	for range looks {
		before := s.wakeUps(t)
		<-time.After(5 * time.Second)
		n := s.wakeUps(t).since(before)
		if n == 0 {
			return
		}
		t.Logf("%d wake-ups in 5 s", n)
	}
	t.Error("wake-ups in each of several times 5 s, though nothing has happened")
}

// TestQuietWithClient: with somebody connected, who reads, it wakes up once to
// take a sample and to send it.
func TestQuietWithClient(t *testing.T) {
	sleepsBetweenTicks(t, "")
}

// TestQuietWithLinks: also if there is a network whose links are counted.
func TestQuietWithLinks(t *testing.T) {
	sleepsBetweenTicks(t, `{"network": "none"}`)
}

func sleepsBetweenTicks(t *testing.T, literal string) {
	needRoot(t)
	c, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}}, literal)
	client := dialed(t, c)
	const ticks = 3
	next := func() {
		t.Helper()
		if _, err := client.next(patience); err != nil {
			t.Fatal(err)
		}
	}
	next()
	for range looks {
		next()
		before := s.wakeUps(t)
		for range ticks {
			next()
		}
		n := s.wakeUps(t).since(before)
		if n <= ticks {
			return
		}
		t.Logf("%d wake-ups in %d ticks", n, ticks)
	}
	t.Errorf("each time more wake-ups than one a tick")
}

// TestPreciseTimers: once the container has started no timer of the supervisor is late
// any more, as those of the runtime's monitor are until then.
func TestPreciseTimers(t *testing.T) {
	needRoot(t)
	_, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}}, "")
	if err := poll(patience, s.preciseTimers); err != nil {
		t.Error(err)
	}
}

// preciseTimers returns an error for a thread that has not the usual timer slack.
func (s *supervisor) preciseTimers() error {
	threads, err := os.ReadDir(s.proc("task"))
	for _, thread := range threads {
		const usual = "50000\n" // ns
		slack, err := os.ReadFile(filepath.Join("/proc", thread.Name(), "timerslack_ns"))
		if !os.IsNotExist(err) && string(slack) != usual {
			return fmt.Errorf("thread %s: timer slack of %q ns, %v", thread.Name(), slack, err)
		}
	}
	return err
}

// endlessSleep returns an error for a thread that does not sleep, or will wake up by itself.
func (s *supervisor) endlessSleep() error {
	threads, err := filepath.Glob(s.proc("task/*/syscall"))
	for _, thread := range threads {
		text, err := os.ReadFile(thread) // proc_pid_syscall(5)
		if err != nil {
			continue // it has ended
		}
		var number, deadline uint64 // of the calls, and their fourth argument
		if _, err := fmt.Sscanf(string(text), "%d %v %v %v %v", &number, new(uint64), new(uint64), new(uint64), &deadline); err != nil {
			return fmt.Errorf("%s: %q: %w", thread, text, err)
		}
		switch {
		case number == unix.SYS_EPOLL_PWAIT && int32(deadline) == -1:
		case number == unix.SYS_FUTEX && deadline == 0:
		case number == unix.SYS_FUTEX:
			const centuries = 1 << 30
			if seconds, err := s.word(deadline); err != nil || seconds < centuries {
				return fmt.Errorf("%s: wakes up after %d s, %v", thread, seconds, err)
			}
		default:
			return fmt.Errorf("%s: is in %s", thread, text)
		}
	}
	return err
}

// word is what the supervisor has at an address.
func (s *supervisor) word(address uint64) (uint64, error) {
	memory, err := os.Open(s.proc("mem"))
	if err != nil {
		return 0, err
	}
	defer memory.Close()
	var word [8]byte
	_, err = memory.ReadAt(word[:], int64(address))
	return binary.NativeEndian.Uint64(word[:]), err
}

// wakeUps are, by thread, how often it has slept: voluntary_ctxt_switches of
// proc_pid_status(5).
type wakeUps map[string]int

func (s *supervisor) wakeUps(t *testing.T) wakeUps {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("threads of the supervisor: %d, %v", len(threads), err)
	}
	all := wakeUps{}
	for _, thread := range threads {
		status, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(status), "\nvoluntary_ctxt_switches:")
		count, _, _ := strings.Cut(rest, "\n")
		if all[thread], err = strconv.Atoi(strings.TrimSpace(count)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// since returns how many there have been since then.
func (w wakeUps) since(before wakeUps) int {
	n := 0
	for thread, count := range w {
		n += count - before[thread]
	}
	return n
}
