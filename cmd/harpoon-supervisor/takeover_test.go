package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTakeOverAborted: a start that is called off before it has begun ends what
// a killed supervisor's container has left alive all the same.
func TestTakeOverAborted(t *testing.T) {
	c := orphaned(t)
	// It tries for the lock for a second, which may be too short for us.
	if err := poll(patience, func() error {
		s, err := c.startTerminated()
		if err != nil {
			return err
		}
		t.Cleanup(s.destroy)
		if status, err := s.end(); err != nil || status != "143" {
			return fmt.Errorf("supervisor ended with %s (%v), want 143", status, err)
		}
		return s.loggedOnce("start failed.*aborted: stop asked")
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.leftovers(); err != nil {
		t.Error(err)
	}
}

// TestTakeOverFailed: so does one that fails before there is anything of it.
func TestTakeOverFailed(t *testing.T) {
	c := orphaned(t)
	text, err := agentJSON(`{"env": {"LONG": "` + strings.Repeat("x", 4<<20) + `"}}`)
	if err == nil {
		err = os.WriteFile(filepath.Join(c.dir, "agent.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, client, err := c.startAndDial(launch{command: []string{"/bin/workload", "exit", "0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.destroy)
	last, err := client.finalState()
	if err == nil {
		err = last.meets([]string{"err~command and environment too large"})
	}
	if err != nil {
		t.Error(err)
	}
	if pids := c.processes(); len(pids) > 0 {
		t.Errorf("processes are left: %q", pids)
	}
	if err := s.exit(client); err != nil {
		t.Error(err)
	}
}

// TestTakeOverLater: what one supervisor could not take over the next one does, also
// if each has another ID.
func TestTakeOverLater(t *testing.T) {
	c := orphaned(t)
	sc := scenario{command: []string{"/bin/workload", "sleep", "1h"}}
	for _, next := range []struct {
		id, fault string
		fails     bool
	}{
		{"second", "shim: take over=EIO", true},
		{"third", "", false},
	} {
		sc.flags = []string{"--id", c.id + "-" + next.id}
		s, release, err := sc.start(c, next.fault)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.destroy)
		defer release.Close()
		final := s.drive(false)
		if status, err := s.end(); err != nil || status != "0" || final.has("err") != next.fails {
			t.Errorf("%s: supervisor ended with %s, %v; %v", next.id, status, err, final)
		}
	}
	if pids := c.processes(); len(pids) > 0 {
		t.Errorf("processes are left: %q", pids)
	}
}

// orphaned returns a container whose supervisor has been killed, and whose command
// lives.
func orphaned(t *testing.T) *container {
	t.Helper()
	needRoot(t)
	c, killed := started(t, launch{command: []string{"/bin/workload", "disarm", "then", "ignore-term"}}, "")
	if err := killed.awaitOutput("ignoring"); err != nil {
		t.Fatal(err)
	}
	if err := killed.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-killed.ended
	if pids := c.processes(); len(pids) != 1 {
		t.Fatalf("processes = %q, want the one that has disarmed itself", pids)
	}
	return c
}

// startTerminated starts a supervisor that has got a TERM before it looks for
// what there is to do: meanwhile it waits for the lock of its directory.
func (c *container) startTerminated() (*supervisor, error) {
	dir, err := os.Open(c.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close() // and the lock with it
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	s, err := c.start(launch{command: []string{"/bin/workload", "exit", "0"}})
	if err != nil {
		return nil, err
	}
	// It goes through the signals in their order: once it ignores the last ones it
	// has a handler for TERM.
	if err := poll(time.Second, func() error {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
		if err != nil {
			return err
		}
		return match(`^SigIgn:\tf`, string(status))
	}); err != nil {
		s.destroy() // it may have found the directory locked for too long, and ended
		return nil, err
	}
	return s, s.signal(unix.SIGTERM)
}
