package main

import (
	"context"
	"errors"
	"time"
)

// measureStop stops containers that have run for a while, as their supervisor is
// told to.
func measureStop(ctx context.Context, w *world, r *recorder) error {
	list := named(w.available(w.subjects()), "ours", "crun, lean", "runc, lean", "conmon + crun", "containerd (ctr run)")
	r.inTurns(w.settings.Rounds, list, r.lose, func(_ int, s subject) error {
		took, err := stopOne(ctx, s, w.id())
		if err == nil {
			r.add("stop", s.name, took)
		}
		return err
	})
	return nil
}

func stopOne(ctx context.Context, s subject, id string) (time.Duration, error) {
	h, err := s.hold(ctx, id)
	if err != nil {
		return 0, err
	}
	if err := h.connect(ctx); err != nil {
		return 0, errors.Join(err, h.finish(ctx))
	}
	time.Sleep(pause)
	begin := now()
	err = h.stop(ctx)
	took := since(begin)
	return took, errors.Join(err, h.finish(ctx))
}
