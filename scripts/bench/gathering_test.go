package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// standIn is a supervisor of which only the process is known.
type standIn int

func (s standIn) supervisors() ([]int, error)   { return []int{int(s)}, nil }
func (s standIn) connect(context.Context) error { return nil }
func (s standIn) stop(context.Context) error    { return nil }
func (s standIn) finish(context.Context) error  { return nil }

// TestActivity: a process that has died is not a quiet one, whether it was waited for
// or not.
func TestActivity(t *testing.T) {
	live := gathering{all: []held{standIn(os.Getpid())}}
	if got, err := live.activity(); err != nil || got.cpu == 0 || got.wakeUps == 0 {
		t.Errorf("activity() of the test = %+v, %v, want some", got, err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	dead := gathering{all: []held{standIn(os.Getpid()), standIn(cmd.Process.Pid)}}
	if got, err := dead.activity(); err == nil || !strings.Contains(err.Error(), "has died") {
		t.Errorf("activity() with a zombie = %+v, %v, want an error", got, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, err := dead.activity(); err == nil {
		t.Errorf("activity() with nobody = %+v, want an error", got)
	}
}
