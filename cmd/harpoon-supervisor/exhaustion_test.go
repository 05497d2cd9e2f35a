package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ending is how a supervisor has ended under want of something.
type ending struct {
	status string
	final  state  // nil if nobody was told any
	said   string // the log, and err
}

// endure starts a supervisor, lets it do what it can, and looks at what is left
// of it. The next start, without want, must work.
func endure(c *container, l launch) (e ending, err error) {
	s, err := c.start(l)
	if err != nil {
		return e, err
	}
	defer s.destroy()
	e.final = s.drive(false)
	if e.status, err = s.end(); err != nil {
		return e, err
	}
	log, err := os.ReadFile(s.logPath())
	if e.said = string(log); e.final.has("err") {
		e.said += fmt.Sprint(e.final.at("err"))
	}
	if !e.crashed() {
		err = errors.Join(err, c.leftovers())
	}
	if err != nil {
		return e, fmt.Errorf("%w; it said: %s", err, e.said)
	}
	return e, c.startAgain()
}

// crashed reports whether the Go runtime has ended the supervisor, as it does
// when it gets no thread or no poller. That cannot be caught: the poller is
// wanted by a library already before there is a main.
func (e ending) crashed() bool {
	wants := []string{"runtime: failed to create new OS thread", "runtime: epollcreate failed", "runtime: eventfd failed", "runtime: epollctl failed"}
	if raceEnabled { // the C library has its own words
		wants = append(wants, "pthread_create failed", "error while loading shared libraries")
	}
	return slices.ContainsFunc(wants, func(want string) bool { return strings.Contains(e.said, want) })
}

// clean returns nil if the supervisor has ended as one does that knows what is
// wanting: with status 1 and one line, or with the final state. Or as the runtime
// would have it.
func (e ending) clean() error {
	if e.crashed() {
		return nil
	}
	for _, bad := range []string{"internal error", "panic", "goroutine ", "msg=cleanup"} {
		if strings.Contains(e.said, bad) {
			return fmt.Errorf("%s in: %s", bad, e.said)
		}
	}
	switch {
	case e.final == nil && e.status == "1" && strings.Count(e.said, "\n") == 1 && strings.HasPrefix(e.said, "harpoon-supervisor: "):
	case e.final.has("err") && strings.HasPrefix(fmt.Sprint(e.final.at("err")), "start container: "):
	case e.final != nil && !e.final.has("err") && e.status == "0":
	default:
		return fmt.Errorf("status %s, final state %v; it said: %s", e.status, e.final, e.said)
	}
	return nil
}

// TestFewDescriptors: with a descriptor limit that is too low nothing is begun,
// and it is said what is needed; that then suffices. What the agent has leaked
// does not count.
func TestFewDescriptors(t *testing.T) {
	needRoot(t)
	const least, most = 32, 40
	repeat(t, most-2, 4, func(i int) error {
		limit := i + 3
		c, err := aContainer(t, i, fmt.Sprintf(`{"network": "none", "resources": {"fd": %d, "mem": 64, "cpu": 1}}`, limit))
		if err != nil {
			return err
		}
		l := launch{via: []string{"prlimit", fmt.Sprintf("--nofile=%[1]d:%[1]d", limit)}, command: []string{"/bin/workload", "sleep", "1h"}}
		if i%2 == 0 {
			if err := l.leakInto("50"); err != nil {
				return err
			}
			defer l.close()
		}
		e, err := endure(c, l)
		switch {
		case err != nil:
			return err
		case limit >= least && !(raceEnabled && e.crashed()) && (e.final == nil || e.final.has("err")):
			return fmt.Errorf("limit of %d: %s", limit, e.said)
		case limit < least && !e.crashed():
			return match(fmt.Sprintf(`\Aharpoon-supervisor: descriptor limit of %d: at least %d are needed.*\n\z`, limit, least), e.said)
		}
		return e.clean()
	})
}

// TestCallsRefused: system calls fail as they do on an exhausted machine. A start
// that needs them says which; what can do without them does.
func TestCallsRefused(t *testing.T) {
	needRoot(t)
	tests := []struct {
		errno, calls string
		want         string // in what is said; empty: it works all the same
	}{
		{"EMFILE", "epoll_create1", "runtime: epollcreate failed"},
		{"ENFILE", "eventfd2", "runtime: eventfd failed"},
		{"ENOMEM", "epoll_ctl", "runtime: epollctl failed"},
		{"EMFILE", "socket", "socket: too many open files"},
		{"ENFILE", "socket", "socket: too many open files in system"},
		{"ENOMEM", "socket", "socket: cannot allocate memory"},
		{"ENOMEM", "bind", "listen on control: cannot allocate memory"},
		{"EMFILE", "socketpair", "start container: socketpair: too many open files"},
		{"ENOMEM", "socketpair", "start container: socketpair: cannot allocate memory"},
		{"EAGAIN", "fork,clone3", `clone: resource temporarily unavailable \(too many processes`},
		{"ENOMEM", "fork,clone3", "clone: cannot allocate memory"},
		{"ENOMEM", "sendmsg", "sync pipe: send: cannot allocate memory"},
		{"ENOMEM", "recvmsg", "sync pipe: receive: cannot allocate memory|init: config: exited with status 1"}, // init cannot, either,
		{"ENOMEM", "unshare", "init: unshare cgroup: cannot allocate memory"},
		{"ENOMEM", "mount", "init: make private: cannot allocate memory"},
		{"ENOMEM", "mkdirat", "cannot allocate memory"},
		{"ENOMEM", "pivot_root", "init: switch root: pivot_root: cannot allocate memory"},
		{"EMFILE", "inotify_init1", ""},
		{"ENOMEM", "inotify_add_watch", ""},
		{"EMFILE", "pidfd_open", ""}, // only what is left alive is killed through those
	}
	repeat(t, len(tests), 4, func(i int) error {
		test := tests[i]
		c, err := aContainer(t, i, "")
		if err != nil {
			return err
		}
		e, err := endure(c, launch{via: []string{"workload", "deny", test.errno, test.calls}, command: []string{"/bin/workload", "sleep", "1h"}, env: os.Environ()})
		if err == nil {
			err = e.clean()
		}
		switch {
		case err != nil:
		case raceEnabled && e.crashed(): // no threads without clone3
		case test.want != "":
			err = match(test.want, e.said)
		case e.final.has("err"):
			err = fmt.Errorf("err is set: %v", e.final)
		}
		if err != nil {
			return fmt.Errorf("%s of %s: %w", test.errno, test.calls, err)
		}
		return nil
	})
}

// TestFewProcesses: the supervisor's own cgroup lets it have so many threads and
// children. The Go runtime ends a process that gets no thread; then nothing is
// left that the next start does not clear.
func TestFewProcesses(t *testing.T) {
	needRoot(t)
	const most = 16
	started := 0
	for limit := 1; limit <= most; limit++ {
		c, err := aContainer(t, limit, "")
		if err != nil {
			t.Fatal(err)
		}
		procs, err := limitedCgroup(t, limit)
		if err != nil {
			t.Fatal(err)
		}
		e, err := endure(c, launch{via: []string{"sh", "-c", `echo 0 >"$0" && exec "$@"`, procs}, command: []string{"/bin/workload", "sleep", "1h"}})
		if err == nil {
			err = e.clean()
		}
		if err != nil {
			t.Errorf("pids.max %d: %v", limit, err)
		}
		if e.final != nil && !e.final.has("err") {
			started++
		}
	}
	if started == 0 || started == most {
		t.Errorf("%d of %d limits sufficed, want some", started, most)
	}
}

// TestNoMoreProcesses: a supervisor that can have no thread more goes on, and ends its
// container as ever.
func TestNoMoreProcesses(t *testing.T) {
	needRoot(t)
	for i := range 12 {
		c, err := aContainer(t, i, "")
		if err != nil {
			t.Fatal(err)
		}
		procs, err := limitedCgroup(t, 100+i)
		if err != nil {
			t.Fatal(err)
		}
		s, client, err := c.startAndDial(launch{via: []string{"sh", "-c", `echo 0 >"$0" && exec "$@"`, procs}, command: []string{"/bin/workload", "until-term", "0"}})
		if err == nil {
			err = s.awaitOutput("waiting")
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.destroy)
		if err := os.WriteFile(filepath.Join(filepath.Dir(procs), "pids.max"), []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		byItself := i%2 == 0
		if byItself {
			err = s.signal(unix.SIGTERM)
		} else {
			err = client.command("stop")
		}
		if err != nil {
			t.Fatal(err)
		}
		last, err := client.finalState()
		if err == nil {
			err = last.meets([]string{"container_exit_status.exited=true", "!err"})
		}
		if err == nil && !byItself {
			err = client.command("exit")
		}
		if err == nil {
			var status string
			if status, err = s.end(); err == nil && status != "0" {
				err = fmt.Errorf("supervisor ended with %s, want 0", status)
			}
		}
		if err == nil {
			err = s.clean()
		}
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// limitedCgroup makes a cgroup with a limit of processes, and returns its
// cgroup.procs.
func limitedCgroup(t *testing.T, limit int) (string, error) {
	for _, mount := range cgroupMounts() {
		dir := filepath.Join(mount, fmt.Sprintf("%s-pids-%d", bench.parent, limit))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", err
		}
		t.Cleanup(func() {
			if err := poll(patience, func() error { return os.Remove(dir) }); err != nil {
				t.Error(err)
			}
		})
		if os.WriteFile(filepath.Join(dir, "pids.max"), []byte(strconv.Itoa(limit)), 0) == nil {
			return filepath.Join(dir, "cgroup.procs"), nil
		}
	}
	return "", errors.New("no hierarchy has the pids controller")
}
