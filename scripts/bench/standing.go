package main

import (
	"context"
	"time"
)

// settle is how long a supervisor is left alone before it is looked at.
const settle = 3 * time.Second

// standing are those who stay beside a container, under their own names.
func (w *world) standing() []subject { return w.available(w.makeStanding()) }

func (w *world) makeStanding() []subject {
	list := named(w.subjects(), "ours", "conmon + crun", "containerd (ctr run)")
	list[1].name, list[2].name = "conmon", "containerd-shim-runc-v2"
	return append(list, w.ticker(tickerName), w.ticker(tickerName+", GOMAXPROCS=1", "GOMAXPROCS=1"))
}

const tickerName = "Go, package net, 3 s ticker"

// ticker is a Go program that does nothing for nobody.
func (w *world) ticker(name string, env ...string) subject {
	return subject{name: name, hold: func(_ context.Context, id string) (held, error) {
		p, err := spawn(order{argv: []string{w.bin("ticker"), w.path(id)}, env: env})
		if err != nil {
			return nil, err
		}
		if _, err := p.next(firstStamp); err != nil {
			defer p.clear()
			return nil, p.blame(err)
		}
		return tickerProcess{p}, nil
	}}
}

type tickerProcess struct{ *process }

func (t tickerProcess) supervisors() ([]int, error)   { return []int{t.handle.Pid}, nil }
func (t tickerProcess) connect(context.Context) error { return nil }
func (t tickerProcess) stop(context.Context) error    { return nil }
func (t tickerProcess) finish(context.Context) error {
	t.clear()
	return nil
}
