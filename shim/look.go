package shim

import "time"

// dirLook is what a look at the run directory has found.
type dirLook struct {
	deleted   bool   // by whoever has deleted the container
	published bool   // control is still in it
	unwatch   func() // ends the watch of it; nil if it cannot be watched
}

// changes is when something has been deleted in the run directory. While somebody looks
// that waits.
func (s *supervisor) changes() <-chan struct{} {
	if s.looking {
		return nil
	}
	return s.deleted
}

// lookAtDir begins a look at the run directory of a supervisor that is down for good: a
// directory on a dead file server is not there to be looked at, and the loop does not wait
// for that. There is one look at a time.
//
// It is watched only from a while after the end: most ends have been acknowledged by then,
// and when a watch of inotify(7) is closed, the kernel waits for a grace period, up to
// 20 ms.
func (s *supervisor) lookAtDir() {
	s.lookDir, s.looking = nil, true
	unwatch := s.stopWatch
	go func() { s.dirLooks <- s.look(unwatch) }() // look
}

// lookNow begins the watch, if there is none yet.
func (s *supervisor) lookNow(unwatch func()) dirLook {
	if unwatch == nil {
		unwatch = s.dir.watch(s.deleted)
	}
	return dirLook{s.dir.deleted(), s.listener.published(), unwatch}
}

// onDirLook ends a supervisor whose directory has been deleted: nobody can ever reach it.
func (s *supervisor) onDirLook(l dirLook) {
	s.looking, s.stopWatch = false, l.unwatch
	switch {
	case l.deleted:
		s.log.Warn("run directory has been deleted")
		s.ending.reason = byItself
	case !l.published, l.unwatch == nil:
		// The directory goes after control, if it goes, and without an event. Or it cannot
		// be watched (fs.inotify.max_user_instances): it is looked at by the clock instead.
		s.lookDir = time.After(dirInterval)
	}
}

// unwatch ends the watch of the run directory, if there is one.
func (s *supervisor) unwatch() {
	select {
	case l := <-s.dirLooks:
		s.stopWatch = l.unwatch
	default:
	}
	if s.stopWatch != nil {
		s.stopWatch()
	}
}
