package main_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// supervisor is a process under test.
type supervisor struct {
	container *container
	cmd       *exec.Cmd
	ended     chan struct{} // closed when it has been waited for
	output    *collector
}

// launch says how a supervisor is started; the zero value is as agents do it.
type launch struct {
	binary  string // empty is the one under test
	flags   []string
	command []string
	env     []string
	via     []string // a program that becomes the supervisor
	stdin   *os.File // nil is /dev/null
	stdout  *os.File // nil is a pipe that is collected
	stderr  *os.File // nil is supervisor.log
	leak    []*os.File
	leader  bool // of a process group, with all that it starts
	// parentDeath is the signal that is to end it with the thread that starts it.
	parentDeath syscall.Signal
}

// start starts a supervisor.
func (c *container) start(l launch) (*supervisor, error) {
	args := []string{cmp.Or(l.binary, bench.supervisor), "--hostname", c.name, "--id", c.id, "--cgroup-parent", c.parent}
	args = append(append(append(l.via, args...), l.flags...), "--")
	args = append(args, l.command...)
	_, err := os.Lstat(c.controlPath())
	c.stale = err == nil
	s := &supervisor{container: c, cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env, s.cmd.ExtraFiles = c.dir, l.env, l.leak
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: l.leader, Pdeathsig: l.parentDeath}
	if l.stdin != nil {
		s.cmd.Stdin = l.stdin
	}
	theirs := l.stdout
	if theirs == nil {
		ours, end, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		theirs = end
		defer end.Close()
		s.output = collect(ours)
	}
	s.cmd.Stdout = theirs
	s.cmd.Stderr = l.stderr
	if l.stderr == nil {
		log, err := os.OpenFile(s.logPath(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return nil, err
		}
		defer log.Close()
		s.cmd.Stderr = log
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // ProcessState has it all
	}()
	return s, nil
}

func (s *supervisor) logPath() string { return filepath.Join(s.container.dir, "supervisor.log") }

// awaitOutput waits until the container has written what matches. That it has
// not is explained by the log.
func (s *supervisor) awaitOutput(pattern string) error {
	err := poll(patience, func() error { return match(pattern, s.output.String()) })
	if err == nil {
		return nil
	}
	log, _ := os.ReadFile(s.logPath()) // as much as there is
	return fmt.Errorf("output: %w\nsupervisor.log:\n%s", err, log)
}

// signal sends a signal to the supervisor.
func (s *supervisor) signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// end waits for the end of the supervisor and, unless that was a crash, for
// everybody to let go of its stdout. It returns the exit status in words: a
// number or a signal's name.
func (s *supervisor) end() (string, error) {
	if err := poll(patience, func() error { return closed(s.ended, "supervisor has not ended") }); err != nil {
		return "", err
	}
	status := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if s.output != nil && !status.Signaled() {
		if err := poll(patience, func() error { return closed(s.output.end, "somebody still holds stdout") }); err != nil {
			return "", err
		}
	}
	if status.Signaled() {
		return unix.SignalName(status.Signal()), nil
	}
	return strconv.Itoa(status.ExitStatus()), nil
}

func closed(c <-chan struct{}, otherwise string) error {
	select {
	case <-c:
		return nil
	default:
		return errors.New(otherwise)
	}
}

// destroy ends what a failed test has left, so that the others can go on.
func (s *supervisor) destroy() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
	for _, pid := range s.container.processes() {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = unix.Kill(n, unix.SIGKILL) // as well
		}
	}
	_ = poll(patience, func() error {
		for _, dir := range s.container.cgroup() {
			removeTree(dir)
		}
		if dirs := s.container.cgroup(); len(dirs) > 0 {
			return fmt.Errorf("cgroups are left: %q", dirs)
		}
		return nil
	})
}

// complaints returns lines of the supervisor's log that no test may cause.
func (s *supervisor) complaints() error {
	text, err := os.ReadFile(s.logPath())
	if os.IsNotExist(err) {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		for _, bad := range []string{"internal error", "panic", "DATA RACE", "msg=cleanup"} {
			if strings.Contains(line, bad) && !strings.Contains(line, "level=INFO") {
				return fmt.Errorf("in the log: %s", line)
			}
		}
	}
	return err
}

// collector takes what the container writes, as a log collector does.
type collector struct {
	mu   sync.Mutex
	text bytes.Buffer
	end  chan struct{} // closed at the end of the pipe
}

func collect(pipe *os.File) *collector {
	c := &collector{end: make(chan struct{})}
	go func() {
		defer close(c.end)
		defer pipe.Close()
		_, _ = io.Copy(c, pipe) // a pipe ends, it does not fail
	}()
	return c
}

func (c *collector) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *collector) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}
