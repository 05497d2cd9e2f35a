package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/syncpipe"
)

// errAborted ends a start that is in progress.
var errAborted = errors.New("aborted: stop asked")

// starter starts runs, one at a time.
type starter struct {
	options   Options
	container *container
	owner     cgroup.Owner
	cloner    cloner
	trace     *tracer
	host      *cgroup.Host // found at the first start
}

// start is the goroutine that starts a run: it goes through the steps outside,
// as package nsinit does inside, and returns a run whose command has been
// executed. With an error there is no process, but the run is to be cleared.
// Canceling ctx aborts it, unless the command runs already.
func (s *starter) start(ctx context.Context, number int) (*run, error) {
	r := &run{number: number}
	err := s.steps(ctx, r)
	if err == nil {
		return r, nil
	}
	err = s.explain(r, err)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r, fmt.Errorf("start container: %w", err)
}

// steps is linear; its order is that of the sync pipe's diagram.
func (s *starter) steps(ctx context.Context, r *run) error {
	if err := s.container.check(); err != nil {
		return err
	}
	conn, theirs, err := syncpipe.Pair()
	if err != nil {
		return err
	}
	defer conn.Close()
	defer theirs.Close()
	// A waiting call of the pipe ends when the start is aborted.
	defer context.AfterFunc(ctx, func() { _ = conn.Interrupt() })() // a closed pipe is as good
	p := &pipe{conn: conn, run: r, trace: s.trace}

	if err := s.step(r, "create cgroup", func() (err error) {
		r.group, err = s.createGroup()
		return err
	}); err != nil {
		return err
	}
	// Encoded before the clone, to refuse a message that is too large.
	config := s.container.init
	config.Trace = s.trace != nil
	fds := []uintptr{0, 1, 1, theirs.Fd()}
	for _, tasks := range r.group.Tasks() {
		config.Tasks = append(config.Tasks, tasks.Name())
		fds = append(fds, tasks.Fd())
	}
	message := syncpipe.Message{Type: syncpipe.TypeConfig, Config: &config}
	packet, err := conn.Encode(message)
	if err != nil {
		return err
	}
	if err := s.step(r, "clone", func() (err error) {
		r.child, err = s.cloner.clone(s.container.network, r.group.FD(), fds)
		return err
	}); err != nil {
		return err
	}
	theirs.Close() // so that its death is EOF
	if err := p.send(message, packet); err != nil {
		return err
	}
	if err := p.awaitReady(); err != nil {
		return err
	}
	if err := s.step(r, "open network", func() error { return s.openNetwork(r) }); err != nil {
		return err
	}
	// A program as large as init might not survive tight limits; the command must.
	if err := s.step(r, "write limits", func() error { return r.group.SetLimits(s.container.limits) }); err != nil {
		return err
	}
	if err := s.step(r, "watch for out of memory", func() error { return r.watchOOM() }); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // the last moment at which nothing has been executed
		return err
	}
	return p.proceed()
}

// step runs one step of this half and traces it.
func (s *starter) step(r *run, name string, f func() error) error {
	start := monotonic()
	err := f()
	s.trace.step(r.number, name, start)
	return err
}

// createGroup makes the run's cgroup.
func (s *starter) createGroup() (g *cgroup.Group, err error) {
	if s.host == nil {
		if s.host, err = cgroup.Detect(); err != nil {
			return nil, err
		}
	}
	return s.host.Create(s.options.CgroupParent, s.options.ID, s.owner, s.container.limits)
}

// openNetwork opens a network that is not the host's, and brings a new one up.
func (s *starter) openNetwork(r *run) (err error) {
	if s.container.network == agent.NetworkHost {
		return nil
	}
	if r.links, err = openLinks(r.child.pid); err != nil {
		return err
	}
	if s.container.network == agent.NetworkNone {
		return r.links.raiseLoopback()
	}
	return nil
}

// explain adds to an error what is known about the process behind it.
func (s *starter) explain(r *run, err error) error {
	if r.child == nil {
		return err
	}
	timedOut := errors.Is(err, os.ErrDeadlineExceeded)
	at := "start"
	if stat, err := r.child.readStat(); err == nil && stat.isInit() {
		at = stat.name[1:] // init's name is the step it is in, as far as it fits
	}
	unkilled := r.signal(unix.SIGKILL)
	status, unreaped := r.child.waitFor(syncpipe.Timeout)
	if unreaped != nil {
		return fmt.Errorf("%w; kill: %w", err, errors.Join(unkilled, unreaped))
	}
	r.child.close()
	r.child = nil
	switch {
	case timedOut:
		return fmt.Errorf("init: %s: no answer within %v", at, syncpipe.Timeout)
	case !errors.Is(err, errDied):
		return err
	}
	if kills, unknown := r.group.OOMKills(); unknown == nil && kills > 0 {
		return fmt.Errorf("init: %s: out of memory: the limit of %d bytes is too small", at, s.container.limits.Memory)
	}
	if status.Signaled() {
		return fmt.Errorf("init: %s: killed by signal %d (%s)", at, int(status.Signal()), unix.SignalName(status.Signal()))
	}
	return fmt.Errorf("init: %s: exited with status %d", at, status.ExitStatus())
}

// errDied is the end of the pipe where it does not belong.
var errDied = errors.New("init died")

// pipe is the shim's end of the sync pipe, with the trace.
type pipe struct {
	conn  *syncpipe.Conn
	run   *run
	trace *tracer
}

func (p *pipe) send(m syncpipe.Message, packet []byte) error {
	start := monotonic()
	if err := p.conn.SetTimeout(syncpipe.Timeout); err != nil {
		return err
	}
	err := p.conn.SendPacket(packet)
	p.trace.message(p.run.number, "shim", "init", &m, start)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		// What it had to say is still to be read.
		if _, last := p.receive(); last != nil && last != io.EOF {
			return last
		}
		return errDied
	}
	return err
}

// receive reads the next message that is not a step, or io.EOF.
func (p *pipe) receive() (syncpipe.Type, error) {
	for {
		start := monotonic()
		if err := p.conn.SetTimeout(syncpipe.Timeout); err != nil {
			return "", err
		}
		m, err := p.conn.Receive()
		switch {
		case err == io.EOF:
			p.trace.message(p.run.number, "init", "shim", nil, start)
			return "", err
		case err != nil:
			return "", err
		}
		p.trace.message(p.run.number, "init", "shim", &m, start)
		switch m.Type {
		case syncpipe.TypeStep:
			p.trace.initStep(p.run.number, p.run.child.pid, m.Step)
		case syncpipe.TypeFailed:
			return "", m.Failed
		default:
			return m.Type, nil
		}
	}
}

func (p *pipe) awaitReady() error {
	got, err := p.receive()
	switch {
	case err == io.EOF:
		return errDied
	case err != nil:
		return err
	case got != syncpipe.TypeReady:
		return fmt.Errorf("sync pipe: got message %q, want %q", got, syncpipe.TypeReady)
	}
	return nil
}

// proceed lets init execute the command and finds out whether it did.
func (p *pipe) proceed() error {
	m := syncpipe.Message{Type: syncpipe.TypeProceed}
	packet, err := p.conn.Encode(m)
	if err != nil {
		return err
	}
	if err := p.send(m, packet); err != nil {
		return err
	}
	got, err := p.receive()
	switch {
	case err == nil:
		return fmt.Errorf("sync pipe: got message %q, want the end", got)
	case err != io.EOF:
		return err
	}
	return p.awaitExec()
}

// awaitExec tells the two reasons for EOF apart. The kernel closes the pipe a
// moment before it renames the process (begin_new_exec), hence the loop.
func (p *pipe) awaitExec() error {
	deadline := time.Now().Add(syncpipe.Timeout)
	for {
		stat, err := p.run.child.readStat()
		switch {
		case err != nil:
			return err
		case !stat.isInit():
			return nil
		case stat.dead():
			return errDied
		case time.Now().After(deadline):
			return os.ErrDeadlineExceeded
		}
		time.Sleep(50 * time.Microsecond)
	}
}
