package shim

import (
	"syscall"
	"time"
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

// endFor notes the first reason.
func (s *supervisor) endFor(r reason) {
	if s.ending.reason == notYet {
		s.ending.reason = r
	}
}

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

// lookAtDir ends a supervisor that is down for good and whose directory has been
// deleted: nobody can ever reach it. Only then is there anything to watch for.
func (s *supervisor) lookAtDir() {
	s.lookDir = nil
	if s.state != down {
		return
	}
	if s.unwatch == nil {
		stop, err := s.dir.watch(s.deleted)
		if err != nil { // fs.inotify.max_user_instances: look by the clock instead
			stop = func() {}
			s.unwatched = true
		}
		s.unwatch = stop
	}
	if s.dir.deleted() {
		s.log.Warn("run directory has been deleted")
		s.endFor(byItself)
	} else if s.unwatched || !s.listener.published() {
		// The directory goes after control, if it goes, and without an event.
		s.lookDir = time.After(dirInterval)
	}
}

// clearTimeout bounds the wait for what the last run has left behind.
const clearTimeout = 10 * time.Second

// end takes leave of the clients and removes what is ours.
func (s *supervisor) end() int {
	// Removed before it refuses; who connected before that is served.
	s.unwatch()
	s.listener.unpublish()
	s.listener.stop()
	for c := range s.accepted {
		s.join(c)
	}
	close(s.quit)
	for c := range s.clients {
		c.finish()
	}
	s.awaitWritten(time.After(endTotal))
	for c := range s.clients {
		c.file.Close()
	}
	s.listener.close()
	select {
	case <-s.cleared:
	case <-time.After(clearTimeout):
		s.leftOver.Store(true)
		s.log.Error("cleanup: out of time")
	}
	status := s.ending.status(s.finalSent.Load(), s.leftOver.Load())
	s.log.Info("ended", "status", status)
	return status
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
