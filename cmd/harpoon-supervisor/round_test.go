package main_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rounds returns how often a test repeats itself: TEST_ROUNDS says it for all of
// them; few by default, so that all tests together stay short.
func rounds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("TEST_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return few
}

// manyRounds is rounds for tests that show what a machine bears: few suffice
// where each takes long, under the race detector and in the VM.
func manyRounds(many, few int) int {
	if raceEnabled || scaled(time.Second) > time.Second {
		return rounds(few)
	}
	return rounds(many)
}

// repeat runs rounds, some at a time, and stops after the first that fails.
func repeat(t *testing.T, n, atOnce int, round func(i int) error) {
	t.Helper()
	numbers, failed := make(chan int), make(chan struct{})
	var once sync.Once
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range numbers {
				if err := round(i); err != nil {
					t.Errorf("round %d: %v", i, err)
					once.Do(func() { close(failed) })
				}
			}
		})
	}
	for i := range n {
		select {
		case numbers <- i:
			continue
		case <-failed:
		}
		break
	}
	close(numbers)
	workers.Wait()
}

// aContainer makes a container for a round.
func aContainer(t *testing.T, i int, literal string) (*container, error) {
	name := t.Name() + "-" + strconv.Itoa(i)
	return newContainer(filepath.Join(bench.dir, name), name, literal)
}

// exit lets a supervisor end whose container is down for good, and looks at what
// it leaves. A clean round's directory goes.
func (s *supervisor) exit(client *stream) error {
	if err := client.command("exit"); err != nil {
		client.conn.Close()
		return err
	}
	return s.leave(client, "0")
}

// leave waits for the end, with one of those statuses, and looks at what is left.
func (s *supervisor) leave(client *stream, statuses ...string) error {
	defer client.conn.Close()
	status, err := s.end()
	if err != nil {
		return err
	}
	if !slices.Contains(statuses, status) {
		return fmt.Errorf("supervisor ended with %s, want %s", status, strings.Join(statuses, " or "))
	}
	if err := client.end(); err != nil {
		return fmt.Errorf("end of the stream: %w", err)
	}
	return s.clean()
}

// clean looks at what a supervisor that has ended has left.
func (s *supervisor) clean() error {
	if err := errors.Join(s.container.leftovers(), s.complaints()); err != nil {
		return err
	}
	return os.RemoveAll(s.container.dir)
}

// finalState reads a stream up to its final state.
func (s *stream) finalState() (last state, err error) {
	for {
		next, err := s.next(patience)
		switch {
		case err == io.EOF:
			return nil, fmt.Errorf("the stream ended after %v", last)
		case err != nil:
			return nil, fmt.Errorf("%w, after %v", err, last)
		case next.final():
			return next, nil
		}
		last = next
	}
}

// TestRounds: starting and stopping leaves everything as it was.
func TestRounds(t *testing.T) {
	needRoot(t)
	before := look(t)
	start, n := time.Now(), manyRounds(500, 20)
	repeat(t, n, 1, func(i int) error {
		c, err := aContainer(t, i, `{"resources": {"mem": 64, "cpu": 1}, "network": "none", "storage": {"tmp": {"/tmp": 1}}}`)
		if err != nil {
			return err
		}
		return c.startAndStop()
	})
	t.Logf("measured: %v for each of %d rounds of start and stop", time.Since(start)/time.Duration(n), n)
	if err := poll(patience, before.same); err != nil {
		t.Errorf("after %d rounds: %v", n, err)
	}
}
