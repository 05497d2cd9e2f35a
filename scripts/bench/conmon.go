package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// conmon is conmon with crun, as podman and CRI-O use it: conmon has the runtime
// create the container, then start is asked of the runtime; the end is known by
// the exit file; the container is deleted.
func (w *world) conmon() subject {
	exits := &exitWatch{dir: w.path("exits")}
	return subject{
		name:  "conmon + crun",
		needs: []string{"conmon", "crun"},
		run: func(ctx context.Context, id string) (sample, error) {
			c, err := w.launchConmon(exits, id, "wait")
			if err != nil {
				return sample{}, err
			}
			defer c.clear()
			return c.life(ctx)
		},
		hold: func(ctx context.Context, id string) (held, error) {
			c, err := w.launchConmon(exits, id, "stay")
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
}

// conmonProcess is a container under conmon.
type conmonProcess struct {
	*detached
	dir     string
	spawned int64
	cpu     time.Duration // of what has ended
	pid     int           // of conmon
	exit    <-chan int64  // when its exit file was made
}

// launchConmon starts a container. What conmon's first process starts with is
// held back by a pipe until it has been put where it belongs (its cgroup, with
// podman); nobody moves it here.
func (w *world) launchConmon(exits *exitWatch, id, mode string) (*conmonProcess, error) {
	runtime, _ := exec.LookPath("crun")
	program, _ := exec.LookPath("conmon")
	state := w.path("state", "conmon-crun")
	c := &conmonProcess{dir: w.path("bundle", id), detached: &detached{base: []string{runtime, "--root", state}, id: id}}
	if err := w.writeBundle(c.dir, id, mode, lean); err != nil {
		return nil, err
	}
	if err := exits.start(); err != nil {
		return nil, err
	}
	c.exit = exits.expect(id)
	argv := []string{program, "--api-version", "1", "-c", id, "-u", id, "-r", runtime, "--runtime-arg", "--root", "--runtime-arg", state,
		"-b", c.dir, "-p", c.dir + "/pid", "-P", c.dir + "/conmon.pid", "-l", "k8s-file:" + c.dir + "/log",
		"--exit-dir", exits.dir, "--socket-dir-path", c.dir, "--log-level", "error"}
	if err := c.start(argv); err != nil {
		c.clear()
		return nil, err
	}
	return c, nil
}

// start goes through the two pipes of conmon's protocol, then starts the command.
func (c *conmonProcess) start(argv []string) error {
	report, sync, err := os.Pipe()
	if err != nil {
		return err
	}
	defer report.Close()
	hold, release, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hold.Close()
	p, err := spawn(order{argv: argv, extra: []*os.File{sync, hold}, env: []string{"_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4"}})
	sync.Close()
	release.Close() // its end is the word
	if err != nil {
		return err
	}
	defer p.clear()
	c.spawned = p.spawned
	if c.cpu, err = p.wait(); err != nil {
		return err
	}
	var created struct {
		PID     int    `json:"pid"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(report).Decode(&created); err != nil || created.PID < 0 {
		return p.blame(errors.Join(err, errors.New(created.Message)))
	}
	cpu, err := c.command("start", c.id)
	c.cpu += cpu
	if err != nil {
		return err
	}
	c.pid, err = readPID(c.dir + "/conmon.pid")
	return err
}

// life waits for the end: the command's stdin is empty, so it is near.
func (c *conmonProcess) life(ctx context.Context) (s sample, err error) {
	known, err := await(c.exit)
	if err != nil {
		return s, err
	}
	if err := c.finish(ctx); err != nil {
		return s, err
	}
	log, err := os.Open(c.dir + "/log")
	if err != nil {
		return s, err
	}
	defer log.Close()
	var times []int64
	for lines := bufio.NewScanner(log); lines.Scan(); {
		_, text, _ := strings.Cut(lines.Text(), " stdout F ")
		at, err := parseStamp(text+"\n", "SE"[min(len(times), 1)])
		if err != nil {
			return s, err
		}
		times = append(times, at)
	}
	if len(times) != 2 {
		return s, fmt.Errorf("%d stamps in the log, want 2", len(times))
	}
	return sample{start: time.Duration(times[0] - c.spawned), exit: time.Duration(known - times[1]), cpu: c.cpu}, nil
}

func (c *conmonProcess) supervisors() ([]int, error) { return []int{c.pid}, nil }

func (c *conmonProcess) stop(ctx context.Context) error {
	if _, err := c.command("kill", c.id, "TERM"); err != nil {
		return err
	}
	_, err := await(c.exit)
	return err
}

// finish waits for conmon, which was left to us, and deletes the container.
func (c *conmonProcess) finish(context.Context) error {
	cpu, err := reap(c.pid)
	if err != nil {
		return err
	}
	c.cpu += cpu
	c.pid = 0
	cpu, err = c.command("delete", c.id)
	c.cpu += cpu
	return err
}

// clear ends what an error left running.
func (c *conmonProcess) clear() {
	if c.pid != 0 {
		c.command("delete", "--force", c.id)
		reap(c.pid)
	}
}
