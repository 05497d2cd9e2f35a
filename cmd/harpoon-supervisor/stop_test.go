package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"
)

// stopRace is one round of TestStopRaces: what runs, and what is done when.
type stopRace struct {
	policy  string
	command string
	arg     string
	ask     string // stop, kill, or TERM
	delay   time.Duration
}

func randomRace(random *rand.Rand) stopRace {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	r := stopRace{policy: pick("always", "on-failure"), command: "exit", arg: pick("0", "1"), ask: pick("stop", "kill", "TERM")}
	if random.IntN(3) == 0 {
		r.command, r.arg = "sleep", pick("10ms", "1s")
	}
	// During the start, at the exit, and about the first restart.
	switch random.IntN(3) {
	case 0:
		r.delay = time.Duration(random.IntN(15_000)) * time.Microsecond
	case 1:
		r.delay = time.Duration(random.IntN(100)) * time.Millisecond
	default:
		r.delay = 980*time.Millisecond + time.Duration(random.IntN(60_000))*time.Microsecond
	}
	return r
}

// TestStopRaces: stop, kill and TERM race start, exit, back-off and restart. It
// always ends, and nothing is started afterwards.
func TestStopRaces(t *testing.T) {
	needRoot(t)
	random := seeded(t)
	races := make([]stopRace, manyRounds(500, 60))
	for i := range races {
		races[i] = randomRace(random)
	}
	repeat(t, len(races), 16, func(i int) error {
		c, err := aContainer(t, i, fmt.Sprintf(`{"restart": %q}`, races[i].policy))
		if err != nil {
			return err
		}
		if err := races[i].run(c); err != nil {
			return fmt.Errorf("%+v: %w", races[i], err)
		}
		return nil
	})
}

func (r stopRace) run(c *container) error {
	s, client, err := c.startAndDial(launch{command: []string{"/bin/workload", r.command, r.arg}})
	if err != nil {
		return err
	}
	defer s.destroy()
	defer client.conn.Close()
	<-time.After(r.delay)
	known := client.last().count("restarts")
	if r.ask == "TERM" {
		err = s.signal(syscall.SIGTERM)
	} else {
		err = client.command(r.ask)
	}
	// A success under on-failure may have been the end already.
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	last, err := r.awaitEnd(s, client)
	if err != nil {
		return err
	}
	if restarts := last.count("restarts"); restarts > known+1 {
		return fmt.Errorf("restarts = %d, and %d when it was asked to end", restarts, known)
	}
	if r.ask == "TERM" || last.has("err") {
		status, err := s.end()
		if want := map[bool]string{true: "0", false: "1"}[r.ask == "TERM"]; err == nil && status != want {
			err = fmt.Errorf("supervisor ended with %s, want %s", status, want)
		}
		return errors.Join(err, s.clean())
	}
	return s.exit(client)
}

// awaitEnd waits for the final state. A TERM that came before the command could
// handle it is lost, by the kernel's rule: kill follows.
func (r stopRace) awaitEnd(s *supervisor, client *stream) (state, error) {
	stopped := false
	for {
		next, err := client.next(patience)
		if err != nil {
			return nil, err
		}
		if next.final() {
			return next, nil
		}
		if stopped && next.at("restarting") == true {
			return nil, fmt.Errorf("restarting again after it was asked to end: %s", next)
		}
		if next.at("up") == true && next.at("restarting") == false && !stopped {
			stopped = true
			if err := s.insist(r.ask, client); err != nil {
				return nil, err
			}
		}
	}
}

// insist does what an agent does when a command does not listen. The command or
// the supervisor may just have ended.
func (s *supervisor) insist(ask string, client *stream) error {
	var err error
	if ask == "TERM" {
		err = s.signal(syscall.SIGTERM)
	} else {
		err = client.command("kill")
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
