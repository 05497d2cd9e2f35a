package main

import (
	"context"
	"errors"
	"time"
)

const (
	// window is how long idle supervisors are looked at.
	window = time.Minute
	// several is how many of each there are then; their mean is one sample.
	several = 8
	// withClient is ours with somebody who listens.
	withClient = "ours, one client"
)

// idlers are several idle supervisors of a kind.
type idlers struct {
	gathering
	name   string
	before activity
}

// measureIdle looks at all kinds at the same time, as they do nothing.
func measureIdle(ctx context.Context, w *world, r *recorder) (err error) {
	var all []*idlers
	defer func() {
		for _, i := range all {
			err = errors.Join(err, i.end(ctx))
		}
	}()
	for _, s := range w.standing() {
		names := []string{s.name}
		if s.name == "ours" {
			names = append(names, withClient)
		}
		for _, name := range names {
			i := &idlers{name: name}
			all = append(all, i)
			err := i.grow(ctx, w, s, several)
			if err == nil && name == withClient {
				err = i.connect(ctx)
			}
			if err != nil {
				r.leaveOut(name, err)
			}
		}
	}
	time.Sleep(settle)
	for range few(w.settings.Rounds) {
		if err := watchIdle(all, r); err != nil {
			return err
		}
		r.tick()
	}
	return nil
}

// watchIdle takes one sample of each kind.
func watchIdle(all []*idlers, r *recorder) (err error) {
	for _, i := range all {
		if i.before, err = i.activity(); err != nil {
			return err
		}
	}
	time.Sleep(window)
	for _, i := range all {
		after, err := i.activity()
		if err != nil {
			return err
		}
		if !r.isOut(i.name) {
			cpu := after.cpu - i.before.cpu
			r.addNumber("idle cpu", i.name, float64(cpu.Microseconds())/1000/several)
			r.addNumber("idle wake-ups", i.name, float64(after.switches-i.before.switches)/several)
		}
	}
	return nil
}
