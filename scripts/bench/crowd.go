package main

import (
	"context"
	"time"
)

// hosts is how many containers a busy host starts at once.
const hosts = 200

// measureCrowd starts 200 containers, a few at a time, and ends them all.
func measureCrowd(ctx context.Context, w *world, r *recorder) error {
	list := named(w.available(w.subjects()), "ours", "floor in C", "floor in Go", "crun, lean", "conmon + crun")
	r.inTurns(few(w.settings.Rounds), list, r.leaveOut, func(_ int, s subject) error { return w.crowd(ctx, s, r) })
	return nil
}

// crowd takes one sample. What is stopped is gone in the end: the container is
// deleted, or the supervisor has ended.
func (w *world) crowd(ctx context.Context, s subject, r *recorder) error {
	time.Sleep(pause)
	g := gathering{}
	begin := now()
	if err := g.grow(ctx, w, s, hosts); err != nil {
		g.end(ctx)
		return err
	}
	started := since(begin)
	time.Sleep(time.Second)
	memory, err := g.pss()
	if err == nil {
		err = g.connect(ctx)
	}
	if err != nil {
		g.end(ctx)
		return err
	}
	begin = now()
	err = g.end(ctx)
	stopped := since(begin)
	if err != nil {
		return err
	}
	r.addNumber("200 start", s.name, started.Seconds()*1000)
	r.addNumber("200 stop", s.name, stopped.Seconds()*1000)
	if memory > 0 {
		r.addNumber("200 pss", s.name, memory/1024)
	}
	return nil
}
