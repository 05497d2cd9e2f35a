package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// seeded returns a random source, and names its seed for a run that fails.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("TEST_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestCrash: a supervisor is killed at any moment of a start, while the command
// runs and while it backs off. Within a second no process of the container is
// left, and the next start in the directory works.
func TestCrash(t *testing.T) {
	needRoot(t)
	random := seeded(t)
	n := rounds(60)
	delays := make([]time.Duration, n)
	for i := range delays {
		// A start takes some milliseconds; every fourth is a later phase.
		delays[i] = time.Duration(random.IntN(20_000)) * time.Microsecond
		if i%4 == 3 {
			delays[i] = time.Duration(random.IntN(1500)) * time.Millisecond
		}
	}
	repeat(t, n, 4, func(i int) error {
		command := []string{"/bin/workload", "spawn", "2", "then", "exit", "1"}
		if i%2 == 0 {
			command = []string{"/bin/workload", "spawn", "2", "then", "sleep", "1h"}
		}
		c, err := aContainer(t, i, `{"restart": "always", "storage": {"tmp": {"/tmp": -1}}}`)
		if err != nil {
			return err
		}
		if err := c.crash(command, delays[i]); err != nil {
			return fmt.Errorf("killed after %v: %w", delays[i], err)
		}
		return nil
	})
}

func (c *container) crash(command []string, delay time.Duration) error {
	killed, err := c.start(launch{command: command})
	if err != nil {
		return err
	}
	defer killed.destroy()
	<-time.After(delay)
	if err := killed.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-killed.ended
	// Every process of the container holds stdout.
	if err := poll(time.Second, func() error {
		if pids := c.processes(); len(pids) > 0 {
			return fmt.Errorf("after a second there are still %q", pids)
		}
		return closed(killed.output.end, "after a second somebody still holds stdout")
	}); err != nil {
		return err
	}
	return c.startAndStop()
}

// startAndStop is the life of a container without incidents.
func (c *container) startAndStop() error {
	s, err := c.start(launch{command: []string{"/bin/workload", "until-term", "0"}})
	if err != nil {
		return err
	}
	defer s.destroy()
	if err := s.awaitOutput("waiting"); err != nil {
		return err
	}
	client, err := dial(c)
	if err != nil {
		return err
	}
	if err := client.command("stop"); err != nil {
		return err
	}
	if last, err := client.finalState(); err != nil {
		return err
	} else if err := last.meets([]string{"container_exit_status.exited=true", "!err"}); err != nil {
		return err
	}
	return s.exit(client)
}

// TestRounds: starting and stopping leaves everything as it was.
func TestRounds(t *testing.T) {
	needRoot(t)
	before, err := lookAtHost()
	if err != nil {
		t.Fatal(err)
	}
	start, n := time.Now(), rounds(30)
	repeat(t, n, 1, func(i int) error {
		c, err := aContainer(t, i, `{"resources": {"mem": 64, "cpu": 1}, "network": "none", "storage": {"tmp": {"/tmp": 1}}}`)
		if err != nil {
			return err
		}
		return c.startAndStop()
	})
	t.Logf("%v a round", time.Since(start)/time.Duration(n))
	if err := poll(patience, before.same); err != nil {
		t.Errorf("after %d rounds: %v", n, err)
	}
}
