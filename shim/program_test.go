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
	cat := runCat(t)
	pid := cat.Process.Pid
	executed, err := os.Stat(cat.Path)
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
	_ = cat.Process.Kill() // it lives
	_ = cat.Wait()         // killed
	if p := (&program{info: executed}); p.runsIn(pid) {
		t.Error("runsIn says yes of no process")
	}
}

// runCat starts a program that lives until its input ends, and returns when it has been
// executed for sure. That Start has returned is no proof: it waits until the kernel has
// closed what is to be closed on exec, which may be before /proc/PID/exe is another.
func runCat(t *testing.T) *exec.Cmd {
	t.Helper()
	cat := exec.Command("cat")
	in, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cat.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte{'x'}); err != nil {
		t.Error(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	return cat
}

// TestResetCollector: what the agent's environment says does not count.
func TestResetCollector(t *testing.T) {
	t.Setenv("GOGC", "off")
	t.Setenv("GOMEMLIMIT", "1GiB")
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	resetCollector()
	if percent := debug.SetGCPercent(100); percent != gcPercent {
		t.Errorf("GOGC = %d, want %d", percent, gcPercent)
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		t.Errorf("GOMEMLIMIT = %d, want none", limit)
	}
}
