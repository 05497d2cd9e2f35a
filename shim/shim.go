package shim

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
)

// Options are the command line.
type Options struct {
	Hostname string // 1 to 64 bytes
	ID       string // names the cgroup; see cgroup.ValidID
	// CgroupParent is an absolute path in the hierarchies, or "self".
	CgroupParent string
	Command      []string
	Trace        string // file name, or empty
	Version      string
}

// exitFailed is the exit status of a supervisor that could not do its work, or
// that ended by itself. The others are in ending.status.
const exitFailed = 1

// Run supervises the container of the working directory until it is over, and
// returns the exit status of the process. It must be called on the main
// goroutine, locked to the main thread.
func Run(o Options) int {
	signals := catchSignals()
	// A process group of its own: a terminal's ^C is for those in the foreground,
	// the agent perhaps, and is no wish to stop the container. The shell's own job
	// is a leader already, and hears it.
	_ = unix.Setpgid(0, 0)
	closeInherited()
	unix.Umask(0o022) // the agent's may be anything
	// For init, which inherits it: each huge page that its heap is given would count
	// 2 MiB against the container's limit. It allows them again for the command.
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0) // a kernel without has none
	protect()
	log, lines := newLog(int(os.Stderr.Fd()))
	defer lines.flush()
	complain := func(err error) { fmt.Fprintf(lines, "harpoon-supervisor: %v\n", err) }
	s, err := open(o, log, func(step string) {
		complain(errLate(step))
		lines.flush()
		os.Exit(exitFailed)
	})
	if err != nil {
		complain(err)
		return exitFailed
	}
	s.signals, s.lines = signals, lines
	s.starter.trace = openTrace(o.Trace, log)
	status := exitFailed
	go func() {
		defer close(s.starter.cloner.requests)
		s.loop()
		time.AfterFunc(endTimeout(), s.abandon)
		status = s.end()
	}()
	s.starter.cloner.serve()
	return status
}

// open takes possession of the run directory. If it fails, it leaves nothing. It
// calls late with the name of a step that hangs.
func open(o Options, log *slog.Logger, late func(string)) (*supervisor, error) {
	step := func(name string, f func() error) error { return watched(name, late, f) }
	if err := step("check descriptor limit", checkLimit); err != nil {
		return nil, err
	}
	var dir runDir
	if err := step("lock run directory", func() (err error) {
		dir, err = lockRunDir()
		return err
	}); err != nil {
		return nil, err
	}
	s, err := openIn(dir, o, log, step)
	if err != nil {
		dir.Close()
	}
	return s, err
}

func openIn(dir runDir, o Options, log *slog.Logger, step func(string, func() error) error) (*supervisor, error) {
	owner, err := cgroup.OwnerOf(dir.File)
	if err != nil {
		return nil, err
	}
	if err := step("remove stale", dir.removeStale); err != nil {
		return nil, err
	}
	var l *listener
	if err := step("listen", func() (err error) {
		l, err = listen(dir)
		return err
	}); err != nil {
		return nil, err
	}
	s := newSupervisor(dir, l, log)
	s.starter = &starter{options: o, owner: owner, cloner: cloner{make(chan func())}, stuck: make(chan string, 1)}
	s.start = s.starter.start
	s.starter.predecessor = readPredecessor()
	var config *agent.ContainerConfig
	s.starter.refusal = step("read "+configName, func() (err error) {
		if config, err = readConfig(); err == nil {
			err = s.starter.admits(config)
		}
		return err
	})
	if s.starter.refusal == nil {
		err = step("write "+resolvedName, func() error { return s.configure(o, config) })
	}
	// Published last: from here on everything is told to clients.
	if err == nil {
		err = step("publish control", l.publish)
	}
	if err != nil {
		_ = l.close() // the first error is the one to know
		return nil, err
	}
	return s, nil
}

// configure notes what a valid configuration means, here and in container.json.
func (s *supervisor) configure(o Options, config *agent.ContainerConfig) error {
	c := resolve(o, config)
	s.starter.container = c
	// With CAP_SETUID it may become root; what others lead to is not told apart.
	s.listener.rootInside = allowed(c.init.UID) || c.init.Capabilities != 0
	s.backoff = newBackoff(config.RestartBackoff)
	if len(o.Command) == 0 {
		s.starter.refusal = errors.New("start container: no command")
	}
	text, err := c.describe(o)
	if err != nil {
		return err
	}
	return s.dir.replace(resolvedName, text)
}
