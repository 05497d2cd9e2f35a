package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// TestScript runs each script of testdata/script. Besides the usual commands of
// testscript they have those of the table below; NAME is always a container's.
func TestScript(t *testing.T) {
	needRoot(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		WorkdirRoot:        bench.dir,
		RequireUniqueNames: true,
		Setup:              setUpScript,
		Condition:          condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// NAME [KEY=VALUE ...] [JSON]: make a run directory; $NAME is its path
			"container": command((*bed).makeContainer),
			// NAME [KEY=VALUE ...] [FLAG ...] -- COMMAND: start a supervisor in it
			"start": command((*bed).start),
			// STATUS PROGRAM [ARG ...]: run a program to its end
			"exits": command((*bed).exits),
			// NAME SIGNAL: to the supervisor
			"signal": command((*bed).signal),
			// NAME SIGNAL: to the command, from outside
			"hit": command((*bed).hit),
			// NAME SIGNAL: to all that is in the cgroup
			"hit-all": command((*bed).hitAll),
			// NAME STATUS: the supervisor ends, and leaves nothing
			"ended": command((*bed).ended),
			// NAME REGEXP: [!] in what the container has written
			"output": check((*bed).outputHas),
			// NAME REGEXP: [!] in supervisor.log
			"log": check((*bed).logHas),
			// NAME FILE[,FILE] REGEXP: [!] in a file of the cgroup
			"cgroup": check((*bed).cgroupHas),
			// NAME UID:GID: the command's, as the host sees it
			"owner": command((*bed).owner),
			// NAME FILE REGEXP: [!] in a file of /proc/PID of the supervisor
			"proc": check((*bed).procHas),
			// NAME N: so many processes are in the cgroup
			"processes": command((*bed).processes),
			// NAME: the supervisor's sockets have paths, none is abstract
			"sockets": command((*bed).sockets),
			// NAME: a stranger's process gets into the cgroup
			"squat": command((*bed).squat),
			// CGROUP: freeze or thaw it; it is made if need be
			"freeze": command((*bed).freeze),
			"thaw":   command((*bed).thaw),
			// NAME CGROUP: move its processes into a sub-cgroup, where one can be frozen
			"nest": command((*bed).nest),

			// STREAM is a connection: that of a container's name, made when it is
			// first used, or one that connect has made.
			// NAME STREAM: connect once more
			"connect": command((*bed).connect),
			// STREAM COMMAND: stop, kill, exit or anything else
			"send": command((*bed).send),
			// STREAM TEXT: bytes, with the escapes of a Go string
			"send-raw": command((*bed).sendRaw),
			// STREAM CONDITION ...: some state to come fulfils them all
			"await": command((*bed).await),
			// STREAM CONDITION ...: the very next one does
			"next": command((*bed).next),
			// STREAM: it ends, without another state
			"eof": command((*bed).eof),
			// STREAM: shut down our sending side; close
			"half-close": command((*bed).halfClose),
			"disconnect": command((*bed).disconnect),

			// DIR FILE: list all that is in a directory, with all that could change
			"tree": command((*bed).tree),
			// FILE: it is one JSON value
			"json": command((*bed).isJSON),
			// PATH: leave a socket that nobody listens on
			"stale-socket": command((*bed).staleSocket),
			// NAME: make a network namespace; $NAME is its path
			"netns": command((*bed).makeNetns),
			// remember this moment
			"mark": command((*bed).setMark),
			// MIN MAX: that much time has passed since the last mark
			"passed": command((*bed).passed),
			// DURATION: set the wall clock ahead, or back
			"step-clock": command((*bed).stepClock),
		},
	})
}

// bed is what one script works on.
type bed struct {
	script      string
	containers  map[string]*container
	supervisors map[string]*supervisor
	streams     map[string]*stream
	mark        time.Time
}

func setUpScript(env *testscript.Env) error {
	b := &bed{
		script:      strings.TrimPrefix(filepath.Base(env.WorkDir), "script-"),
		containers:  map[string]*container{},
		supervisors: map[string]*supervisor{},
		streams:     map[string]*stream{},
	}
	env.Values["bed"] = b
	env.Setenv("BIN", filepath.Dir(bench.supervisor))
	env.Setenv("GORACE", os.Getenv("GORACE"))
	env.Setenv("PARENT", bench.parent)
	env.Defer(b.tearDown)
	return os.Chmod(env.WorkDir, 0o755)
}

// condition: memsw is whether the kernel accounts swap, as v1 shows it; v2 is
// whether memory is limited by the unified hierarchy; race, whether the binary under
// test has the race detector; disk, whether the scripts' files are on one; resource,
// whether we have CAP_SYS_RESOURCE; idmap, whether the kernel has idmapped mounts; peak,
// whether it tells the largest memory use; clock, whether the wall clock may be set.
func condition(name string) (bool, error) {
	switch name {
	case "peak":
		return peak()
	case "disk":
		var st unix.Stat_t
		err := unix.Stat(bench.dir, &st)
		return unix.Major(st.Dev) != 0, err
	case "race":
		return raceEnabled, nil
	case "idmap":
		return unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{}) != unix.ENOSYS, nil
	case "resource":
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var sets [2]unix.CapUserData
		err := unix.Capget(&header, &sets[0])
		return sets[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0, err
	case "clock":
		return os.Getenv("TEST_CLOCK") != "", nil
	}
	file := map[string]string{"memsw": "memory.memsw.limit_in_bytes", "v2": "cgroup.subtree_control"}[name]
	if file == "" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	for _, mount := range cgroupMounts() {
		text, err := os.ReadFile(filepath.Join(mount, file))
		if err == nil && (name != "v2" || strings.Contains(string(text), "memory")) {
			return true, nil
		}
	}
	return false, nil
}

// peak looks into a cgroup of ours: the root has no such file on v2.
func peak() (bool, error) {
	for _, mount := range cgroupMounts() {
		dir := filepath.Join(mount, bench.parent)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return false, err
		}
		for _, file := range []string{"memory.peak", "memory.max_usage_in_bytes"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				return true, nil
			}
		}
	}
	return false, nil
}

func (b *bed) tearDown() {
	for _, s := range b.streams {
		s.conn.Close()
	}
	for _, s := range b.supervisors {
		s.destroy()
	}
}

// command makes a script command of a method that may not be negated.
func command(run func(*bed, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		if negated {
			ts.Fatalf("this command cannot be negated")
		}
		ts.Check(run(ts.Value("bed").(*bed), ts, args))
	}
}

// errAbsent is what a check returns when it did not find what it looked for.
var errAbsent = errors.New("no match")

// check makes a script command of a method that looks for something. Without !
// it waits for it to be there; with !, it must not be there now.
func check(look func(*bed, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		b := ts.Value("bed").(*bed)
		if !negated {
			ts.Check(poll(patience, func() error { return look(b, args) }))
			return
		}
		switch err := look(b, args); {
		case err == nil:
			ts.Fatalf("unexpected match for %q", args)
		case !errors.Is(err, errAbsent):
			ts.Check(err)
		}
	}
}

func (b *bed) container(name string) (*container, error) {
	if c := b.containers[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no container %q", name)
}

func (b *bed) supervisor(name string) (*supervisor, error) {
	if s := b.supervisors[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no supervisor %q", name)
}

// stream returns a connection; the first one to a container is made here.
func (b *bed) stream(name string) (*stream, error) {
	if s := b.streams[name]; s != nil {
		return s, nil
	}
	c, err := b.container(name)
	if err != nil {
		return nil, err
	}
	s, err := dial(c)
	if err != nil {
		return nil, err
	}
	b.streams[name] = s
	return s, nil
}

// unquote reads the escapes of a Go string.
func unquote(text string) (string, error) { return strconv.Unquote(`"` + text + `"`) }
