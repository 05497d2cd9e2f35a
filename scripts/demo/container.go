package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/control"
)

// container is a supervisor that the demo has started, and a connection to its
// control socket. After the first error its methods do nothing, so that a scene
// reads from top to bottom.
type container struct {
	ctx        context.Context
	id         string
	dir        string
	supervisor *exec.Cmd
	client     *control.Client
	last       agent.ContainerProcessState
	err        error
}

// start makes a run directory as an agent does, starts the supervisor in it
// and connects to its control socket.
func start(ctx context.Context, number int, parent, supervisor string, config agent.ContainerConfig, command []string) (*container, error) {
	dir := filepath.Join(parent, fmt.Sprintf("run-%d", number))
	if err := makeRunDirectory(dir, config); err != nil {
		return nil, err
	}
	id := fmt.Sprintf("demo-%d-%d", os.Getpid(), number)
	args := append([]string{"--hostname", "demo", "--id", id, "--"}, command...)
	fmt.Printf("  $ cd %s\n  $ harpoon-supervisor %s\n\n", dir, strings.Join(args, " "))

	log, err := os.Create(filepath.Join(dir, "supervisor.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := &container{ctx: ctx, id: id, dir: dir, supervisor: exec.Command(supervisor, args...)}
	c.supervisor.Dir = dir
	c.supervisor.Stdout = output{}
	c.supervisor.Stderr = log
	if err := c.supervisor.Start(); err != nil {
		return nil, err
	}
	// The socket is there within milliseconds, unless something is wrong.
	dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c.client, err = control.Dial(dialing, filepath.Join(dir, "control"))
	if err != nil {
		c.clear()
		return nil, err
	}
	return c, nil
}

// makeRunDirectory makes what the supervisor expects: agent.json and rootfs.
func makeRunDirectory(dir string, config agent.ContainerConfig) error {
	data, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.json"), data, 0o600); err != nil {
		return err
	}
	return os.Symlink("../rootfs", filepath.Join(dir, "rootfs"))
}

// output prints what the command writes, a line at a time.
type output struct{}

func (output) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		fmt.Printf("  output  %s\n", strings.TrimSuffix(line, "\n"))
	}
	return len(p), nil
}

// reading is the time to read a line before it comes true.
const reading = 1200 * time.Millisecond

// say prints a line for the person who watches.
func (c *container) say(format string, args ...any) {
	if c.err != nil {
		return
	}
	fmt.Printf("* "+format+"\n", args...)
	select {
	case <-time.After(reading):
	case <-c.ctx.Done():
		c.err = c.ctx.Err()
	}
}

// until prints states until one is as wanted.
func (c *container) until(wanted func(agent.ContainerProcessState) bool) {
	for c.err == nil {
		c.last, c.err = c.client.Next(c.ctx)
		if c.err != nil {
			return
		}
		data, _ := json.Marshal(c.last)
		fmt.Printf("  state   %s\n", data)
		if wanted(c.last) {
			return
		}
		if c.last.Final() {
			c.err = errors.New("down for good too early")
		}
	}
}

func (c *container) stop() { c.do(c.client.Stop) }
func (c *container) kill() { c.do(c.client.Kill) }

func (c *container) do(command func(context.Context) error) {
	if c.err == nil {
		c.err = command(c.ctx)
	}
}

// crash kills the command, as an accident would.
func (c *container) crash() {
	if c.err != nil {
		return
	}
	var p *os.Process
	if p, c.err = os.FindProcess(c.last.PID); c.err == nil {
		c.err = p.Kill()
	}
}

// exit sends exit, waits for the supervisor's end, and looks for what is left.
func (c *container) exit() {
	c.do(c.client.Exit)
	if c.err == nil {
		c.err = c.supervisor.Wait()
	}
	if c.err == nil {
		c.err = c.leftovers()
	}
}

// leftovers returns an error if the container has left a socket, a cgroup or a
// mount behind.
func (c *container) leftovers() error {
	for _, pattern := range []string{
		filepath.Join(c.dir, "control"),
		"/sys/fs/cgroup/harpoon/" + c.id, // v2
		"/sys/fs/cgroup/*/harpoon/" + c.id,
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return fmt.Errorf("left behind: %s", strings.Join(found, " "))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err == nil && strings.Contains(string(mounts), c.dir) {
		err = errors.New("left behind: a mount in the run directory")
	}
	return err
}

// clear ends the supervisor if a scene did not come to its end, and shows its
// log then.
func (c *container) clear() {
	if c.client != nil {
		c.client.Close()
	}
	if c.supervisor.ProcessState != nil {
		return
	}
	log, _ := os.ReadFile(filepath.Join(c.dir, "supervisor.log"))
	fmt.Printf("\nsupervisor.log:\n%s", log)
	// The second TERM kills the command, the third ends a supervisor that is
	// down for good. They may arrive as one, hence the pauses.
	for range 3 {
		c.supervisor.Process.Signal(os.Interrupt)
		time.Sleep(200 * time.Millisecond)
	}
	time.AfterFunc(3*time.Second, func() { c.supervisor.Process.Kill() })
	c.supervisor.Wait()
}
