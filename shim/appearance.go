package shim

import "context"

// appear makes what agents look for: container.json and control. It does so while
// the first start is in progress; the command is not executed before. It calls late
// with the name of a step that hangs.
func (s *supervisor) appear(late func(string)) error {
	step := func(name string, f func() error) error { return watched(name, late, f) }
	<-s.starter.caught // a signal would leave half of it
	var l *listener
	if err := step("listen", func() (err error) {
		l, err = listen(s.dir)
		return err
	}); err != nil {
		return err
	}
	var err error
	if c := s.starter.container; c != nil { // the configuration is valid
		// With CAP_SETUID it may become root; what others lead to is not told apart.
		l.rootInside = allowed(c.init.UID) || c.init.Capabilities != 0
		if s.starter.awaitTakenOver() {
			err = step("write "+resolvedName, s.describe)
		}
	}
	// Published last: from here on everything is told to clients.
	if err == nil {
		err = step("publish control", l.publish)
	}
	if err != nil {
		_ = l.close() // the first error is the one to know
		return err
	}
	s.listener = l
	close(s.starter.appeared)
	return nil
}

// describe writes container.json.
func (s *supervisor) describe() error {
	o := s.starter.options
	s.letGo = s.dir.hold(resolvedName)
	err := s.dir.describe(s.starter.container.describe(o, newCgroupName(o)))
	s.described.Store(err == nil)
	return err
}

// withdraw calls the first start off and leaves nothing of it.
func (s *supervisor) withdraw(err error) {
	s.abort(err)
	r := <-s.starts
	s.clearRun(r.settled)
	_ = s.awaitCleared() // has been logged
	// The first two are of a step that hangs.
	names := []string{newControlName, newResolvedName}
	if s.described.Load() {
		names = append(names, resolvedName) // agents find their containers by it
	}
	for _, name := range names {
		_ = s.dir.remove(name) // the error that ends this process is the one to know
	}
}

// awaitTakenOver waits until it is known what has become of a predecessor's container,
// and says whether container.json may be ours. If not, the start fails, and the next one
// finds by the old file what is left.
func (s *starter) awaitTakenOver() bool {
	done, _ := within(stepTimeout(), s.takenOver)
	return done
}

// awaitAppearance waits until the supervisor can be seen. It is the last moment at
// which nothing has been executed, so that a start can be called off.
func (s *starter) awaitAppearance(ctx context.Context) error {
	select {
	case <-s.appeared:
	case <-ctx.Done():
	}
	return ctx.Err()
}
