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
	list := w.available(w.subjects())
	for round := range w.settings.Rounds + 1 {
		for _, s := range inTurn(list, round) {
			if r.isOut(s.name) {
				continue
			}
			time.Sleep(pause)
			cold, err := s.run(ctx, w.id())
			var hot sample
			if err == nil {
				hot, err = s.run(ctx, w.id())
			}
			if err != nil {
				r.lose(s.name, err)
				continue
			}
			if round == 0 {
				continue // the first time, files are read from the disk
			}
			r.add("start hot", s.name, hot.start)
			r.add("start cold", s.name, cold.start)
			r.add("exit hot", s.name, hot.exit)
			r.add("exit cold", s.name, cold.exit)
			if hot.cpu != 0 {
				r.add("cpu", s.name, hot.cpu)
			}
		}
		r.tick()
	}
	return nil
}
