package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// oci is an OCI runtime alone, with a kind of bundle. A run is "run", which stays
// until the end and deletes the container; a container that is held is detached.
func (w *world) oci(runtime string, kind bundle) subject {
	path, _ := exec.LookPath(runtime)
	base := []string{path, "--root", w.path("state", runtime)}
	s := foreground(runtime+", "+kind.String(), []string{runtime}, func(id, mode string) []string {
		return append(base, "run", "--bundle", w.path("bundle", id), id)
	})
	run := s.run
	s.run = func(ctx context.Context, id string) (sample, error) {
		if err := w.writeBundle(w.path("bundle", id), id, "wait", kind); err != nil {
			return sample{}, err
		}
		return run(ctx, id)
	}
	s.hold = func(ctx context.Context, id string) (held, error) {
		if err := w.writeBundle(w.path("bundle", id), id, "stay", kind); err != nil {
			return nil, err
		}
		return detach(base, w.path("bundle", id), id)
	}
	return s
}

// detached is a container that an OCI runtime has left to us.
type detached struct {
	base []string // the runtime, and where its state is
	id   string
	pid  int
}

// detach starts a container with nobody above it.
func detach(base []string, dir, id string) (*detached, error) {
	p, err := spawn(order{argv: append(base[:len(base):len(base)], "run", "--detach", "--pid-file", dir+"/pid", "--bundle", dir, id)})
	if err != nil {
		return nil, err
	}
	defer p.clear()
	if _, err := p.wait(); err != nil {
		return nil, err
	}
	if _, err := p.next(firstStamp); err != nil {
		return nil, p.blame(err)
	}
	d := &detached{base: base, id: id}
	d.pid, err = readPID(dir + "/pid")
	return d, err
}

// readPID reads a file that holds a process ID and nothing else.
func readPID(name string) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return pid, nil
}

// command runs one of the runtime's commands on the container.
func (d *detached) command(args ...string) (time.Duration, error) {
	return call(append(d.base[:len(d.base):len(d.base)], args...)...)
}

// supervisors: there is none.
func (d *detached) supervisors() ([]int, error) { return nil, nil }

func (d *detached) connect(context.Context) error { return nil }

// stop is kill, the end, and delete, without which the next start would fail.
func (d *detached) stop(context.Context) error {
	if _, err := d.command("kill", d.id, "TERM"); err != nil {
		return err
	}
	if _, err := reap(d.pid); err != nil {
		return err
	}
	_, err := d.command("delete", d.id)
	return err
}

func (d *detached) finish(context.Context) error { return nil }
