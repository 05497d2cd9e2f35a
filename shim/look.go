package shim

import "time"

// dirLook is what a look at the run directory has found.
type dirLook struct {
	deleted   bool   // by whoever has deleted the container
	published bool   // control is still in it; not looked at if the directory cannot be watched
	unwatch   func() // ends the watch that has been begun, if one has
	err       error  // why none could be
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
	watched, unwatched := s.watched, s.unwatched
	go func() { s.dirLooks <- s.look(watched, unwatched) }() // look
}

func (s *supervisor) lookNow(watched, unwatched bool) (l dirLook) {
	if !watched {
		l.unwatch, l.err = s.dir.watch(s.deleted)
	}
	l.deleted = s.dir.deleted()
	l.published = !unwatched && l.err == nil && s.listener.published()
	return l
}

// onDirLook ends a supervisor whose directory has been deleted: nobody can ever reach it.
func (s *supervisor) onDirLook(l dirLook) {
	s.looking = false
	s.keep(l)
	switch {
	case l.deleted:
		s.log.Warn("run directory has been deleted")
		s.endFor(byItself)
	case !l.published:
		// The directory goes after control, if it goes, and without an event. Or it could not
		// be watched (fs.inotify.max_user_instances): it is looked at by the clock instead.
		s.lookDir = time.After(dirInterval)
	}
}

// keep keeps the watch that a look has begun.
func (s *supervisor) keep(l dirLook) {
	if l.unwatch != nil {
		s.watched, s.stopWatch = true, l.unwatch
	}
	if l.err != nil {
		s.watched, s.unwatched = true, true
	}
}

// unwatch ends the watch of the run directory, if there is one.
func (s *supervisor) unwatch() {
	select {
	case l := <-s.dirLooks:
		s.keep(l)
	default:
	}
	if s.stopWatch != nil {
		s.stopWatch()
	}
}
