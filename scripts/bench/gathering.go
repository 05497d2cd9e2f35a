package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// gathering is a number of containers at the same time.
type gathering struct {
	mutex sync.Mutex
	all   []held
}

// parallel is how many of a gathering are started or stopped at a time.
const parallel = 8

// grow starts n more.
func (g *gathering) grow(ctx context.Context, w *world, s subject, n int) error {
	var ids []string
	for range n {
		ids = append(ids, w.id())
	}
	return inParallel(ids, func(id string) error {
		h, err := s.hold(ctx, id)
		if err == nil {
			g.mutex.Lock()
			defer g.mutex.Unlock()
			g.all = append(g.all, h)
		}
		return err
	})
}

// connect connects to all.
func (g *gathering) connect(ctx context.Context) error {
	return inParallel(g.all, func(h held) error { return h.connect(ctx) })
}

// end stops all.
func (g *gathering) end(ctx context.Context) error {
	all := g.all
	g.all = nil
	return inParallel(all, func(h held) error { return errors.Join(h.stop(ctx), h.finish(ctx)) })
}

// inParallel does something to all of a list, and returns the first error.
func inParallel[T any](list []T, do func(T) error) error {
	work := make(chan T)
	failures := make(chan error, len(list))
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for one := range work {
				failures <- do(one)
			}
		})
	}
	for _, one := range list {
		work <- one
	}
	close(work)
	workers.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

// each adds up what is read of the supervisors.
func (g *gathering) each(read func(pid int) error) error {
	for _, h := range g.all {
		pids, err := h.supervisors()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			if err := read(pid); err != nil {
				return err
			}
		}
	}
	return nil
}

// pss is the memory of all supervisors, in KiB: what they share counts once.
func (g *gathering) pss() (sum float64, err error) {
	err = g.each(func(pid int) error {
		n, err := fieldOf(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
		sum += float64(n)
		return err
	})
	return sum, err
}

// activity is what processes have done so far.
type activity struct {
	cpu     time.Duration
	wakeUps int // as many as the times that a thread has slept: its voluntary context switches
}

// activity adds up all threads of all supervisors. One that has died is an error: it
// would be the quietest of all.
func (g *gathering) activity() (sum activity, err error) {
	err = g.each(func(pid int) error {
		if err := alive(pid); err != nil {
			return err
		}
		dir := fmt.Sprintf("/proc/%d/task", pid)
		threads, err := os.ReadDir(dir)
		for _, thread := range threads {
			one, errThread := activityOf(dir + "/" + thread.Name())
			sum.cpu += one.cpu
			sum.wakeUps += one.wakeUps
			err = errors.Join(err, errThread)
		}
		return err
	})
	return sum, err
}

// alive returns an error if a process has died, waited for or not (proc(5): Z, X).
func alive(pid int) error {
	state, err := wordOf(fmt.Sprintf("/proc/%d/status", pid), "State:")
	if err == nil && (state == "Z" || state == "X") {
		err = fmt.Errorf("process %d has died", pid)
	}
	return err
}

// activityOf reads a thread's (proc(5)). The first field of schedstat is the time
// on a CPU in nanoseconds (kernel document scheduler/sched-stats.rst).
func activityOf(dir string) (a activity, err error) {
	text, err := os.ReadFile(dir + "/schedstat")
	if err != nil {
		return a, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return a, err
	}
	a.cpu = time.Duration(ns)
	a.wakeUps, err = fieldOf(dir+"/status", "voluntary_ctxt_switches:")
	return a, err
}

// fieldOf reads a number behind a name at the beginning of a line.
func fieldOf(file, name string) (int, error) {
	word, err := wordOf(file, name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(word)
}

// wordOf reads the word behind a name at the beginning of a line.
func wordOf(file, name string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			return words[1], nil
		}
	}
	return "", fmt.Errorf("%s: no %s", file, name)
}
