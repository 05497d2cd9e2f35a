package shim

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

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
	s, err := open(o, log)
	if err != nil {
		fmt.Fprintf(lines, "harpoon-supervisor: %v\n", err)
		return exitFailed
	}
	s.signals, s.lines = signals, lines
	s.starter.trace = openTrace(o.Trace, log)
	status := exitFailed
	go func() {
		defer close(s.starter.cloner.requests)
		status = s.loop()
	}()
	s.starter.cloner.serve()
	return status
}

// open takes possession of the run directory. If it fails, it leaves nothing.
func open(o Options, log *slog.Logger) (*supervisor, error) {
	dir, err := lockRunDir()
	if err != nil {
		return nil, err
	}
	s, err := openIn(dir, o, log)
	if err != nil {
		dir.Close()
	}
	return s, err
}

func openIn(dir runDir, o Options, log *slog.Logger) (*supervisor, error) {
	owner, err := cgroup.OwnerOf(dir.File)
	if err != nil {
		return nil, err
	}
	if err := dir.removeStale(); err != nil {
		return nil, err
	}
	l, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := newSupervisor(dir, l, log)
	s.starter = &starter{options: o, owner: owner, cloner: cloner{make(chan func())}}
	s.start = s.starter.start
	s.starter.predecessor = readPredecessor()
	config, refusal := readConfig()
	if refusal == nil {
		refusal = s.starter.admits(config)
	}
	if s.starter.refusal = refusal; refusal == nil {
		err = s.configure(o, config)
	}
	// Published last: from here on everything is told to clients.
	if err == nil {
		err = l.publish()
	}
	if err != nil {
		l.close()
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
