package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// faultsBuild returns the binary in which every step can be made to fail.
var faultsBuild = sync.OnceValues(func() (string, error) {
	path := filepath.Join(bench.dir, "bin", "harpoon-supervisor-faults")
	args := []string{"-tags", "faults"}
	if raceEnabled {
		args = append(args, "-race")
	}
	return path, provide(path, "HARPOON_SUPERVISOR_FAULTS", ".", raceEnabled, args...)
})

// faultTimeout is each half's patience with the other, in place of 10 s.
func faultTimeout() time.Duration { return scaled(time.Second) }

// scenario is what a supervisor goes through; together they come to every point.
type scenario struct {
	name      string
	takesOver bool // from a killed one, whose command lives
	restarts  bool // once
	mapped    bool // in a user namespace
	flags     []string
	command   []string
	anew      []string // how points begin that others come to as well, but not like this
}

var scenarios = []scenario{
	{name: "life", command: []string{"/bin/workload", "sleep", "1h"}},
	{name: "failing", command: []string{"/bin/nothing"}},
	{name: "traced", flags: []string{"--trace", "trace.json"}, command: []string{"/bin/workload", "sleep", "1h"}},
	{name: "taking over", takesOver: true, command: []string{"/bin/workload", "sleep", "1h"}, anew: []string{"cgroup: "}},
	{name: "mapped", mapped: true, command: []string{"/bin/workload", "sleep", "1h"}},
	{name: "restarting", restarts: true, command: []string{"/bin/workload", "exit", "1"}, anew: []string{"cgroup: remove", "shim: remove cgroup", "shim: clear run"}},
}

// comesAnew reports whether a point that others come to is another one here.
func (sc scenario) comesAnew(point string) bool {
	return slices.ContainsFunc(sc.anew, func(start string) bool { return strings.HasPrefix(point, start) })
}

// container makes the run directory, and what is to be taken over in it.
func (sc scenario) container(t *testing.T, i int) (*container, error) {
	policy := map[bool]string{false: "no", true: "always"}[sc.restarts]
	users := map[bool]string{false: "null", true: `{"uid": 100000, "gid": 100000, "size": 65536}`}[sc.mapped]
	c, err := aContainer(t, i, `{"restart": "`+policy+`", "restart_backoff": {"initial": "100ms"}, "userns": `+users+`,
		"resources": {"mem": 64}, "network": "none", "storage": {"tmp": {"/tmp": 1}}}`)
	if err != nil || !sc.takesOver {
		return c, err
	}
	s, err := c.start(launch{command: []string{"/bin/workload", "disarm", "then", "ignore-term"}})
	if err != nil {
		return nil, err
	}
	defer func() { <-s.ended }()
	defer s.signal(unix.SIGKILL)
	return c, s.awaitOutput("ignoring")
}

// start starts the supervisor under an order. The other end of its stdin is what
// a point that holds waits for.
func (sc scenario) start(c *container, order string) (s *supervisor, release *os.File, err error) {
	binary, err := faultsBuild()
	if err != nil {
		return nil, nil, err
	}
	stdin, release, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer stdin.Close()
	s, err = c.start(launch{binary: binary, flags: sc.flags, command: sc.command, stdin: stdin,
		env: []string{"HARPOON_FAULT=" + order, "HARPOON_FAULT_TIMEOUT=" + faultTimeout().String(), "GORACE=" + os.Getenv("GORACE")}})
	if err != nil {
		release.Close()
	}
	return s, release, err
}

// points returns what the scenario comes to when nothing goes wrong.
func (sc scenario) points(t *testing.T) []string {
	t.Helper()
	c, err := sc.container(t, -len(sc.name)) // no case has such a number
	if err != nil {
		t.Fatal(err)
	}
	s, release, err := sc.start(c, "list")
	if err != nil {
		t.Fatal(err)
	}
	defer release.Close()
	t.Cleanup(s.destroy)
	s.drive(sc.restarts)
	if _, err := s.end(); err != nil {
		t.Fatal(err)
	}
	var points []string
	for line := range strings.Lines(s.output.String()) {
		if point, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "fault: "); ok && !slices.Contains(points, point) {
			points = append(points, point)
		}
	}
	if err := s.clean(); err != nil {
		t.Error(err)
	}
	return points
}

// drive does what an agent does: it kills what is up, the first run or one that
// came of a restart, and ends what is down. It returns the final state, or nil if
// there was none to be had.
func (s *supervisor) drive(restarted bool) state {
	var client *stream
	if poll(3*patience, func() error { // it may be stopped meanwhile
		if closed(s.ended, "") == nil {
			return nil
		}
		conn, err := connectNow(s.container)
		if err == nil {
			client = read(conn)
		}
		return err
	}) != nil || client == nil {
		return nil
	}
	defer client.conn.Close()
	for {
		next, err := client.next(3 * patience) // it may have been stopped meanwhile
		switch {
		case err != nil:
			return nil
		case next.final():
			_ = client.command("exit") // it may have ended by then
			<-s.ended
			return next
		case next.at("up") == true && (!restarted || next.count("restarts") > 0), next.count("restarts") > 1:
			_ = client.command("kill") // as well
		}
	}
}

// early is where a signal may still end the supervisor: nothing has been made that
// would outlive it.
var early = []string{
	"shim: check /proc", "shim: check descriptor limit", "shim: lock run directory", "shim: remove stale", "shim: read last container.json",
	"shim: read agent.json", "shim: open trace", "shim: write trace", "shim: clear last run", "init: inherit",
	"shim: take over", "shim: make sync pipe", "shim: protect program", "shim: clone", "shim: disinherit", "shim: create cgroup",
}
