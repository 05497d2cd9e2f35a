package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"harpoon-supervisor/pkg/control"
)

// measureOurs runs the command under the supervisor. Its end is known when the
// final state has arrived at a client.
func measureOurs(ctx context.Context, dir, supervisor string) (s sample, err error) {
	id := fmt.Sprintf("bench-%d", os.Getpid())
	cmd := exec.CommandContext(ctx, supervisor, "--hostname", "bench", "--id", id, "--", "/bin/bench", commandArg)
	cmd.Dir = dir
	r, err := launch(cmd)
	if err != nil {
		return s, err
	}
	defer r.clear()
	if s.start, err = r.started(); err != nil {
		return s, err
	}
	client, err := control.Dial(ctx, filepath.Join(dir, "control"))
	if err != nil {
		return s, err
	}
	defer client.Close()
	if _, err = client.Next(ctx); err != nil {
		return s, err
	}
	r.stdin.Close()
	told := time.Now()
	for {
		state, err := client.Next(ctx)
		if err != nil {
			return s, err
		}
		if state.Final() {
			break
		}
	}
	s.exit = time.Since(told)
	if err := client.Exit(ctx); err != nil {
		return s, err
	}
	return s, cmd.Wait()
}
