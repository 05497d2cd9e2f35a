// Package main_test looks at the supervisor as its users do: it builds the
// binary, starts it in run directories and talks to it over its socket, its
// signals and its files. What is expected is the contract in README.md. Nothing
// of the supervisor's code is used here, the parsing of its events included.
//
// Most of it is in testdata/script, a file for each behaviour that a user can
// see. The commands of those scripts are in the files command_*_test.go.
package main_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bench is what all tests share. It is set up once, by TestMain.
var bench struct {
	dir        string // everything is below it, and it is gone at the end
	supervisor string // path of the binary under test
	workload   string // path of the program for the containers
	parent     string // of the cgroups
	prefix     string // of all IDs
}

// dirPrefix begins the name of each run's directory.
const dirPrefix = "harpoon-test-"

// The main thread is TestMain's alone. Threads that are put in another namespace end
// with their goroutines; the main one would stay, and it is the process in /proc/self.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Geteuid() != 0 {
		os.Exit(m.Run()) // each test says why it is skipped
	}
	status, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// runAll runs the tests between two looks at the host, which must not differ.
func runAll(m *testing.M) (status int, err error) {
	// Whatever a supervisor abandons becomes our child, and is seen.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("become subreaper: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bench.dir)) }() // also of a build that fails
	if err := setUp(); err != nil {
		return 0, err
	}
	before, err := lookAtHost()
	if err != nil {
		return 0, err
	}
	status = m.Run()
	if err := poll(5*time.Second, before.same); err != nil {
		fmt.Fprintln(os.Stderr, "left on the host:", err)
		status = 1
	}
	removeCgroups(before)
	return status, nil
}

// setUp provides the two programs: builds them, unless the environment names
// ready ones, for a machine without Go. Scripts mostly wait, so that many of them fit
// on few CPUs at a time.
func setUp() (err error) {
	bench.parent = fmt.Sprintf("/harpoon-test-%d", os.Getpid())
	bench.prefix = fmt.Sprintf("t%d-", os.Getpid())
	if bench.dir, err = os.MkdirTemp("", dirPrefix); err != nil {
		return err
	}
	if err := os.Chmod(bench.dir, 0o755); err != nil {
		return err
	}
	if err := flag.Set("test.parallel", "8"); err != nil {
		return err
	}
	bin := filepath.Join(bench.dir, "bin")
	bench.supervisor = filepath.Join(bin, "harpoon-supervisor")
	bench.workload = filepath.Join(bin, "workload")
	if err := os.Setenv("PATH", bin+":"+os.Getenv("PATH")); err != nil {
		return err
	}
	// Under the race detector each process would wait a second before it ends.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		return err
	}
	args := []string{"-tags", "quiet", "-ldflags", "-checklinkname=0 -X main.version=1.2.3 -X main.commit=abc"}
	if raceEnabled {
		args = append(args, "-race")
	}
	if err := provide(bench.supervisor, "HARPOON_SUPERVISOR", ".", raceEnabled, args...); err != nil {
		return err
	}
	return provide(bench.workload, "HARPOON_WORKLOAD", "../../scripts/workload", false)
}

// provide copies the program that the environment variable names, or builds it.
// A copy, because it is linked into each rootfs.
func provide(target, variable, source string, cgo bool, args ...string) error {
	ready := os.Getenv(variable)
	if ready == "" {
		return build(target, source, cgo, args...)
	}
	program, err := os.ReadFile(ready)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, program, 0o755)
}

// build builds a command. The workload is always static: its rootfs holds no
// C library.
func build(target, source string, cgo bool, args ...string) error {
	args = append([]string{"build", "-buildvcs=false", "-o", target}, args...)
	cmd := exec.Command("go", append(args, source)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if cgo {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, output)
	}
	return nil
}

// needRoot skips a test that starts containers where that is not possible.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for namespaces and cgroups")
	}
}

// patience is how long to wait for what should happen at once; whoever waits
// stretches it.
const patience = 10 * time.Second

// scaled stretches a deadline as TEST_TIME_FACTOR says, and for the race
// detector.
func scaled(d time.Duration) time.Duration {
	factor, err := strconv.ParseFloat(os.Getenv("TEST_TIME_FACTOR"), 64)
	if err != nil || factor <= 0 {
		factor = 1
	}
	if raceEnabled {
		factor *= 3
	}
	return time.Duration(float64(d) * factor)
}

// poll calls done until it returns nil, and returns its last error if that does
// not happen in time. When the time is over it looks once more: on a machine that
// stood still meanwhile, the last look may have been the first one.
func poll(limit time.Duration, done func() error) error {
	deadline := time.After(scaled(limit))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return done()
		}
	}
}
