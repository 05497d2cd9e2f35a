package shim

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMonitor: the thread whose timers are made imprecise is the runtime's monitor,
// which is the one that sleeps for a time while others are at work; and they are made
// precise again, those of a thread that it has made, too.
func TestMonitor(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for timers of other threads")
	}
	m := calmMonitor()
	t.Cleanup(m.wake)
	if listed := secondThread("1"); listed != string(m) {
		t.Errorf("second thread %s, in the list it is %s", m, listed)
	}
	if got := slackOf(t, string(m)); got != fmt.Sprint(monitorSlack.Nanoseconds()) {
		t.Errorf("calm: timer slack of %s ns", got)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		doing, err := os.ReadFile("/proc/" + string(m) + "/syscall")
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(doing), fmt.Sprint(unix.SYS_NANOSLEEP, " ")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not seen in nanosleep(2); last in: %s", doing)
		}
	}
	made, end := threadWithSlack(t, monitorSlack)
	defer end()
	m.wake()
	for _, thread := range []string{string(m), made} {
		if got := slackOf(t, thread); got != fmt.Sprint(usualSlack.Nanoseconds()) {
			t.Errorf("after wake: timer slack of %s ns", got)
		}
	}
}

// TestCalmHelper: the timers of a process that has been made are imprecise, and it has all
// CPUs but the one of its maker, if that has another.
func TestCalmHelper(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for timers of other threads")
	}
	helper := exec.Command("sleep", "1h")
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = helper.Process.Kill()
		_ = helper.Wait()
	}()
	runtime.LockOSThread() // whose affinity it is
	defer runtime.UnlockOSThread()
	var own, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		t.Fatal(err)
	}
	calmHelper(helper.Process.Pid)
	if err := unix.SchedGetaffinity(helper.Process.Pid, &set); err != nil {
		t.Fatal(err)
	}
	if want := max(own.Count()-1, 1); set.Count() != want {
		t.Errorf("it may run on %d CPUs, want %d of %d", set.Count(), want, own.Count())
	}
	if got := slackOf(t, strconv.Itoa(helper.Process.Pid)); got != fmt.Sprint(monitorSlack.Nanoseconds()) {
		t.Errorf("timer slack of %s ns", got)
	}
}

// slackOf returns a thread's timer slack in ns.
func slackOf(t *testing.T, thread string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + thread + "/timerslack_ns")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// threadWithSlack makes a thread that has a timer slack, as if another one that has it
// had made it. It returns its ID, and what ends it.
func threadWithSlack(t *testing.T, slack time.Duration) (thread string, end func()) {
	t.Helper()
	ids, done := make(chan int), make(chan struct{})
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil {
			t.Error(err)
		}
		ids <- unix.Gettid()
		<-done
	}()
	return strconv.Itoa(<-ids), func() { close(done) }
}
