package shim

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// step does one thing that a setup or a clean-up is made of. An errno alone says
// nothing: it gets the step's name.
func step(name string, f func() error) error {
	err := fault(name)
	if err == nil {
		err = f()
	}
	if errno, bare := err.(unix.Errno); bare {
		return fmt.Errorf("%s: %w", name, errno)
	}
	return err
}

// stepTimeout bounds a step of this half. Some wait for init, for
// syncpipe.Timeout, and know more when that is over: hence the second.
func stepTimeout() time.Duration { return syncpipe.Timeout + time.Second }

// watch does something that has a deadline. What hangs in the kernel cannot be
// called off: late is told its name, and goes on without it. watch reports whether it was.
func watch(name string, late func(string), f func()) (told bool) {
	a := newAlarm(stepTimeout(), func() { late(name) })
	f()
	return a.stop()
}

// alarm calls a function when a time is over, unless it is stopped before. It counts in
// two halves: if this process was itself stopped or frozen meanwhile, its container
// perhaps with it, all of that time is over at once, and only one half by that.
type alarm struct {
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	rung    bool
}

func newAlarm(d time.Duration, f func()) *alarm {
	a := &alarm{}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(d/2, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.stopped {
			a.timer = time.AfterFunc(d/2, func() { a.ring(f) })
		}
	})
	return a
}

func (a *alarm) ring(f func()) {
	a.mu.Lock()
	a.rung = !a.stopped
	a.mu.Unlock()
	if a.rung {
		f()
	}
}

// stop reports whether the alarm has come before.
func (a *alarm) stop() (rung bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	a.timer.Stop()
	return a.rung
}

// within waits for a channel, for as long as an alarm does.
func within[T any](d time.Duration, channel <-chan T) (value T, ok bool) {
	for range 2 {
		select {
		case value = <-channel:
			return value, true
		case <-time.After(d / 2):
		}
	}
	return value, false
}

// watched is a step with a deadline. If it comes back all the same, that is too late.
func watched(name string, late func(string), f func() error) error {
	var err error
	if watch(name, late, func() { err = step(name, f) }) {
		return errLate(name)
	}
	return err
}

// errLate is the error for a step that hangs.
func errLate(name string) error { return noAnswer(name, syncpipe.Timeout) }

func noAnswer(name string, d time.Duration) error {
	return fmt.Errorf("%s: no answer within %v", name, d)
}

// step runs one step of this half and traces it.
func (s *starter) step(r *run, name string, f func() error) error {
	start := s.trace.now()
	err := watched(name, s.hang, f)
	s.trace.step(r.number, name, start)
	return err
}
