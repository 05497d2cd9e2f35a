package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a supervisor has used, as proc_pid_stat(5) has it.
type usage struct {
	faults     int           // minor ones
	initFaults int           // of the children that it has waited for
	cpu        time.Duration // of all its threads
	threads    int           // that it has
}

func (s *supervisor) usage(t *testing.T) usage {
	t.Helper()
	text, err := os.ReadFile(s.proc("stat"))
	if err != nil {
		t.Fatal(err)
	}
	// The first field behind the name is the third, the state.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	field := func(n int) int {
		value, err := strconv.Atoi(fields[n-3])
		if err != nil {
			t.Fatalf("field %d of %s: %v", n, text, err)
		}
		return value
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100
	return usage{faults: field(10), initFaults: field(11), cpu: time.Duration(field(14)+field(15)) * tick, threads: field(20)}
}

// memory returns a line of proc_pid_status(5), in KiB.
func (s *supervisor) memory(t *testing.T, key string) int {
	t.Helper()
	status, err := lines(s.proc("status"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range status {
		if value, found := strings.CutPrefix(line, key+":"); found {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatalf("no %s in %q", key, status)
	return 0
}

// openDescriptors returns how many the supervisor has open.
func (s *supervisor) openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(s.proc("fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// proc returns the path of one of the supervisor's files in /proc.
func (s *supervisor) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, name)
}

// stopped returns nil when a process has been stopped, each of its threads: what one
// of them is in the middle of might else be done before.
func stopped(pid int) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		if _, rest, _ := strings.Cut(string(text), ") "); !strings.HasPrefix(rest, "T") {
			return fmt.Errorf("%s: %s: not stopped", thread, text)
		}
	}
	return err
}

// clones are the processes that a supervisor has cloned: init or the command.
type clones []int

func (s *supervisor) clones() (list clones) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", s.cmd.Process.Pid)) // it clones on the main thread
	for field := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

func (c clones) signal(signal syscall.Signal) error {
	for _, pid := range c {
		if err := unix.Kill(pid, signal); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// settled returns nil when none of the processes waits for the supervisor: it has
// ended, or it is the command.
func (c clones) settled() error {
	for _, pid := range c {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if errors.Is(err, os.ErrNotExist) || err == nil && filepath.Base(exe) == "workload" { // a zombie has none
			continue
		}
		return fmt.Errorf("init waits for a supervisor that has been stopped: %s, %v", exe, err)
	}
	return nil
}
