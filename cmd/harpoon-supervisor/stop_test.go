package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	atUp    bool // instead, when it is told to be up: before it has a handler, often
}

func randomRace(random *rand.Rand) stopRace {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	r := stopRace{policy: pick("always", "on-failure"), command: "exit", arg: pick("0", "1"), ask: pick("stop", "kill", "TERM")}
	switch random.IntN(4) {
	case 0:
		r.command, r.arg = "sleep", pick("10ms", "1s")
	case 1:
		r.command = "until-term"
	}
	// During the start, at the exit, and about the first restart.
	switch random.IntN(4) {
	case 0:
		r.delay = time.Duration(random.IntN(15_000)) * time.Microsecond
	case 1:
		r.delay = time.Duration(random.IntN(100)) * time.Millisecond
	case 2:
		r.command, r.arg, r.atUp = "until-term", "0", true
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
	if r.atUp {
		if _, err := client.await("up=true"); err != nil {
			return err
		}
	}
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
	last, err := r.awaitEnd(client)
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

// awaitEnd waits for the final state. It has been asked for once: a TERM that comes before
// the command can handle it is lost, by the kernel's rule, but no stop is.
func (r stopRace) awaitEnd(client *stream) (state, error) {
	stopped := false
	for {
		next, err := client.next(patience)
		if err != nil || next.final() {
			return next, err
		}
		if stopped && next.at("restarting") == true {
			return nil, fmt.Errorf("restarting again after it was asked to end: %s", next)
		}
		stopped = stopped || next.at("up") == true && next.at("restarting") == false
	}
}

// TestTermPastMainThread: TERM is heard of while the main thread hangs in the kernel. Here
// it is frozen, alone, which only v1 can do.
func TestTermPastMainThread(t *testing.T) {
	needRoot(t)
	mounts := slices.DeleteFunc(slices.Clone(cgroupMounts()), func(mount string) bool { return filepath.Base(mount) != "freezer" })
	if len(mounts) == 0 {
		t.Skip("no freezer of cgroup v1")
	}
	c, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}}, "")
	client := dialed(t, c)
	if _, err := client.await("up=true"); err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(bench.parent, bench.prefix+"thread")
	dir := filepath.Join(mounts[0], group)
	if err := setFrozen(group, true); err != nil {
		t.Fatal(err)
	}
	defer removeTree(dir)
	thaw := func() {
		if err := setFrozen(group, false); err != nil {
			t.Error(err)
		}
	}
	defer thaw() // or it could not be killed, either
	if err := os.WriteFile(filepath.Join(dir, "tasks"), strconv.AppendInt(nil, int64(s.cmd.Process.Pid), 10), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := client.await("up=false", "restarting=false"); err != nil {
		t.Error(err)
	}
	thaw()
	if status, err := s.end(); err != nil || status != "0" {
		t.Errorf("ended with %s, %v", status, err)
	}
}
