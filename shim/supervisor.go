package shim

import (
	"context"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	"harpoon-supervisor/pkg/agent"
)

// record is all that is known about the container. It is what another process
// image would need to take over.
type record struct {
	state    state
	runs     int // whose exec has succeeded
	ooms     uint64
	run      *run // the present one, while running
	err      string
	exit     *agent.ContainerExitStatus // of the last run
	exitedAt time.Time
	nextAt   time.Time // of the next start, while backing off
	meter    meter
	backoff  backoff
	stopWith syscall.Signal // what stop has been asked with: TERM or KILL
	ending   ending
}

// supervisor is the loop and what it owns. Only the loop's goroutine touches
// the fields of record, the clients and the timers.
type supervisor struct {
	record
	log      *slog.Logger
	lines    *lines
	dir      runDir
	listener *listener
	starter  *starter
	// start is the starter's; see there.
	start func(ctx context.Context, number int) (*run, error)

	clients map[*client]struct{}
	owing   bool                    // some clients are owed the answer to a question
	encoded []byte                  // the state, as encoded last
	event   []byte                  // the same as an event
	abort   context.CancelCauseFunc // ends the start in progress
	cleared <-chan struct{}         // closed when the last run has been cleared
	letGo   func()                  // of the last supervisor's container.json, after the first start; or nil

	// Of the run directory, see look.go. look is lookNow.
	look      func(unwatch func()) dirLook
	stopWatch func() // nil if it is not watched
	looking   bool   // somebody looks

	// What the other goroutines report.
	signals  signals
	accepted chan *client
	commands chan command
	left     chan departure
	starts   chan startResult
	exits    chan exit
	hints    chan struct{} // of an out-of-memory kill
	deleted  chan struct{} // a file of the run directory
	dirLooks chan dirLook
	sent     chan struct{} // the final state, to somebody
	quit     chan struct{} // closed when the loop listens no more

	finalSent atomic.Bool
	described atomic.Bool // container.json is ours
	leftOver  atomic.Bool // the last run could not be cleared
	unclean   bool        // a step of the end has failed

	// Timers: nil while they are not needed.
	due       <-chan time.Time // the back-off is over
	tick      *ticker          // metrics
	question  <-chan time.Time // look at the kills in question again
	lookKill  <-chan time.Time // look at the kill counter again
	looks     int              // how often that is to be, after the last hint
	lookHeed  <-chan time.Time // look whether the command heeds a TERM by now
	heedLooks int              // how often that is to be
	lookDir   <-chan time.Time // look whether the run directory is gone
	linger    <-chan time.Time // the final err has been known for long enough
}

// departure is a client whose connection has ended, and why.
type departure struct {
	client *client
	err    error
}

func newSupervisor(dir runDir, log *slog.Logger) *supervisor {
	cleared := make(chan struct{})
	close(cleared)
	s := &supervisor{
		log: log, dir: dir, cleared: cleared,
		clients:  map[*client]struct{}{},
		accepted: make(chan *client),
		commands: make(chan command),
		left:     make(chan departure),
		starts:   make(chan startResult),
		exits:    make(chan exit),
		hints:    make(chan struct{}, 1),
		deleted:  make(chan struct{}, 1),
		dirLooks: make(chan dirLook, 1), // one at a time: whoever looks need not wait
		sent:     make(chan struct{}, 1),
		quit:     make(chan struct{}),
	}
	s.look = s.lookNow
	return s
}

// The pace of what the loop does by itself.
const (
	sampleInterval = 3 * time.Second        // while up, if anybody listens
	errLinger      = time.Second            // from a final err that has been sent to the end
	dirInterval    = time.Second            // from the end to the first look at the directory, and between two whose control is gone
	firstLook      = 250 * time.Microsecond // after a hint
	killLooks      = 13                     // after a hint, at doubling distances: two seconds in all
)

// wake tells whoever waits at a channel of one. It never waits: one that is there already
// stands for all.
func wake(waiting chan<- struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}

// loop takes what happens, one thing at a time, until the container is over.
func (s *supervisor) loop() {
	for !s.over() {
		select {
		case signal := <-s.signals.end:
			s.onEndSignal(signal.(syscall.Signal))
		case signal := <-s.signals.others:
			s.onOtherSignal(signal.(syscall.Signal))
		case c := <-s.commands:
			s.onCommand(c)
		case c := <-s.accepted:
			s.join(c)
		case d := <-s.left:
			s.onDeparture(d)
		case r := <-s.starts:
			s.onStart(r)
		case e := <-s.exits:
			s.onExit(e)
		case <-s.due:
			s.due = nil
			s.apply(restartDue)
		case <-s.tick.channel():
			s.onTick()
		case <-s.hints:
			s.looks = killLooks
			s.lookAtKills()
		case <-s.lookKill:
			s.lookAtKills()
		case <-s.lookHeed:
			s.lookAtHeed()
		case <-s.question:
			s.question = nil
			s.answer()
		case <-s.changes():
			s.lookAtDir()
		case <-s.lookDir:
			s.lookAtDir()
		case l := <-s.dirLooks:
			s.onDirLook(l)
		case <-s.sent:
			if s.err != "" && s.linger == nil { // since the first
				s.linger = time.After(errLinger)
			}
		case <-s.linger:
			s.ending.reason = byItself
		}
	}
}

// apply is the one place where the state changes.
func (s *supervisor) apply(e event) {
	to, possible := next(s.state, e)
	if !possible {
		s.log.Error("internal error: impossible event", "state", s.state, "event", e)
		return
	}
	from := s.state
	s.state = to
	switch to {
	case aborting:
		s.abort(errAborted)
	case restarting:
		s.startRun()
	case down:
		s.due = nil
		if from != down {
			s.lookDir = time.After(dirInterval) // see lookAtDir
		}
	}
	s.setTick()
	if from != down && !to.startInProgress() {
		s.publish()
	}
	if to == down && from != down && !s.over() {
		s.log.Info("down for good", "waiting_for", s.awaited())
	}
}

// awaited is what a supervisor waits for whose container is down for good.
func (s *supervisor) awaited() string {
	if s.err != "" {
		return "a client who reads it, exit on control, or TERM"
	}
	return "exit on control, or TERM"
}

// onTick tells everybody fresh metrics.
func (s *supervisor) onTick() {
	s.sample()
	s.publish()
}

// setTick lets the ticker run only while there are metrics and somebody to send
// them to.
func (s *supervisor) setTick() {
	want := s.state.running() && len(s.clients) > 0
	switch {
	case want && s.tick == nil:
		s.tick = newTicker(sampleInterval)
	case !want && s.tick != nil:
		s.tick.stop()
		s.tick = nil
	}
}
