package main_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSpread: supervisors whose containers fail together do not start them again
// together. Of the first restart, whose delay is exact, that is not promised.
func TestSpread(t *testing.T) {
	needRoot(t)
	n := manyRounds(200, 20)
	var mu sync.Mutex
	var delays []time.Duration
	repeat(t, n, 20, func(i int) error {
		c, err := aContainer(t, i, `{"restart": "always", "restart_backoff": {"initial": "100ms", "factor": 20}}`)
		if err != nil {
			return err
		}
		s, client, err := c.startAndDial(launch{command: []string{"/bin/workload", "exit", "1"}})
		if err != nil {
			return err
		}
		defer s.destroy()
		second, err := client.await("up=false", "restarting=true", "restarts=1")
		if err != nil {
			return err
		}
		delay, err := second.delay()
		if err != nil {
			return err
		}
		mu.Lock()
		delays = append(delays, delay)
		mu.Unlock()
		if err := client.command("stop"); err != nil {
			return err
		}
		if _, err := client.finalState(); err != nil {
			return err
		}
		return s.exit(client)
	})
	if t.Failed() {
		return
	}
	slices.Sort(delays)
	least, most := delays[0], delays[len(delays)-1]
	t.Logf("measured: the second delay of %d supervisors, 2 s and a tenth more or less: from %v to %v", n, least, most)
	if least < 1790*time.Millisecond || most > 2210*time.Millisecond {
		t.Errorf("delays from %v to %v, want them within a tenth of 2 s", least, most)
	}
	if most-least < 200*time.Millisecond {
		t.Errorf("%d delays from %v to %v, want them spread over 400 ms", n, least, most)
	}
}

// delay returns the time from the end of the last run to the next start.
func (s state) delay() (time.Duration, error) {
	exited, err := time.Parse(time.RFC3339Nano, fmt.Sprint(s.at("exited_at")))
	if err != nil {
		return 0, err
	}
	next, err := time.Parse(time.RFC3339Nano, fmt.Sprint(s.at("next_restart_at")))
	return next.Sub(exited), err
}
