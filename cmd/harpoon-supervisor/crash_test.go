package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// aSeed returns a seed, which TEST_SEED may say, and names it for a run that fails.
func aSeed(t *testing.T) uint64 {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("TEST_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("TEST_SEED=%d", seed)
	return seed
}

// seeded returns a random source.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(aSeed(t), 0))
}

// crash is one way in which a supervisor is killed.
type crash struct {
	command []string
	// disarmed: the command may outlive the supervisor.
	disarmed bool
	// stopped: TERM was sent when the command ran, and the rest is teardown.
	stopped bool
	delay   time.Duration
}

func randomCrash(random *rand.Rand) crash {
	// A start takes some milliseconds, and so does what comes after the command.
	soon := time.Duration(random.IntN(20_000)) * time.Microsecond
	late := time.Duration(random.IntN(1500)) * time.Millisecond
	switch random.IntN(6) {
	case 0, 1: // in the start
		return crash{command: []string{"spawn", "2", "then", "sleep", "1h"}, delay: soon}
	case 2: // about the exit, in the back-off, in the restart
		return crash{command: []string{"spawn", "2", "then", "exit", "1"}, delay: late}
	case 3:
		return crash{command: []string{"disarm", "then", "spawn", "2", "then", "sleep", "1h"}, disarmed: true, delay: 2 * soon}
	case 4: // in the teardown
		return crash{command: []string{"spawn", "2", "then", "until-term", "0"}, stopped: true, delay: soon / 2}
	}
	return crash{command: []string{"spawn", "2", "then", "sleep", "1h"}, delay: late}
}

// TestCrash: supervisors are killed at any moment of a start, while the command
// runs, while they back off and while they clean up, up to three times in one
// directory. Within a second no process of the container is left, unless it has
// disarmed its parent-death signal; and the next start in the directory works.
func TestCrash(t *testing.T) {
	needRoot(t)
	random := seeded(t)
	n := manyRounds(200, 30)
	crashes := make([][]crash, n)
	for i := range crashes {
		for range 1 + random.IntN(3) {
			crashes[i] = append(crashes[i], randomCrash(random))
		}
	}
	repeat(t, n, 4, func(i int) error {
		c, err := aContainer(t, i, `{"restart": "always", "storage": {"tmp": {"/tmp": -1}}}`)
		if err != nil {
			return err
		}
		var last *supervisor
		survivors := false // there may be, of this crash or one before
		for _, crash := range crashes[i] {
			survivors = survivors || crash.disarmed
			if last, err = crash.of(c, survivors); err != nil {
				if last != nil {
					last.destroy()
				}
				return fmt.Errorf("%+v: %w", crash, err)
			}
		}
		defer last.destroy()
		if err := c.startAndStop(); err != nil {
			return fmt.Errorf("after %+v: %w", crashes[i], err)
		}
		return poll(patience, func() error {
			return closed(last.output.end, "what the last one has left alive still holds stdout")
		})
	})
}

// of starts a supervisor and kills it.
func (k crash) of(c *container, survivors bool) (*supervisor, error) {
	s, err := c.start(launch{command: append([]string{"/bin/workload"}, k.command...)})
	if err != nil {
		return nil, err
	}
	if k.stopped {
		if err := errors.Join(s.awaitOutput("waiting"), s.signal(syscall.SIGTERM)); err != nil {
			return s, err
		}
	}
	<-time.After(k.delay)
	if err := s.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return s, err
	}
	<-s.ended
	if survivors {
		return s, nil
	}
	// Every process of the container holds stdout.
	return s, poll(time.Second, func() error {
		if pids := c.processes(); len(pids) > 0 {
			return fmt.Errorf("after a second there are still %q", pids)
		}
		return closed(s.output.end, "after a second somebody still holds stdout")
	})
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

// TestAgentThreadEnds: an agent may have what it starts killed with the thread that
// started it (prctl(2), PR_SET_PDEATHSIG); the supervisor stays.
func TestAgentThreadEnds(t *testing.T) {
	needRoot(t)
	c, err := aContainer(t, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	var s *supervisor
	var thread string
	started := make(chan struct{})
	go func() {
		defer close(started)
		runtime.LockOSThread() // and never unlocked: it ends with this goroutine
		thread = fmt.Sprintf("/proc/self/task/%d", unix.Gettid())
		s, err = c.start(launch{parentDeath: syscall.SIGKILL, command: []string{"/bin/workload", "until-term", "0"}})
		if err == nil { // it must have had the time to see to it
			err = s.awaitOutput("waiting")
		}
	}()
	<-started
	if s != nil {
		t.Cleanup(s.destroy)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := poll(patience, func() error {
		if _, err := os.Stat(thread); err == nil {
			return errors.New(thread + " is still there")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.terminate(t)
}

// TestInitDiesFirst: that the outfitter does not find an init that has been killed is not
// told as its own failure.
func TestInitDiesFirst(t *testing.T) {
	needRoot(t)
	f := faultCase{scenario{mapped: true, command: []string{"/bin/workload", "sleep", "1h"}}, "shim: clone outfitter", killInit}
	c, err := f.container(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, release, err := f.start(c, f.point+"="+f.order())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.destroy)
	defer release.Close()
	final := make(chan state, 1)
	go func() { final <- s.drive(false) }()
	if err := f.inflict(s, release); err != nil {
		t.Fatal(err)
	}
	if err := match(`^start container: init: .*: killed by signal 9 \(SIGKILL\)$`, fmt.Sprint((<-final).at("err"))); err != nil {
		t.Error(err)
	}
}
