package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestShortLives: each start has exactly one exit, with its own status, never
// announced before the start, however short the command lives; one without a
// program has none. All of them leave the machine as it was.
func TestShortLives(t *testing.T) {
	needRoot(t)
	before := look(t)
	start, n := time.Now(), manyRounds(5000, 100)
	repeat(t, n, 4, func(i int) error {
		c, err := aContainer(t, i, "")
		if err != nil {
			return err
		}
		if i%10 == 9 {
			return c.withoutProgram()
		}
		return c.shortLife(i % 256)
	})
	t.Logf("measured: %v for each of %d short lives, 4 at a time", time.Since(start)/time.Duration(n), n)
	if err := poll(patience, before.same); err != nil {
		t.Errorf("after %d rounds: %v", n, err)
	}
}

// shortLife is a container that ends at once.
func (c *container) shortLife(status int) error {
	s, client, err := c.startAndDial(launch{command: []string{"/bin/workload", "exit", strconv.Itoa(status)}})
	if err != nil {
		return err
	}
	defer s.destroy()
	last, err := client.finalState()
	if err != nil {
		return err
	}
	if err := last.meets([]string{"container_exit_status.exited=true", "restarts=0", "!err"}); err != nil {
		return err
	}
	if got := last.count("container_exit_status.exit_status"); got != uint64(status) {
		return fmt.Errorf("exit status = %d, want %d", got, status)
	}
	if err := s.loggedOnce("msg=started", "msg=exited"); err != nil {
		return err
	}
	return s.exit(client)
}

// withoutProgram is a container that cannot be started.
func (c *container) withoutProgram() error {
	s, client, err := c.startAndDial(launch{command: []string{"/bin/nothing"}})
	if err != nil {
		return err
	}
	defer s.destroy()
	last, err := client.next(patience)
	if err != nil {
		return err
	}
	if err := last.meets([]string{"up=false", "restarting=false", "err~/bin/nothing", "!container_exit_status", "!exited_at"}); err != nil {
		return err
	}
	if err := s.loggedTimes("msg=started", 0); err != nil {
		return err
	}
	if err := s.loggedTimes("msg=exited", 0); err != nil {
		return err
	}
	return s.exit(client)
}

// TestKilledAtOnce: the same for a command that is killed from outside as soon
// as anybody can know of it.
func TestKilledAtOnce(t *testing.T) {
	needRoot(t)
	repeat(t, manyRounds(200, 20), 4, func(i int) error {
		c, err := aContainer(t, i, "")
		if err != nil {
			return err
		}
		s, client, err := c.startAndDial(launch{command: []string{"/bin/workload", "sleep", "1h"}})
		if err != nil {
			return err
		}
		defer s.destroy()
		first, err := client.next(patience)
		if err != nil {
			return err
		}
		if err := first.kill(unix.SIGKILL); err != nil {
			return err
		}
		last, err := client.finalState()
		if err != nil {
			return err
		}
		if err := last.meets([]string{"container_exit_status.signal=9", "restarts=0", "ooms=0"}); err != nil {
			return err
		}
		return s.exit(client)
	})
}

// TestErrorText: whatever bytes an error text holds, the state is UTF-8.
func TestErrorText(t *testing.T) {
	needRoot(t)
	c, err := aContainer(t, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	launched(t, c, launch{command: []string{"/bin/\xff\n\r<\x01\xc3"}})
	client := dialed(t, c)
	if last, err := client.finalState(); err != nil {
		t.Error(err)
	} else if err := last.meets([]string{"err~(?s)^start container: .*no such file"}); err != nil {
		t.Error(err)
	}
	if err := client.end(); err != nil {
		t.Error(err)
	}
}

// loggedOnce checks that the log has each message once, in this order.
func (s *supervisor) loggedOnce(messages ...string) error {
	at := -1
	for _, message := range messages {
		var found [][]int
		// The state is told before the line is written.
		if err := poll(patience, func() error {
			text, err := os.ReadFile(s.logPath())
			if found = regexp.MustCompile(message).FindAllIndex(text, -1); found == nil {
				return fmt.Errorf("no %s in the log", message)
			}
			return err
		}); err != nil {
			return err
		}
		if len(found) != 1 || found[0][0] < at {
			return fmt.Errorf("%s is at %v in the log, want once and after %d", message, found, at)
		}
		at = found[0][0]
	}
	return nil
}
