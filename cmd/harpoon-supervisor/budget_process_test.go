//go:build !race

package main_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestBudgetFaults(t *testing.T) { checkMany(t, least, failingStart) }

// failingStart: init reports that there is no such command, and has been waited
// for by then. Its faults alone are in cmin_flt of proc_pid_stat(5).
func failingStart(t *testing.T, c *container, l launch) map[string]int {
	l.command = []string{"/missing"}
	s := startedFor(t, c, l)
	if err := s.loggedOnce(`msg="start failed"`); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{"start-faults-init": s.usage(t).initFaults}
	s.terminate(t)
	return found
}

func TestBudgetIdle(t *testing.T) { checkMany(t, median, idleSupervisor) }

// idleSupervisor looks at one that has nothing more to do.
func idleSupervisor(t *testing.T, c *container, l launch) map[string]int {
	l.command = []string{"/bin/workload", "until-term", "0"}
	s := startedFor(t, c, l)
	if err := s.awaitOutput("."); err != nil {
		t.Fatal(err)
	}
	if err := s.loggedOnce("msg=started"); err != nil {
		t.Fatal(err)
	}
	found := s.settled(t)
	s.terminate(t)
	return found
}

// settled returns the supervisor's numbers once they have stayed the same for a
// tenth of a second.
func (s *supervisor) settled(t *testing.T) map[string]int {
	const looks = 20 // at poll's distances
	last, same := usage{}, 0
	if err := poll(patience, func() error {
		now := s.usage(t)
		if same++; now != last {
			last, same = now, 0
		}
		if same < looks {
			return fmt.Errorf("it is not idle: %+v", now)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]int{
		"start-faults":     last.faults,
		"idle-threads":     last.threads,
		"idle-descriptors": len(open),
		"idle-memory-own":  s.memory(t, "RssAnon"),
		"idle-memory":      s.memory(t, "VmRSS"),
	}
}

// startedFor starts a supervisor that is destroyed at the end of the test at the
// latest.
func startedFor(t *testing.T, c *container, l launch) *supervisor {
	t.Helper()
	s, err := c.start(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.destroy)
	return s
}

// terminate ends a supervisor and its container.
func (s *supervisor) terminate(t *testing.T) {
	t.Helper()
	if err := s.signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status, err := s.end(); err != nil || status == "SIGKILL" {
		t.Fatalf("supervisor ended with %s, %v", status, err)
	}
	if err := s.clean(); err != nil {
		t.Error(err)
	}
}

// usage is what proc_pid_stat(5) says of a supervisor.
type usage struct {
	faults     int // minor ones
	initFaults int // of children that it has waited for
	threads    int
}

func (s *supervisor) usage(t *testing.T) (u usage) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ") // of the name
	if fields := strings.Fields(rest); err == nil && len(fields) > 17 {
		for i, value := range map[int]*int{7: &u.faults, 8: &u.initFaults, 17: &u.threads} { // from the third, the state, on
			if *value, err = strconv.Atoi(fields[i]); err != nil {
				break
			}
		}
	}
	if err != nil || u.threads == 0 {
		t.Fatalf("stat of the supervisor = %q, %v", text, err)
	}
	return u
}
