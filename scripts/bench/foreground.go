package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// foreground is a subject that stays as long as its command and ends with it: its
// end is known when it has been waited for.
func foreground(name string, needs []string, argv func(id, mode string) []string) subject {
	launch := func(id, mode string) (*foregroundProcess, error) {
		p, err := spawn(order{argv: argv(id, mode)})
		if err != nil {
			return nil, err
		}
		f := &foregroundProcess{process: p}
		if f.first, err = p.next(firstStamp); err != nil {
			defer p.clear()
			return nil, p.noStamp(err)
		}
		return f, nil
	}
	return subject{
		name:  name,
		needs: needs,
		run: func(ctx context.Context, id string) (sample, error) {
			f, err := launch(id, "wait")
			if err != nil {
				return sample{}, err
			}
			defer f.clear()
			return f.life()
		},
		hold: func(ctx context.Context, id string) (held, error) {
			f, err := launch(id, "stay")
			if err != nil {
				return nil, err
			}
			return f, nil
		},
	}
}

// foregroundProcess is one that was started.
type foregroundProcess struct {
	*process
	first int64 // the command's first stamp
}

func (f *foregroundProcess) life() (s sample, err error) {
	children, err := childrenOf(f.handle.Pid)
	if err != nil {
		return s, f.blame(err)
	}
	f.stdin.Close()
	s.cpu, err = f.wait()
	known := now()
	if err != nil {
		return s, err
	}
	for _, child := range children { // bubblewrap does not wait for it, and leaves it to us
		cpu, err := reap(child)
		if err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, unix.ECHILD) {
			return s, err
		}
		s.cpu += cpu
	}
	last, err := f.next(lastStamp)
	s.start, s.exit = time.Duration(f.first-f.spawned), time.Duration(known-last)
	return s, f.blame(err)
}

func (f *foregroundProcess) supervisors() ([]int, error) { return []int{f.handle.Pid}, nil }

func (f *foregroundProcess) connect(context.Context) error { return nil }

// stop tells the command itself to end, which is a child of the process.
func (f *foregroundProcess) stop(context.Context) error {
	if err := signalChildren(f.handle.Pid); err != nil {
		return f.blame(err)
	}
	_, err := f.wait()
	return err
}

func (f *foregroundProcess) finish(context.Context) error {
	f.clear()
	return nil
}

// floor is a floor: in C, or in Go.
func (w *world) floor(name, program string) subject {
	version := "v1"
	if w.v2 {
		version = "v2"
	}
	return foreground(name, []string{w.bin(program)}, func(id, mode string) []string {
		argv := append([]string{w.bin(program), w.path("rootfs"), w.limitFile(id), version}, w.cgroups(id)...)
		return append(argv, "--", "/bin/command", mode)
	})
}

// bubblewrap has no cgroup, and is not held: its command is not its child.
func (w *world) bubblewrap() subject {
	path, _ := exec.LookPath("bwrap")
	s := foreground("bubblewrap (no cgroup)", []string{"bwrap"}, func(_, mode string) []string {
		return []string{path, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL", "--ro-bind", w.path("rootfs"), "/",
			"--proc", "/proc", "--dev", "/dev", "/bin/command", mode}
	})
	s.hold = nil
	return s
}
