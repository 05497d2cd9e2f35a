package main_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// action is what goes wrong at a point.
type action string

const (
	killShim action = "kill shim"
	killInit action = "kill init"
	// A supervisor that has been stopped is killed, or goes on in the end.
	stopShim     action = "stop shim"
	stopShimOnce action = "stop shim for a while"
	stopInit     action = "stop init"
	hang         action = "hang"
	terminate    action = "TERM" // to the supervisor; init hangs
	// Anything else is the name of an errno.
)

// errnos are those of an exhausted machine.
var errnos = map[action]unix.Errno{"EMFILE": unix.EMFILE, "ENOMEM": unix.ENOMEM, "EAGAIN": unix.EAGAIN, "EIO": unix.EIO}

// faultCase is one line of the table.
type faultCase struct {
	scenario
	point  string
	action action
}

// faultTable is every point with every action; of the errnos, each has one.
func faultTable(t *testing.T) []faultCase {
	t.Helper()
	var table []faultCase
	seen := map[string]bool{}
	for _, sc := range scenarios {
		for _, point := range sc.points(t) {
			// The parent's controllers are enabled by the first container of all.
			if seen[point] && !sc.comesAnew(point) || point == "cgroup: write cgroup.subtree_control" {
				continue
			}
			seen[point] = true
			errno := []action{"EMFILE", "ENOMEM", "EAGAIN", "EIO"}[len(seen)%len(errnos)]
			for _, a := range []action{errno, killShim, killInit, stopShim, stopShimOnce, stopInit, hang, terminate} {
				table = append(table, faultCase{sc, point, a})
			}
		}
	}
	for _, some := range []string{"shim: listen", "shim: clone", "shim: send config", "shim: receive ready", "shim: receive failed", "shim: receive step",
		"init: receive config", "init: mount /proc", "init: send ready", "init: send failed", "init: send step", "init: exec", "cgroup: lock", "cgroup: kill", "shim: unpublish control"} {
		if !seen[some] {
			t.Fatalf("no point %q in %d points", some, len(seen))
		}
	}
	return table
}

// TestFaults: whatever step fails, hangs, or has one of the halves killed or
// stopped, there is a final state that says so or a dead supervisor, nothing that
// waits for ever, nothing left that the next start does not clear, and it works.
func TestFaults(t *testing.T) {
	needRoot(t)
	table := faultTable(t)
	// All of it takes minutes on a slow machine: a sample there.
	every := int(math.Ceil(scaled(time.Second).Seconds()))
	first := seeded(t).IntN(every)
	t.Logf("%d cases, every %d. of them from %d. on", len(table), every, first)
	for i := first; i < len(table); i += every {
		c := table[i]
		t.Run(fmt.Sprintf("%s/%s/%s", c.name, strings.ReplaceAll(c.point, "/", "|"), c.action), func(sub *testing.T) {
			sub.Parallel()
			if err := c.run(t, i); err != nil {
				sub.Error(err)
			}
		})
	}
}

func (f faultCase) run(t *testing.T, i int) error {
	c, err := f.container(t, i)
	if err != nil {
		return err
	}
	s, release, err := f.start(c, f.point+"="+f.order())
	if err != nil {
		return err
	}
	defer s.destroy()
	defer release.Close()
	final := make(chan state, 1)
	go func() { final <- s.drive(f.restarts) }()
	if err := f.inflict(s, release); err != nil {
		return err
	}
	status, err := s.end()
	if err != nil {
		return err
	}
	if err := f.judge(s, status, <-final); err != nil {
		return err
	}
	if !f.takesOver { // whose processes the next start has to kill
		if err := poll(time.Second, func() error {
			if pids := c.processes(); len(pids) > 0 {
				return fmt.Errorf("processes are left: %q", pids)
			}
			return closed(s.output.end, "somebody still holds stdout")
		}); err != nil {
			return err
		}
	}
	return c.startAgain()
}

// startAgain is the next start, with a log of its own and the binary under test.
func (c *container) startAgain() error {
	log := filepath.Join(c.dir, "supervisor.log")
	if err := os.Rename(log, log+".1"); err != nil {
		return err
	}
	if err := c.startAndStop(); err != nil {
		return fmt.Errorf("the next start: %w", err)
	}
	return nil
}

// order is what the supervisor is told.
func (f faultCase) order() string {
	if errnos[f.action] == 0 {
		return "hold"
	}
	return string(f.action)
}

// inflict waits for the point, and does what is done from outside.
func (f faultCase) inflict(s *supervisor, release *os.File) error {
	if f.order() != "hold" || f.action == hang {
		return nil
	}
	if err := s.awaitOutput("^fault: " + regexp.QuoteMeta(f.point) + "$"); err != nil {
		return err
	}
	cloned := s.clones()
	var err error
	switch f.action {
	case killShim:
		return s.signal(unix.SIGKILL)
	case killInit:
		err = cloned.signal(unix.SIGKILL)
	case stopInit:
		err = cloned.signal(unix.SIGSTOP)
	case stopShim, stopShimOnce:
		if err = s.signal(unix.SIGSTOP); err == nil {
			err = poll(patience, func() error { return stopped(s.cmd.Process.Pid) })
		}
	case terminate:
		if err = s.signal(unix.SIGTERM); strings.HasPrefix(f.point, "init: ") {
			return err
		}
	}
	if err != nil {
		return err
	}
	release.Close() // the point goes on
	if f.action != stopShim && f.action != stopShimOnce {
		return nil
	}
	// In a user namespace init may not read its orders: its patience is the usual.
	if err := poll(2*patience, cloned.settled); err != nil {
		return err
	}
	if f.action == stopShim {
		return s.signal(unix.SIGKILL)
	}
	return s.signal(unix.SIGCONT)
}

// judge looks at how it ended.
func (f faultCase) judge(s *supervisor, status string, final state) error {
	log, err := os.ReadFile(s.logPath())
	if err != nil {
		return err
	}
	said := string(log)
	if final != nil {
		said += fmt.Sprint(final.at("err"))
	}
	for _, bad := range []string{"internal error", "panic", "DATA RACE", "goroutine "} {
		if strings.Contains(said, bad) {
			return fmt.Errorf("%s in: %s", bad, said)
		}
	}
	if f.action == killShim || f.action == stopShim {
		if status != "SIGKILL" {
			return fmt.Errorf("supervisor ended with %s, want SIGKILL", status)
		}
		return nil
	}
	for _, name := range []string{".control.new", ".container.json.new"} {
		if present(s.container.dir, name) {
			return fmt.Errorf("%s is left: %s", name, said)
		}
	}
	if f.action == terminate {
		if status == "SIGTERM" && slices.Contains(early, f.point) {
			return nil
		}
		if strings.HasPrefix(f.point, "init: ") && f.name != "failing" {
			err = match("start container: aborted: stop asked", said)
		}
		if status != "0" && status != "143" {
			err = fmt.Errorf("supervisor ended with %s: %s", status, said)
		}
		return err
	}
	// With an err it ends by itself, if not by exit before that; and a start
	// may have cleared what the end of the last run could not.
	want := map[bool]string{true: "1", false: "0"}[final == nil || strings.Contains(said, "msg=cleanup")]
	if status != want && !final.has("err") && !f.restarts {
		return fmt.Errorf("supervisor ended with %s, want %s: %s", status, want, said)
	}
	if status != "0" && status != "1" {
		return fmt.Errorf("supervisor ended with %s: %s", status, said)
	}
	if strings.HasPrefix(said, "harpoon-supervisor: ") && !f.takesOver && present(s.container.dir, "container.json") {
		return fmt.Errorf("container.json is left: %s", said)
	}
	switch {
	case f.action == hang:
		return match("no answer within|kill init: i/o timeout", said) // the latter where nothing is done in time
	case f.order() == "hold":
		return nil
	case f.name == "failing" && final != nil: // for its own reason, if that is still to be had
		return match("start container: ", said)
	case slices.Contains(bestEffort, f.point):
		return nil
	}
	return match(f.complaint(), said)
}

// bestEffort is what another way is found for.
var bestEffort = []string{"cgroup: write cpu.cfs_quota_us", "cgroup: write cpu.max", "cgroup: write freezer.state", "cgroup: write cgroup.freeze", "cgroup: write cgroup.kill"}

// complaint is what is said of an errno: the step, and the errno itself.
func (f faultCase) complaint() string {
	half, step, _ := strings.Cut(f.point, ": ")
	word, _, _ := strings.Cut(step, " ")
	switch {
	case f.point == "init: inherit": // it has nobody to tell
		return "init: config: exited with status 1"
	case half != "cgroup" && (word == "send" || word == "receive"):
		step = "sync pipe: " + word
	case half == "init":
		step = f.point
	case word == "write": // a limit's file is named without what is done to it
		return "(write )?" + regexp.QuoteMeta(strings.TrimPrefix(step, "write ")) + ".*: " + errnos[f.action].Error()
	}
	return regexp.QuoteMeta(step) + ".*: " + errnos[f.action].Error()
}
