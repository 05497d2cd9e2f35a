package main

import (
	"context"
	"time"
)

// restartConfig restarts at once what ends at once, after the same delay always.
const restartConfig = `{"restart":"always","resources":{"mem":256},
"restart_backoff":{"initial":"250ms","factor":1,"max":"250ms","jitter":0}}`

// measureRestart compares a restart of ours, from the last instruction of one run
// to the first of the next without the delay between them, with what it takes the
// others to start anew after such a delay.
func measureRestart(ctx context.Context, w *world, r *recorder) error {
	list := named(w.available(w.subjects()), "ours", "floor in Go", "crun, lean", "runc, lean")
	r.inTurns(w.settings.Rounds, list, r.lose, func(_ int, s subject) error {
		time.Sleep(pause)
		var took time.Duration
		var err error
		if s.name == "ours" {
			took, err = w.restart(ctx)
		} else {
			var fresh sample
			fresh, err = s.run(ctx, w.id())
			took = fresh.start
		}
		if err == nil {
			r.add("restart", s.name, took)
		}
		return err
	})
	return nil
}

// restart waits for one restart.
func (w *world) restart(ctx context.Context) (time.Duration, error) {
	o, err := w.launchOurs(w.id(), restartConfig, "once")
	if err != nil {
		return 0, err
	}
	defer o.clear()
	var at [3]int64
	for i, letter := range []byte{firstStamp, lastStamp, firstStamp} {
		if at[i], err = o.next(letter); err != nil {
			return 0, o.blame(err)
		}
	}
	if err := o.connect(ctx); err != nil {
		return 0, o.blame(err)
	}
	if err := o.stop(ctx); err != nil {
		return 0, err
	}
	return time.Duration(at[2]-at[1]) - pause, o.finish(ctx)
}
