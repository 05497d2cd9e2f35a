package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/goruntime"
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
	host      *cgroup.Host        // found at the first start
	evicting  func(processes int) // see there
	program   *program            // made at the first start
	packet    []byte              // init's configuration, encoded at the first start
	// refusal is why nothing can be started: the configuration, or no command.
	refusal error
	// predecessor is the cgroup of the last supervisor in the run directory, and
	// takenOver gets, at the first start, whether it may be forgotten.
	predecessor cgroupName
	takenOver   chan bool
	// caught is closed when no signal ends the supervisor any more, see catchSignals.
	caught <-chan struct{}
	// stuck gets the name of a step that hangs.
	stuck chan string
	// appeared is closed when the supervisor has appeared.
	appeared chan struct{}
	streams  streams // seen before that
	// born closes birth: the first helper has all that it needs to begin, or there
	// is none, or it is not waited for any longer.
	born    func()
	birth   chan struct{}
	monitor monitor // calm until the first start is over
}

func newStarter(o Options, owner cgroup.Owner, last cgroupName) *starter {
	s := &starter{
		options: o, owner: owner, predecessor: last,
		cloner: cloner{requests: make(chan func()), inherited: childrenOfMain()}, stuck: make(chan string, 1), appeared: make(chan struct{}),
		birth: make(chan struct{}), takenOver: make(chan bool, 1),
	}
	s.born = sync.OnceFunc(func() { close(s.birth) })
	return s
}

// start is the goroutine that starts a run: it goes through the steps outside,
// as package nsinit does inside, and returns a run whose command has been
// executed. With an error the run is to be cleared. Canceling ctx aborts it,
// unless the command runs already.
func (s *starter) start(ctx context.Context, number int) (*run, error) {
	goruntime.GrowStack()
	if number == 1 {
		defer func() { go s.monitor.wake() }() // first it is to be told what came of it
	}
	defer s.settle()
	r := &run{number: number}
	err := s.step(r, "take over", func() error { return s.takeOver(s.refusal != nil) })
	if number == 1 {
		s.takenOver <- err == nil
	}
	if err != nil {
		return r, fmt.Errorf("start container: %w", err)
	}
	if s.refusal != nil {
		return r, s.refusal
	}
	if err = s.steps(ctx, r); err == nil {
		return r, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if r.group == nil { // it did not come to what ends a predecessor
		if unended := s.step(r, "take over", func() error { return s.takeOver(true) }); unended != nil {
			err = fmt.Errorf("%w; %w", err, unended)
		}
	}
	return r, fmt.Errorf("start container: %w", err)
}

// steps is linear; its order is that of the sync pipe's diagram.
func (s *starter) steps(ctx context.Context, r *run) (err error) {
	// The first start makes its cgroup even so, see bear.
	if err := ctx.Err(); err != nil && r.number > 1 {
		return err
	}
	var conn *syncpipe.Conn
	var theirs *os.File
	if err := s.step(r, "make sync pipe", func() (err error) {
		conn, theirs, err = syncpipe.Pair()
		return err
	}); err != nil {
		return err
	}
	defer conn.Close()
	defer theirs.Close()
	p := &pipe{ctx: ctx, conn: conn, run: r, trace: s.trace, timeout: syncpipe.Timeout, late: s.hang}
	// While the pipe is open: at its end init ends, too, and would seem to be
	// the cause.
	defer func() { err = s.explain(r, r.child, p.cause(err)) }()
	// A waiting call of the pipe ends when the start is aborted.
	defer context.AfterFunc(ctx, func() { _ = conn.Interrupt() })() // a closed pipe is as good

	if err := s.step(r, "protect program", s.protectProgram); err != nil {
		return fmt.Errorf("protect program: %w", err)
	}
	if s.container.init.Large() { // refused before anything is made
		if _, _, err := s.message(conn); err != nil {
			return err
		}
	}
	tasks, err := s.bear(ctx, r, theirs)
	if err != nil {
		return err
	}
	defer func() {
		for _, file := range tasks {
			file.Close()
		}
	}()
	theirs.Close() // so that its death is EOF
	if s.container.init.UserNS != nil {
		if err := s.outfit(ctx, r, tasks); err != nil {
			return err
		}
	}
	message, packet, err := s.message(conn) // while init comes up
	if err == nil {
		err = p.send(message, packet, tasks...)
	}
	if err != nil {
		return err
	}
	s.settle()
	// While init is at work.
	if err := s.step(r, "watch for out of memory", r.watchOOM); err != nil {
		return err
	}
	roomy := s.container.limits.Roomy()
	if roomy {
		if err := s.limit(r); err != nil {
			return err
		}
	}
	if err := p.awaitReady(); err != nil {
		return err
	}
	if err := s.step(r, "forbid program", s.program.forbid); err != nil {
		return fmt.Errorf("forbid program: %w", err)
	}
	if err := s.step(r, "open network", func() error { return s.openNetwork(r) }); err != nil {
		return err
	}
	if !roomy { // a program as large as init might not survive them; the command must
		if err := s.limit(r); err != nil {
			return err
		}
	}
	if err := s.step(r, "appear", func() error { return s.awaitAppearance(ctx) }); err != nil {
		return err
	}
	return p.proceed()
}

// limit writes the limits.
func (s *starter) limit(r *run) error {
	return s.step(r, "write limits", func() error { return r.group.SetLimits(s.container.limits) })
}

// admits returns an error for what the configuration asks of the host in vain.
func (s *starter) admits(config *agent.ContainerConfig) error {
	if !config.Resources.OOMGroup || s.findHost() != nil { // the start will say that there is none
		return nil
	}
	if s.host.Version() == cgroup.V1 {
		return fmt.Errorf("%s: resources.oom_group: needs cgroup v2, this host has v1", configName)
	}
	return nil
}

// hang reports a step that takes too long.
func (s *starter) hang(name string) {
	select {
	case s.stuck <- name:
	default: // the first one is the one to know
	}
}

// createGroup makes the run's cgroup.
func (s *starter) createGroup(r *run) error {
	return s.step(r, "create cgroup", func() error {
		if err := s.findHost(); err != nil {
			return err
		}
		s.predecessor = cgroupName{} // what there is of it ends here
		<-s.caught                   // for this is the first thing that would outlive this process
		g, err := s.host.Create(s.options.CgroupParent, s.options.ID, s.owner, s.container.limits)
		if err == nil { // not a nil *Group in an interface
			r.group = g
		}
		return err
	})
}

func (s *starter) findHost() (err error) {
	if s.host == nil {
		if s.host, err = cgroup.Detect(); err == nil {
			s.host.Evicting = s.evicting
		}
	}
	return err
}
