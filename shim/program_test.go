package shim

import (
	"math"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"
)

// TestRunsIn: a process of another program is not taken for a helper.
func TestRunsIn(t *testing.T) {
	sleeper := exec.Command("sleep", "1m")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	pid := sleeper.Process.Pid
	executed, err := os.Stat(sleeper.Path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Stat("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if p := (&program{info: other}); p.runsIn(pid) {
		t.Error("runsIn says yes of another program")
	}
	if p := (&program{info: executed}); !p.runsIn(pid) {
		t.Error("runsIn says no of the program's file")
	}
	if p := (&program{info: executed}); !p.runsIn(os.Getpid()) { // a child is so before it executes
		t.Error("runsIn says no of this very program")
	}
	_ = sleeper.Process.Kill() // it lives
	_ = sleeper.Wait()         // killed
	if p := (&program{info: executed}); p.runsIn(pid) {
		t.Error("runsIn says yes of no process")
	}
}

// TestResetCollector: what the agent's environment says does not count.
func TestResetCollector(t *testing.T) {
	t.Setenv("GOGC", "off")
	t.Setenv("GOMEMLIMIT", "1GiB")
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	resetCollector()
	if percent := debug.SetGCPercent(100); percent != 100 {
		t.Errorf("GOGC = %d, want 100", percent)
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		t.Errorf("GOMEMLIMIT = %d, want none", limit)
	}
}
