package main

import (
	"context"
	"time"
)

// pause is what makes a start cold: the kernel's deferred work is done by then.
const pause = 250 * time.Millisecond

// measureStart takes two samples of each subject in each round: a cold one after
// a pause, and a hot one right behind it.
func measureStart(ctx context.Context, w *world, r *recorder) error {
	r.inTurns(w.settings.Rounds+1, w.available(w.subjects()), r.lose, func(round int, s subject) error {
		time.Sleep(pause)
		cold, err := s.run(ctx, w.id())
		if err != nil {
			return err
		}
		hot, err := s.run(ctx, w.id())
		if err != nil || round == 0 { // the first time, files are read from the disk
			return err
		}
		r.add("start hot", s.name, hot.start)
		r.add("start cold", s.name, cold.start)
		r.add("exit hot", s.name, hot.exit)
		r.add("exit cold", s.name, cold.exit)
		if hot.cpu != 0 {
			r.add("cpu", s.name, hot.cpu)
		}
		return nil
	})
	return nil
}
