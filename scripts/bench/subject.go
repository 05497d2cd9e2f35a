package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// sample is one run of a container.
type sample struct {
	start time.Duration // from just before the fork to the command's first instruction
	exit  time.Duration // from just before the command's end to its being known
	cpu   time.Duration // of all processes of the run; 0 if that cannot be told
}

// subject is who is measured.
type subject struct {
	name string
	// needs are the programs without which it is left out.
	needs []string
	// run starts a container, ends it as soon as it has started, and clears up.
	run func(ctx context.Context, id string) (sample, error)
	// hold starts a container that stays. May be nil.
	hold func(ctx context.Context, id string) (held, error)
}

// held is a container that stays, under its supervisor.
type held interface {
	// supervisors are the processes that stand over the container.
	supervisors() ([]int, error)
	// connect makes what an agent has ready long before it stops a container.
	connect(ctx context.Context) error
	// stop ends the command as one does it with this supervisor, and returns when
	// its end is known.
	stop(ctx context.Context) error
	// finish clears up what stop leaves; after it nothing is there.
	finish(ctx context.Context) error
}

// subjects returns all of them, in the order of the tables. They are made once:
// there is one containerd.
func (w *world) subjects() []subject {
	if w.all == nil {
		w.all = w.makeSubjects()
	}
	return slices.Clone(w.all)
}

func (w *world) makeSubjects() []subject {
	list := []subject{
		w.ours("ours", `{"restart":"no","resources":{"mem":256}}`),
		w.ours("ours, no seccomp", `{"restart":"no","seccomp":"unconfined","resources":{"mem":256}}`),
		w.ours("ours, user namespace", `{"restart":"no","userns":{"uid":100000,"gid":100000,"size":65536},"resources":{"mem":256}}`),
		w.floor("floor in C", "floor-c"),
		w.floor("floor in Go", "floor"),
		w.bubblewrap(),
	}
	for _, runtime := range []string{"crun", "runc"} {
		for _, kind := range []bundle{lean, full, fullSeccomp} {
			list = append(list, w.oci(runtime, kind))
		}
	}
	return append(list, w.conmon(), w.containerd())
}

// everybody are all subjects under all of their names, wherever the world is.
func everybody() []subject {
	w := new(world)
	list := w.subjects()
	for _, s := range w.makeStanding() {
		if len(named(w.subjects(), s.name)) == 0 {
			list = append(list, s)
		}
	}
	return list
}

// inTurn returns the subjects in an order of this round's own: who comes after a
// heavy one, all through a run, may find the machine faster than the others do. The
// first two have the order that the tables take from them.
func inTurn(list []subject, round int) []subject {
	list = slices.Clone(list)
	if round < 2 {
		return list
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// named are those of the subjects that have one of the names.
func named(list []subject, names ...string) []subject {
	return slices.DeleteFunc(list, func(s subject) bool { return !slices.Contains(names, s.name) })
}
