package shim

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// statLine is a line of proc_pid_stat(5) with the given name, state, flags and
// pending signals.
func statLine(name, state, flags, pending string) string {
	fields := strings.Fields(strings.Repeat("0 ", 52))
	fields[0], fields[1], fields[2], fields[8], fields[30] = "1", "("+name+")", state, flags, pending
	return strings.Join(fields, " ")
}

func TestParseStat(t *testing.T) {
	for _, test := range []struct {
		name        string
		line        string
		dead, dying bool
	}{
		{"command", statLine("sleep", "S", "4194304", "0"), false, false},
		{"init", statLine("/mount /proc", "R", "4194304", "0"), false, false},
		{"a name with everything", statLine(") Z 1 (a b", "S", "0", "0"), false, false},
		{"zombie", statLine("true", "Z", "4", "0"), true, true},
		{"zombie of init", statLine("/exec", "Z", "4", "0"), true, true},
		{"exiting", statLine("hog", "R", "4", "0"), false, true},
		{"killed", statLine("hog", "R", "0", "256"), false, true},
		{"killed, and about to exit", strings.TrimSuffix(statLine("hog", "R", "0", "0"), "0") + "9", false, true},
		{"stopped", strings.TrimSuffix(statLine("hog", "T", "0", "0"), "0") + "19", false, false},
		{"terminated", statLine("hog", "R", "0", "16384"), false, false},
	} {
		got, err := parseStat(test.line)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got.dead() != test.dead || got.dying() != test.dying {
			t.Errorf("%s: dead, dying = %v, %v, want %v, %v", test.name, got.dead(), got.dying(), test.dead, test.dying)
		}
	}
	for _, line := range []string{"", "1 sleep S", ")(", "1 (x) S 1 2", statLine("x", "S", "-", "0"), statLine("x", "S", "0", "-"), statLine("x", "S", "0", "0") + "-"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("parseStat(%q) = %v, want an error", line, got)
		}
	}
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	// Go's runtime has a handler for whatever it can.
	if got, err := parseStat(string(own)); err != nil || got.dying() || !got.heeds(unix.SIGTERM) || got.heeds(unix.SIGKILL) {
		t.Errorf("own stat: %+v, %v", got, err)
	}
}

// TestIsInit: a command that takes init's reserved name is still told from it, by
// its file; this test's process has the file, but not the name.
func TestIsInit(t *testing.T) {
	cat := runCat(t)
	defer func() { cat.Process.Kill(); cat.Wait() }()
	program, err := os.Stat(ownProgram)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		pid  int
		want bool
	}{
		{syncpipe.ExecName, os.Getpid(), true},
		{"cat", os.Getpid(), false},
		{"a/b", os.Getpid(), false},
		{syncpipe.ExecName, cat.Process.Pid, false},
	} {
		c := &child{pid: test.pid, program: program}
		if got := c.isInit(procStat{name: test.name}); got != test.want {
			t.Errorf("isInit(%q, pid %d) = %v, want %v", test.name, test.pid, got, test.want)
		}
	}
}

// TestUnpolledChild: one whose end could not be awaited is not kept.
func TestUnpolledChild(t *testing.T) {
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_CLOEXEC, 0) // nothing for the poller
	if err != nil {
		t.Fatal(err)
	}
	if c, err := newChild(sleeper.Process.Pid, fd, birth{program: &program{}}); err == nil {
		t.Errorf("newChild() = %v, want an error", c)
		_ = sleeper.Process.Kill()
	}
	if err := sleeper.Wait(); !errors.Is(err, unix.ECHILD) {
		t.Errorf("wait for it = %v, want %v: it has been reaped", err, unix.ECHILD)
	}
}
