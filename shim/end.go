package shim

import (
	"os"
	"syscall"
	"time"

	"harpoon-supervisor/pkg/syncpipe"
)

// ending is why the supervisor ends, once the container is down for good.
type ending struct {
	signal syscall.Signal // the first TERM or INT, or 0
	reason reason
}

type reason uint8

const (
	notYet   reason = iota
	byExit          // a client has sent exit
	byItself        // after an err, or with its directory
)

// over reports whether the loop ends.
func (s *supervisor) over() bool {
	return s.state == down && (s.ending.reason != notYet || s.ending.signal != 0)
}

// status returns the exit status of the process.
func (e ending) status(finalSent, leftOver bool) int {
	switch {
	case leftOver:
		return exitFailed
	case e.reason == byExit:
		return 0
	case e.signal != 0 && finalSent:
		return 0
	case e.signal != 0:
		return 128 + int(e.signal)
	}
	return exitFailed
}

// endTimeout bounds the end: the waits of end, and a second.
func endTimeout() time.Duration { return endTotal + syncpipe.Timeout + time.Second }

// abandon ends a process that cannot come to its end: the kernel lets a step of
// the clean-up, or one that a start was given up for, hang.
func (s *supervisor) abandon() {
	s.log.Error("cleanup", "error", errLate("end"))
	s.lines.flush()
	os.Exit(exitFailed)
}

// end takes leave of the clients and removes what is ours.
func (s *supervisor) end() int {
	s.unwatch()
	// Removed before it refuses; who connected before that is served.
	s.cleanUp("unpublish control", s.listener.unpublish)
	s.cleanUp("dismiss clients", s.dismiss)
	s.cleanUp("close listener", s.listener.close)
	s.cleanUp("clear last run", s.awaitCleared)
	status := s.ending.status(s.finalSent.Load(), s.unclean || s.leftOver.Load())
	s.log.Info("ended", "status", status)
	return status
}

// dismiss serves those who have connected, and closes all connections. Those for whom
// there was no room take the place of the ones before them, in time.
func (s *supervisor) dismiss() error {
	end := time.Now().Add(endTotal)
	s.listener.stop()
	for c := range s.accepted {
		s.join(c)
	}
	close(s.quit)
	for s.listener.drain(s.join) || len(s.clients) > 0 {
		for c := range s.clients {
			c.finish()
		}
		s.awaitWritten(time.After(time.Until(end)))
		// Who sees the end of the connection may start anew in this directory. But who
		// has found no room yet has no time to lose.
		if len(s.listener.slots) < cap(s.listener.slots) {
			select {
			case <-s.cleared:
			case <-time.After(time.Until(end)):
			}
		}
		for c := range s.clients {
			c.forgo()
			c.close()
			delete(s.clients, c)
			<-s.listener.slots
		}
		if time.Now().After(end) {
			break
		}
	}
	return nil
}

// awaitCleared waits until the last run has been cleared. Why it could not be,
// has been logged by then.
func (s *supervisor) awaitCleared() error {
	if _, ok := within(syncpipe.Timeout, s.cleared); !ok {
		return errLate("clear last run")
	}
	return nil
}

// cleanUp does one step of the end, which goes on whatever comes of it.
func (s *supervisor) cleanUp(name string, f func() error) {
	if err := step(name, f); err != nil {
		s.unclean = true
		s.log.Error("cleanup", "error", err)
	}
}

// awaitWritten waits until every client has got what it was sent, or until time
// is up.
func (s *supervisor) awaitWritten(timeUp <-chan time.Time) {
	for c := range s.clients {
		select {
		case <-c.written:
		case <-timeUp:
			return
		}
	}
}
