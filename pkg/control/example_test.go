package control_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/control"
	"harpoon-supervisor/pkg/eventstream"
)

// An agent waits until the container is up, stops it, and lets the supervisor
// end when it is down.
func Example() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "control")
	ended := make(chan error)
	go func() { ended <- supervise(path) }()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := control.Dial(ctx, path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for s, err := range c.States(ctx) {
		switch {
		case err != nil:
			fmt.Println(err)
			return
		case s.Up && s.Restarting:
			fmt.Println("up, restarts:", s.Restarts)
			err = c.Stop(ctx)
		case s.Final() && s.Err != "":
			fmt.Println(s.Err) // the supervisor ends by itself
		case s.Final():
			fmt.Println("down, signal:", s.ContainerExitStatus.Signal)
			err = c.Exit(ctx)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("supervisor:", <-ended)
	// Output:
	// up, restarts: 3
	// down, signal: 15
	// supervisor: <nil>
}

// supervise speaks the protocol to one client, with no container behind it.
func supervise(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	send := func(json string) error {
		_, err := conn.Write(eventstream.Append(nil, agent.EventState, []byte(json)))
		return err
	}
	if err := send(`{"up":true,"restarting":true,"restarts":3,"ooms":0,"container_metrics":{}}`); err != nil {
		return err
	}
	for commands := eventstream.NewDecoder(conn, 1024); ; {
		command, err := commands.Next()
		if err != nil {
			return err
		}
		switch command.Type {
		case agent.EventStop:
			err = send(`{"up":true,"restarting":false,"restarts":3,"ooms":0,"container_metrics":{}}`)
			if err == nil {
				err = send(`{"up":false,"restarting":false,"container_exit_status":{"signaled":true,"signal":15},` +
					`"restarts":3,"ooms":0,"container_metrics":{}}`)
			}
		case agent.EventExit:
			return nil
		}
		if err != nil {
			return err
		}
	}
}
