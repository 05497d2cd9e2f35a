package main

import (
	"context"
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
func measureIdle(ctx context.Context, w *world, r *recorder) error {
	var all []*idlers
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
			i.judge(r, err)
		}
	}
	time.Sleep(settle)
	for range few(w.settings.Rounds) {
		watchIdle(all, r)
		r.tick()
	}
	for _, i := range all {
		i.judge(r, i.end(ctx))
	}
	return nil
}

// judge leaves a kind out, once, if there is an error.
func (i *idlers) judge(r *recorder, err error) {
	if err != nil && !r.isOut(i.name) {
		r.leaveOut(i.name, err)
	}
}

// watchIdle takes one sample of each kind. One of which a supervisor has died is left
// out; the others know nothing of that.
func watchIdle(all []*idlers, r *recorder) {
	for _, i := range all {
		before, err := i.activity()
		i.before = before
		i.judge(r, err)
	}
	time.Sleep(window)
	for _, i := range all {
		after, err := i.activity()
		i.judge(r, err)
		if !r.isOut(i.name) {
			cpu := after.cpu - i.before.cpu
			r.addNumber("idle cpu", i.name, float64(cpu.Microseconds())/1000/several)
			r.addNumber("idle wake-ups", i.name, float64(after.wakeUps-i.before.wakeUps)/several)
		}
	}
}
