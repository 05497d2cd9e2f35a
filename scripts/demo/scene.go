package main

import (
	"context"
	"fmt"

	"harpoon-supervisor/pkg/agent"
)

// scene is one container, and what happens to it.
type scene struct {
	title   string
	config  agent.ContainerConfig
	command []string
	play    func(*container)
}

// The states that the scenes wait for.
func up(s agent.ContainerProcessState) bool      { return s.Up }
func waiting(s agent.ContainerProcessState) bool { return !s.Up && s.Restarting }
func down(s agent.ContainerProcessState) bool    { return s.Final() }

var scenes = []scene{
	{
		title:   "A command that crashes, is restarted, and is asked to stop",
		config:  agent.ContainerConfig{Restart: agent.RestartOnFailure},
		command: []string{"/bin/workload", "serve"},
		play: func(c *container) {
			c.until(up)
			c.say("It runs. Now somebody kills process %d from outside.", c.last.PID)
			c.crash()
			c.until(waiting)
			c.say("The policy is on-failure: it will run again in a second.")
			c.until(up)
			c.say("It runs again. We send the event stop: TERM to the command, and no restart after it.")
			c.stop()
			c.until(down)
			c.say("Down for good. The supervisor holds this last state until somebody says exit.")
		},
	},
	{
		title:   "A command that ignores TERM",
		config:  agent.ContainerConfig{Restart: agent.RestartAlways},
		command: []string{"/bin/workload", "ignore-term"},
		play: func(c *container) {
			c.until(up)
			c.say("It runs, and will not listen. We send stop all the same.")
			c.stop()
			c.until(func(s agent.ContainerProcessState) bool { return !s.Restarting })
			c.say("restarting is false now, but up is still true. We send kill.")
			c.kill()
			c.until(down)
			c.say("Killed by signal 9. The policy is always, but what was asked for wins.")
		},
	},
	{
		title:   "A command that wants more memory than it may have",
		config:  agent.ContainerConfig{Restart: agent.RestartNo, Resources: agent.Resources{Mem: 64}},
		command: []string{"/bin/workload", "eat", "256"},
		play: func(c *container) {
			c.until(down)
			c.say("The limit was 64 MiB. It was killed by the kernel, and oomed tells that from other kills.")
		},
	},
}

// run plays the scene to its end; the supervisor is gone when it returns.
func (s scene) run(ctx context.Context, number int, dir, supervisor string) error {
	fmt.Printf("\n%d. %s\n\n", number, s.title)
	c, err := start(ctx, number, dir, supervisor, s.config, s.command)
	if err != nil {
		return err
	}
	defer c.clear()
	s.play(c)
	c.say("We send exit.")
	c.exit()
	if c.err == nil {
		c.say("The supervisor has ended with status 0.")
	}
	return c.err
}
