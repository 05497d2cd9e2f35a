package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"harpoon-supervisor/pkg/control"
)

// ours is the supervisor with a configuration.
func (w *world) ours(name, config string) subject {
	return subject{
		name: name,
		run: func(ctx context.Context, id string) (sample, error) {
			o, err := w.launchOurs(id, config, "wait")
			if err != nil {
				return sample{}, err
			}
			defer o.clear()
			s, err := o.life(ctx)
			return s, o.blame(err)
		},
		hold: func(ctx context.Context, id string) (held, error) {
			o, err := w.launchOurs(id, config, "stay")
			if err != nil {
				return nil, err
			}
			if _, err := o.next(firstStamp); err != nil {
				defer o.clear()
				return nil, o.noStamp(err)
			}
			return o, nil
		},
	}
}

// oursProcess is a supervisor that was started.
type oursProcess struct {
	*process
	dir    string // its run directory
	client *control.Client
}

// launchOurs starts a supervisor in a run directory of its own.
func (w *world) launchOurs(id, config, mode string) (*oursProcess, error) {
	dir := w.path("run", id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Symlink(w.path("rootfs"), filepath.Join(dir, "rootfs")); err != nil && !os.IsExist(err) {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.json"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	p, err := spawn(order{dir: dir, argv: []string{
		w.bin("harpoon-supervisor"), "--hostname", "bench", "--id", id, "--cgroup-parent", w.parent, "--", "/bin/command", mode,
	}})
	if err != nil {
		return nil, err
	}
	return &oursProcess{process: p, dir: dir}, nil
}

// life waits for the start, ends the command and the supervisor. The end is known
// when the final state is with a client.
func (o *oursProcess) life(ctx context.Context) (s sample, err error) {
	first, err := o.next(firstStamp)
	if err != nil {
		return s, err
	}
	if err := o.connect(ctx); err != nil {
		return s, err
	}
	o.stdin.Close()
	known, err := o.awaitEnd(ctx)
	if err != nil {
		return s, err
	}
	last, err := o.next(lastStamp)
	if err != nil {
		return s, err
	}
	s.start, s.exit = time.Duration(first-o.spawned), time.Duration(known-last)
	s.cpu, err = o.leave(ctx)
	return s, err
}

// connect makes a client, and takes the first state.
func (o *oursProcess) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if o.client, err = control.Dial(ctx, filepath.Join(o.dir, "control")); err != nil {
		return err
	}
	s, err := o.client.Next(ctx)
	if err == nil && s.Err != "" {
		err = fmt.Errorf("state: %s", s.Err)
	}
	return err
}

// awaitEnd waits for the final state, and returns when it came.
func (o *oursProcess) awaitEnd(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		s, err := o.client.Next(ctx)
		if err != nil {
			return 0, err
		}
		if s.Final() {
			return now(), nil
		}
	}
}

// leave ends the supervisor.
func (o *oursProcess) leave(ctx context.Context) (cpu time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := o.client.Exit(ctx); err != nil {
		return 0, err
	}
	return o.wait()
}

func (o *oursProcess) supervisors() ([]int, error) { return []int{o.handle.Pid}, nil }

func (o *oursProcess) stop(ctx context.Context) error {
	if o.client == nil {
		if err := o.connect(ctx); err != nil {
			return o.blame(err)
		}
	}
	if err := o.client.Stop(ctx); err != nil {
		return o.blame(err)
	}
	_, err := o.awaitEnd(ctx)
	return o.blame(err)
}

func (o *oursProcess) finish(ctx context.Context) error {
	defer o.clear()
	if o.client == nil {
		return nil // it could not even be stopped: clear kills it
	}
	_, err := o.leave(ctx)
	return o.blame(err)
}

// clear ends what an error left running.
func (o *oursProcess) clear() {
	if o.client != nil {
		o.client.Close()
	}
	o.process.clear()
}
