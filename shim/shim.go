package shim

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/goruntime"
)

// Options are the command line, and what the linker has set.
type Options struct {
	Hostname string // 1 to 64 bytes
	ID       string // names the cgroup; see cgroup.ValidID
	// CgroupParent is an absolute path in the hierarchies, or "self".
	CgroupParent string
	// Command is the argv; an empty one is a start that fails.
	Command []string
	// Trace is a file that is written to, relative to the run directory, or empty. That it
	// cannot be opened or written is logged, no more.
	Trace string
	// Version is told in container.json.
	Version string
}

// exitFailed is the exit status of a supervisor that could not do its work, or
// that ended by itself. The others are in ending.status.
const exitFailed = 1

// Run supervises the container of the working directory until it is over, and ends
// the process with 0, 128 and the signal that ended it, or 1: see ending.status. It does not
// return, and must be called on the main goroutine, in a function init or locked to the main
// thread.
func Run(o Options) {
	runtime.GOMAXPROCS(2) // package goruntime has left one, and there are two things to do
	signals := catchSignals()
	passEndSignals()
	// The agent may have asked to be outlived by nobody (prctl(2)); the container is to.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
	resetCollector()
	// A process group of its own: a terminal's ^C is for those in the foreground,
	// the agent perhaps, and is no wish to stop the container. The shell's own job
	// is a leader already, and hears it.
	_ = unix.Setpgid(0, 0)
	closeInherited()
	monitor := calmMonitor()
	unix.Umask(0o022) // the agent's may be anything
	// For init, which inherits it: each huge page that its heap is given would count
	// 2 MiB against the container's limit. It allows them again for the command.
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0) // a kernel without has none
	// For the log: as in the states, and without a file to read.
	time.Local = time.UTC
	lines := newLines(int(os.Stderr.Fd()))
	log := lines.logger()
	var failed sync.Once // what hangs, and is given up for it, may come back meanwhile
	fail := func(err error) {
		failed.Do(func() {
			fmt.Fprintf(lines, "harpoon-supervisor: %v\n", err)
			lines.flush()
			os.Exit(exitFailed)
		})
	}
	s, err := open(o, log, func(step string) { fail(errLate(step)) })
	if err != nil {
		fail(err)
	}
	s.signals, s.lines = signals, lines
	s.starter.trace, s.starter.caught, s.starter.monitor = openTrace(o.Trace, log), signals.caught, monitor
	start := s.nextRun()
	go func() {
		goruntime.GrowStack()
		s.starter.awaitBirth()
		// While init is at work.
		signals.catchTraps()
		protect()
		reserveThreads()
		s.starter.streams = lookAtStreams()
		var withdrawn sync.Once
		withdraw := func(err error) {
			withdrawn.Do(func() {
				newAlarm(endTimeout(), func() { fail(err) }) // what hangs may not be removed, either
				s.withdraw(err)
				fail(err)
			})
		}
		if err := s.appear(func(step string) { withdraw(errLate(step)) }); err != nil {
			withdraw(err)
		}
		go s.listener.accept(s.accepted)
		s.loop()
		newAlarm(endTimeout(), s.abandon)
		status := s.end()
		lines.flush()
		os.Exit(status)
	}()
	start()
	s.starter.cloner.serve()
}

// gcPercent is what runtime/debug.SetGCPercent takes. With 25 there is a collection after
// 1 MiB, and not after 4: each restart leaves some tens of KiB behind.
const gcPercent = 25

// resetCollector takes back what the agent's environment says of garbage, which is meant
// for the agent.
func resetCollector() {
	if os.Getenv("GOGC") != "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		debug.SetMemoryLimit(math.MaxInt64)
	}
}

// open takes possession of the run directory and reads what is to be done there.
// It calls late with the name of a step that hangs.
func open(o Options, log *slog.Logger, late func(string)) (*supervisor, error) {
	step := func(name string, f func() error) error { return watched(name, late, f) }
	if err := step("check /proc", checkProc); err != nil {
		return nil, err
	}
	if err := step("check descriptor limit", checkLimit); err != nil {
		return nil, err
	}
	evicting := func(processes int) { log.Warn("a predecessor's processes are killed", "processes", processes) }
	var dir runDir
	var owner cgroup.Owner
	if err := step("lock run directory", func() (err error) {
		if dir, err = lockRunDir(evicting); err == nil {
			owner, err = cgroup.OwnerOf(dir.File)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := step("remove stale", dir.removeStale); err != nil {
		dir.Close()
		return nil, err
	}
	s := newSupervisor(dir, log)
	var last cgroupName
	if err := step("read last "+resolvedName, func() error {
		last = readPredecessor()
		return nil
	}); err != nil {
		dir.Close()
		return nil, err
	}
	s.starter = newStarter(o, owner, last)
	s.starter.evicting = evicting
	s.start = s.starter.start
	s.starter.refusal = step("read "+configName, s.configure)
	return s, nil
}

// checkProc refuses a /proc in which a number is not that of the same process here: one
// that unshare(1) has left, or that of the host in a container (pid_namespaces(7)).
func checkProc() error {
	self, err := os.Readlink("/proc/self")
	var fs unix.Statfs_t
	if err != nil && unix.Statfs("/proc", &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC {
		return errors.New("/proc is that of another pid namespace: this process is not in it")
	}
	if err != nil {
		return fmt.Errorf("%w (no /proc is mounted, without which nothing can be done)", err)
	}
	if self != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("/proc is that of another pid namespace: this process is %d, and %s there", os.Getpid(), self)
	}
	return nil
}

// configure reads the configuration and notes what a valid one means.
func (s *supervisor) configure() error {
	o := s.starter.options
	config, err := readConfig()
	if err == nil {
		err = s.starter.admits(config)
	}
	if err != nil {
		return err
	}
	c := resolve(o, config)
	s.starter.container = c
	s.backoff = newBackoff(config.RestartBackoff)
	if len(o.Command) == 0 {
		return errors.New("start container: no command")
	}
	return checkKill(&c.init)
}
