package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
)

// part is a part of the measurements that can be asked for alone.
type part struct {
	name    string
	measure func(ctx context.Context, w *world, r *recorder) error
}

// parts returns them in the order in which they are measured.
func parts() []part {
	return []part{
		{"start", measureStart},
		{"stop", measureStop},
		{"restart", measureRestart},
		{"memory", measureMemory},
		{"idle", measureIdle},
		{"200", measureCrowd},
		{"clients", measureClients},
	}
}

// partNames are what -only knows.
func partNames() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

// inside measures everything, in the world that the warden has made.
func inside(dir string) error {
	os.Unsetenv(insideVariable)
	os.Setenv(crunVariable, dir)
	w, err := enter(dir)
	if err != nil {
		return err
	}
	ctx := context.Background() // the warden kills us
	r := newRecorder()
	for _, p := range parts() {
		if len(w.settings.Only) > 0 && !slices.Contains(w.settings.Only, p.name) {
			continue
		}
		begin := now()
		fmt.Fprintf(os.Stderr, "bench: %s ", p.name)
		r.part = p.name
		if err := p.measure(ctx, w, r); err != nil {
			r.leaveOut(allSubjects, err)
		}
		fmt.Fprintf(os.Stderr, " %.0f s\n", since(begin).Seconds())
	}
	result := r.result()
	result.Rounds = w.settings.Rounds
	return writeJSON(w.path("result.json"), result)
}

// inTurns has samples taken of all subjects in each round, but of those that have been
// left out. An error is told by fail: lose or leaveOut.
func (r *recorder) inTurns(rounds int, list []subject, fail func(subject string, err error), take func(round int, s subject) error) {
	for round := range rounds {
		for _, s := range inTurn(list, round) {
			if r.isOut(s.name) {
				continue
			}
			if err := take(round, s); err != nil {
				fail(s.name, err)
			}
		}
		r.tick()
	}
}

// available leaves those subjects whose programs are there, and that are asked for.
// What is missing has been named by the warden.
func (w *world) available(list []subject) []subject {
	wanted := regexp.MustCompile(w.settings.Match)
	return slices.DeleteFunc(list, func(s subject) bool {
		return !wanted.MatchString(s.name) || slices.ContainsFunc(s.needs, func(program string) bool {
			_, err := exec.LookPath(program)
			return err != nil
		})
	})
}

// id is a new name for a container.
func (w *world) id() string {
	w.containers++
	return fmt.Sprintf("bench-%d", w.containers)
}

// few is the number of rounds of what takes long: three at least, for a median.
func few(rounds int) int { return min(rounds, max(3, rounds/13)) }

// clientRounds is that number for many clients, which take less.
func clientRounds(rounds int) int { return few(rounds) + 2 }
