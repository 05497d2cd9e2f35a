package shim

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCloneError: whoever has user namespaces switched off is told where.
func TestCloneError(t *testing.T) {
	for _, test := range []struct {
		err   error
		users bool
		want  string
	}{
		{unix.EPERM, false, "clone: operation not permitted (namespaces need CAP_SYS_ADMIN, and no filter that forbids them)"},
		{unix.EPERM, true, "clone: operation not permitted (user namespaces need CAP_SYS_ADMIN,"},
		{unix.ENOSPC, false, "clone: no space left on device (too many namespaces: see /proc/sys/user)"},
		{unix.ENOSPC, true, "clone: no space left on device (user namespaces are switched off, or too many: see user.max_user_namespaces"},
		{unix.EINVAL, false, "clone: invalid argument"},
		{unix.EINVAL, true, "clone: invalid argument (this kernel has no user namespaces)"},
		{unix.EACCES, true, "clone: permission denied (with userns everybody must be allowed to execute"},
		{unix.ENOMEM, true, "clone: cannot allocate memory"},
	} {
		got := cloneError(test.err, test.users)
		if !strings.HasPrefix(got.Error(), test.want) || !errors.Is(got, test.err) {
			t.Errorf("cloneError(%v, %v) = %q, want %q...", test.err, test.users, got, test.want)
		}
	}
}

// TestKillUnborn: of this process's children only that is killed which executes the
// program and was not there before the program was.
func TestKillUnborn(t *testing.T) {
	// Orphans become the children of a subreaper's main thread, on which no test makes any.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "sleep") // a file of its own, as others may be links to one
	if err := os.WriteFile(own, text, 0o755); err != nil {
		t.Fatal(err)
	}
	unborn, inherited, left := orphan(t, own), orphan(t, own), orphan(t, sleep)
	info, err := os.Stat(own)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloner{inherited: []int{inherited}}
	c.killUnborn(&program{info: info})
	for _, test := range []struct {
		pid  int
		want unix.Signal
	}{
		{unborn, unix.SIGKILL},
		{inherited, unix.SIGTERM},
		{left, unix.SIGTERM},
	} {
		var status unix.WaitStatus
		_ = unix.Kill(test.pid, unix.SIGTERM) // to those who live
		if _, err := unix.Wait4(test.pid, &status, 0, nil); err != nil || status.Signal() != test.want {
			t.Errorf("process %d of %d, %d, %d has ended by %v, %v, want %v", test.pid, unborn, inherited, left, status.Signal(), err, test.want)
		}
	}
}

// orphan returns a process that sleeps, and whose parent has ended.
func orphan(t *testing.T, sleep string) int {
	t.Helper()
	text, err := exec.Command("sh", "-c", sleep+" 60 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(sleep)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.After(10 * time.Second); !(&program{info: info}).runsIn(pid); { // it is the shell's at first
		select {
		case <-end:
			t.Fatalf("process %d does not execute %s", pid, sleep)
		case <-time.After(time.Millisecond):
		}
	}
	return pid
}
