package shim

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/goruntime"
	"harpoon-supervisor/pkg/syncpipe"
)

// startRun starts the next run beside the loop.
func (s *supervisor) startRun() { go s.nextRun()() }

// nextRun returns what starts the next run, when the last one has been cleared.
// What comes of it is sent to the loop.
func (s *supervisor) nextRun() (start func()) {
	ctx, abort := context.WithCancelCause(context.Background())
	s.abort = abort
	number, cleared := s.runs+1, s.cleared
	select {
	case <-s.starter.stuck: // a step of the last start that ended at that very moment
	default:
	}
	done := make(chan startResult, 1)
	go func() { s.starts <- s.awaitStart(ctx, done) }()
	return func() { // start
		r := &run{number: number}
		err := watched("clear last run", s.starter.hang, func() error {
			select {
			case <-cleared:
			case <-ctx.Done():
			}
			return nil
		})
		if err != nil {
			err = fmt.Errorf("start container: %w", err)
		} else {
			r, err = s.start(ctx, number)
		}
		done <- startResult{run: r, err: err}
	}
}

// abortPatience is how long an aborted start has to come to its end. It does so at once,
// but for a step that hangs in the kernel.
const abortPatience = time.Second

// awaitStart waits for what comes of a start, but not for one that hangs.
func (s *supervisor) awaitStart(ctx context.Context, done <-chan startResult) startResult {
	select {
	case r := <-done:
		return r
	case name := <-s.starter.stuck:
		return startResult{err: fmt.Errorf("start container: %w", errLate(name)), late: done}
	case <-ctx.Done():
	}
	if r, ok := within(abortPatience, done); ok {
		return r
	}
	return startResult{err: fmt.Errorf("start container: %w", context.Cause(ctx)), late: done}
}

// startResult is what start returns. Without an error there is a command;
// with one, the run is to be cleared.
type startResult struct {
	run *run
	err error
	// late is set instead of run if a step of the start hangs: should that
	// ever end, here is what came of it.
	late <-chan startResult
}

// settled waits for what is to be cleared.
func (r startResult) settled() *run {
	if r.late == nil {
		return r.run
	}
	late := <-r.late
	if late.err == nil { // nobody waits for its command
		_ = late.run.signal(unix.SIGKILL)
		if _, err := late.run.child.waitFor(reapPatience()); err != nil {
			late.run.unended = append(late.run.unended, late.run.child)
		}
	}
	return late.run
}

// clearRun ends and removes what a run has left, beside the loop. The next
// start and the end of the supervisor wait for it.
func (s *supervisor) clearRun(settled func() *run) {
	before, done := s.cleared, make(chan struct{})
	s.cleared = done
	go func() {
		goruntime.GrowStack()
		defer close(done)
		<-before
		r := settled()
		s.awaitDeath(r)
		err := r.clear()
		if r.group != nil { // one that got so far took over what was left
			s.leftOver.Store(err != nil)
		}
		if err != nil {
			s.log.Error("cleanup", "run", r.number, "error", err)
		}
	}()
}

// awaitDeath waits for helpers that were killed, as long as the supervisor does not end:
// when the kernel lets go of them there is nobody else to clear what they have left.
func (s *supervisor) awaitDeath(r *run) {
	if r.unended == nil {
		return
	}
	dead := make(chan struct{})
	go func() {
		for _, helper := range r.unended {
			_, _ = helper.wait()
		}
		close(dead)
	}()
	select {
	case <-dead:
	case <-s.quit:
	}
}

// fail ends a start.
func (s *supervisor) fail(err error) {
	s.err = syncpipe.Short(err.Error()) // agent.json may have any text
	s.log.Error("start failed", "error", s.err)
	s.apply(startFailed)
}

func (s *supervisor) onStart(r startResult) {
	s.abort(nil) // releases the context
	if s.letGo != nil {
		defer func() { go s.letGo(); s.letGo = nil }()
	}
	switch {
	case r.err == nil:
		s.onStarted(r.run)
	case s.state == aborting && s.runs > 0:
		// As in back-off: the last exit is the final one.
		s.log.Info("restart aborted")
		s.clearRun(r.settled)
		s.apply(startFailed)
	default:
		s.clearRun(r.settled)
		s.fail(r.err)
	}
}

func (s *supervisor) onStarted(r *run) {
	r.started = time.Now()
	s.run = r
	s.exit, s.exitedAt = nil, time.Time{}
	s.runs++
	s.log.Info("started", "run", r.number, "pid", r.child.id())
	r.ended = make(chan struct{})
	go func() { // wait
		status, err := r.child.wait()
		close(r.ended)
		s.exits <- exit{r, status, err, time.Now()}
	}()
	if r.oom != nil {
		go r.notify(s.hints)
	}
	if len(s.clients) > 0 { // others are told fresh figures when they come
		s.meter.sample(r)
	}
	s.apply(started)
	if s.state == stopping { // asked for while it started, and too late to abort
		s.signalRun(s.stopWith)
	}
}

func (s *supervisor) onExit(e exit) {
	r := e.run
	s.run, s.lookKill, s.question = nil, nil, nil
	// Told first and cleared then: that takes longer.
	defer s.clearRun(func() *run { return r })
	if e.err != nil {
		// What is not known is neither success nor any failure in particular.
		s.log.Error("exit unknown", "run", r.number, "error", e.err)
		s.err = fmt.Sprintf("internal error: wait for the command: %v", e.err)
		s.apply(endedForGood)
		return
	}
	oomed := r.oomed(e.status)
	s.meter.sample(r)
	s.meter.ended()
	s.exit, s.exitedAt = exitStatus(e.status, oomed), e.at
	if oomed {
		s.ooms++
	}
	ran := e.at.Sub(r.started)
	line := append([]any{"run", r.number, "after", ran.Round(time.Millisecond)}, how(s.exit)...)
	if kills := s.meter.last.OOMKills; kills != nil && *kills > 0 { // of children, perhaps
		line = append(line, "oom_kills", *kills)
	}
	s.log.Info("exited", line...)
	if !wantsRestart(s.starter.container.restart, *s.exit) || s.state == up && !s.backOff(ran) {
		s.apply(endedForGood)
		return
	}
	s.apply(endedToRestart)
}

// backOff sets the time of the next start, unless there have been too many.
func (s *supervisor) backOff(ran time.Duration) bool {
	delay, ok := s.backoff.after(ran)
	if !ok {
		s.err = fmt.Sprintf("restart limit: %d restarts in a row without a run of %v", s.backoff.limit, s.backoff.reset)
		s.log.Error("not restarting", "error", s.err)
		return false
	}
	s.nextAt, s.due = time.Now().Add(delay), time.After(delay)
	s.log.Info("restarting", "in", delay)
	return true
}

// lookAtKills reads the counter of out-of-memory kills, several times after each
// hint: the hint may come before the counter rises.
func (s *supervisor) lookAtKills() {
	s.lookKill = nil
	if s.run == nil {
		return
	}
	if s.looks > 0 {
		s.lookKill = time.After(firstLook << (killLooks - s.looks))
		s.looks--
	}
	s.answer()
}
