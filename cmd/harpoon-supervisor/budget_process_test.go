//go:build !race

package main_test

import (
	"fmt"
	"testing"
)

func TestBudgetFaults(t *testing.T) { checkMany(t, failingStart) }

// failingStart: init reports that there is no such command, and has been waited
// for by then. Its faults alone are in cmin_flt of proc_pid_stat(5).
func failingStart(t *testing.T, c *container, l launch) map[string]int {
	l.command = []string{"/missing"}
	s := launched(t, c, l)
	if err := s.loggedOnce(`msg="start failed"`); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{"start-faults-init": s.usage(t).initFaults}
	s.terminate(t)
	return found
}

func TestBudgetIdle(t *testing.T) {
	checkMany(t, func(t *testing.T, c *container, l launch) map[string]int {
		s, idle := idleSupervisor(t, c, l)
		found := map[string]int{"idle-threads": idle.threads, "idle-descriptors": s.openDescriptors(t)}
		s.terminate(t)
		return found
	})
}

func TestBudgetMemory(t *testing.T) {
	checkMany(t, func(t *testing.T, c *container, l launch) map[string]int {
		s, idle := idleSupervisor(t, c, l)
		found := map[string]int{
			"start-faults":    idle.faults,
			"idle-memory-own": s.memory(t, "RssAnon"),
			"idle-memory":     s.memory(t, "VmRSS"),
		}
		s.terminate(t)
		return found
	})
}

// idleSupervisor returns one that has nothing more to do, and its numbers.
func idleSupervisor(t *testing.T, c *container, l launch) (*supervisor, usage) {
	l.command = []string{"/bin/workload", "until-term", "0"}
	s := launched(t, c, l)
	if err := s.awaitOutput("."); err != nil {
		t.Fatal(err)
	}
	if err := s.loggedOnce("msg=started"); err != nil {
		t.Fatal(err)
	}
	return s, s.settled(t)
}

// settled returns the supervisor's numbers once they have stayed the same for a
// tenth of a second.
func (s *supervisor) settled(t *testing.T) usage {
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
	return last
}
