package main

import (
	"context"
	"errors"
	"time"
)

// crowd is how many there are for the mean memory.
const crowd = 50

// measureMemory looks at one supervisor alone, then at many of the same kind.
func measureMemory(ctx context.Context, w *world, r *recorder) error {
	r.inTurns(few(w.settings.Rounds), w.standing(), r.leaveOut, func(_ int, s subject) error {
		one, many, err := w.memoryOf(ctx, s)
		if err == nil {
			r.addNumber("pss one", s.name, one)
			r.addNumber("pss 50", s.name, many)
		}
		return err
	})
	return nil
}

// memoryOf returns the PSS of one supervisor and the mean of many, in KiB.
func (w *world) memoryOf(ctx context.Context, s subject) (one, mean float64, err error) {
	g := gathering{}
	defer func() { err = errors.Join(err, g.end(ctx)) }()
	if err := g.grow(ctx, w, s, 1); err != nil {
		return 0, 0, err
	}
	time.Sleep(settle)
	if one, err = g.pss(); err != nil {
		return 0, 0, err
	}
	if err := g.grow(ctx, w, s, crowd-1); err != nil {
		return 0, 0, err
	}
	time.Sleep(settle)
	all, err := g.pss()
	return one, all / crowd, err
}
