package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// containerdConfig keeps a containerd of our own to the bench's directory. Only
// what "ctr run" of a directory needs is on.
const containerdConfig = `version = 2
root = "%[1]s/root"
state = "%[1]s/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "%[1]s/socket"
[ttrpc]
  address = "%[1]s/socket.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "%[1]s/opt"
`

// containerdDaemon is a containerd, and "ctr events", which prints the ends.
type containerdDaemon struct {
	ends
	w    *world
	once sync.Once
	err  error
	base []string // ctr, its socket and namespace
}

// containerd is containerd-shim with runc, by ctr. The daemon is started with the
// first container, and ends with the bench.
func (w *world) containerd() subject {
	d := &containerdDaemon{w: w}
	return subject{
		name:  "containerd (ctr run)",
		needs: []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc"},
		run: func(ctx context.Context, id string) (sample, error) {
			if err := d.start(); err != nil {
				return sample{}, err
			}
			return d.life(id)
		},
		hold: func(ctx context.Context, id string) (held, error) {
			if err := d.start(); err != nil {
				return nil, err
			}
			return d.hold(id)
		},
	}
}

// start starts the daemon, once.
func (d *containerdDaemon) start() error {
	d.once.Do(func() { d.err = d.startOnce() })
	return d.err
}

func (d *containerdDaemon) startOnce() error {
	dir := d.w.path("containerd")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/config.toml", fmt.Appendf(nil, containerdConfig, dir), 0o644); err != nil {
		return err
	}
	daemon, _ := exec.LookPath("containerd")
	p, err := spawn(order{argv: []string{daemon, "--config", dir + "/config.toml", "--log-level", "error"}})
	if err != nil {
		return err
	}
	ctr, _ := exec.LookPath("ctr")
	d.base = []string{ctr, "--address", dir + "/socket", "--namespace", filepath.Base(d.w.dir)}
	for begin := now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err = call(d.ctr("version")...); err == nil {
			break
		}
		if since(begin) > patience {
			return p.blame(err)
		}
	}
	events, err := spawn(order{argv: d.ctr("events")})
	if err != nil {
		return err
	}
	go d.watch(events)
	time.Sleep(time.Second) // until it has subscribed, of which it tells nobody
	return nil
}

// ctr is a command line of ctr.
func (d *containerdDaemon) ctr(args ...string) []string {
	return append(d.base[:len(d.base):len(d.base)], args...)
}

// run is the command line that runs a container. Its output goes to a file.
func (d *containerdDaemon) run(id, mode string, flags ...string) []string {
	args := append([]string{"run", "--rootfs", "--read-only", "--net-host", "--memory-limit", strconv.Itoa(memoryLimit),
		"--log-uri", "file://" + d.log(id)}, flags...)
	return d.ctr(append(args, d.w.path("rootfs"), id, "/bin/command", mode)...)
}

func (d *containerdDaemon) log(id string) string { return d.w.path("containerd", id+".log") }

// life runs a container: its stdin is empty, so that it ends at once.
func (d *containerdDaemon) life(id string) (s sample, err error) {
	defer os.Remove(d.log(id))
	end := d.expect(id)
	p, err := spawn(order{argv: d.run(id, "wait", "--rm")})
	if err != nil {
		return s, err
	}
	defer p.clear()
	known, err := await(end)
	if err != nil {
		return s, p.blame(err)
	}
	if _, err := p.wait(); err != nil {
		return s, err
	}
	log, err := os.Open(d.log(id))
	if err != nil {
		return s, err
	}
	defer log.Close()
	var first, last int64
	if _, err := fmt.Fscanf(log, "S %d\nE %d\n", &first, &last); err != nil {
		return s, fmt.Errorf("stamps: %w", err)
	}
	return sample{start: time.Duration(first - p.spawned), exit: time.Duration(known - last)}, nil
}

// watch reads events as long as the bench lives: date, time and zone, namespace,
// topic, and a JSON object.
func (d *containerdDaemon) watch(events *process) {
	for {
		line, err := events.lines.ReadString('\n')
		at := now()
		if err != nil {
			return // whoever waits says so
		}
		var exit struct {
			Container string `json:"container_id"`
		}
		_, object, found := strings.Cut(line, " /tasks/exit ")
		if found && json.Unmarshal([]byte(object), &exit) == nil {
			d.tell(exit.Container, at)
		}
	}
}

// hold starts a container that stays.
func (d *containerdDaemon) hold(id string) (held, error) {
	end := d.expect(id)
	if _, err := call(d.run(id, "stay", "--detach")...); err != nil {
		return nil, err
	}
	return &containerdTask{d, id, end}, nil
}

// containerdTask is a container that stays.
type containerdTask struct {
	daemon *containerdDaemon
	id     string
	end    <-chan int64
}

// supervisors is its shim, which carries the container's name.
func (t *containerdTask) supervisors() ([]int, error) {
	shims, err := findProcesses(func(argv []string) bool {
		if filepath.Base(argv[0]) != "containerd-shim-runc-v2" {
			return false
		}
		for i := range argv[1:] {
			if argv[i] == "-id" && argv[i+1] == t.id {
				return true
			}
		}
		return false
	})
	if err == nil && len(shims) == 0 {
		err = fmt.Errorf("no shim of %s", t.id)
	}
	return shims, err
}

func (t *containerdTask) connect(context.Context) error { return nil }

func (t *containerdTask) stop(context.Context) error {
	if _, err := call(t.daemon.ctr("task", "kill", "--signal", "TERM", t.id)...); err != nil {
		return err
	}
	_, err := await(t.end)
	return err
}

func (t *containerdTask) finish(context.Context) error {
	defer os.Remove(t.daemon.log(t.id))
	shims, err := t.supervisors()
	if err != nil {
		return err
	}
	if _, err := call(t.daemon.ctr("task", "delete", t.id)...); err != nil {
		return err
	}
	for _, pid := range shims {
		if _, err := reap(pid); err != nil {
			return err
		}
	}
	_, err = call(t.daemon.ctr("container", "delete", t.id)...)
	return err
}
