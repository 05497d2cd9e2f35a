package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// finish brings the life to its end, in the way that it is to have.
func (t *trial) finish() (err error) {
	if err := t.heard(); err != nil {
		return err
	}
	switch t.life.ending {
	case "exit":
		err = t.end("kill")
	case "stop":
		err = t.end("stop")
	case "TERM", "INT":
		err = t.insist(t.life.ending)
	case "crash": // it was one of the deeds
	}
	if err == nil {
		err = poll(patience, func() error { return closed(t.supervisor.ended, "the supervisor has not ended") })
	}
	if err != nil {
		return err
	}
	if t.output != nil {
		t.supervisor.output = collect(t.output)
	}
	t.story.status, err = t.supervisor.end()
	return err
}

// heard: no stop or kill is lost, whenever it came, and what was killed ends
// without our doing anything more.
func (t *trial) heard() error {
	commands := len(t.story.did("stop", "kill"))
	err := poll(patience, func() error {
		log, err := t.log()
		if got := strings.Count(log, `msg="stop asked"`); err == nil && got < commands && !t.gone() {
			return fmt.Errorf("stop and kill have been heard %d times, want %d", got, commands)
		}
		return err
	})
	if err != nil || !t.killed() {
		return err
	}
	v, err := t.connect("we, who wait", true)
	if v == nil || err != nil {
		return err
	}
	return poll(patience, func() error {
		if !v.over() {
			return errors.New("it was killed, and has not ended")
		}
		return nil
	})
}

// killed reports whether the container must end by what it was asked: a cgroup
// that is frozen after that, on v1, keeps alive even what has been killed.
func (t *trial) killed() bool {
	kills, freezes := t.story.did("kill"), t.story.did("freeze")
	if len(kills) == 0 {
		return false
	}
	last := kills[len(kills)-1]
	for _, freeze := range freezes {
		if freeze.to.After(last.from) {
			return false
		}
	}
	return true
}

// end does what an agent does: it asks, insists, and lets the supervisor go.
func (t *trial) end(ask string) error {
	v, err := t.connect("we, at the end", true)
	if v == nil || err != nil {
		return err
	}
	t.send(v, ask)
	if ask == "stop" {
		_ = poll(100*time.Millisecond, func() error { // it may take its time, or be deaf to it
			if !v.over() {
				return errors.New("not yet")
			}
			return nil
		})
		t.send(v, "kill")
	}
	if err := poll(patience, func() error {
		if !v.over() {
			return errors.New("no final state after kill")
		}
		return nil
	}); err != nil {
		return err
	}
	if err := t.letGo(); err != nil {
		return err
	}
	t.send(v, "exit")
	return nil
}

// letGo: once the container is down for good, the supervisor holds nothing of its
// runs, and no client's descriptor but of those who are there.
func (t *trial) letGo() error {
	return poll(patience, func() error {
		sockets, most := 0, 1
		for _, v := range t.visitors {
			if !v.left && !v.rude {
				most++
			}
		}
		held, err := descriptors(t.supervisor.cmd.Process.Pid)
		if err != nil || t.gone() {
			return nil // it ends by itself
		}
		for _, target := range held {
			switch {
			case strings.HasPrefix(target, "socket:"):
				sockets++
			case strings.Contains(target, "pidfd"), strings.HasPrefix(target, "/proc/"), strings.Contains(target, t.container.id):
				return fmt.Errorf("down for good, the supervisor still holds %s", target)
			}
		}
		if sockets > most {
			return fmt.Errorf("the supervisor holds %d sockets, want %d at most: %q", sockets, most, held)
		}
		return nil
	})
}

// insist sends the signal until the supervisor has ended: the first one may have
// come before the command could handle it.
func (t *trial) insist(signal string) error {
	deadline := time.After(scaled(patience))
	for {
		t.do(signal)
		select {
		case <-t.supervisor.ended:
			return nil
		case <-time.After(200 * time.Millisecond):
		case <-deadline:
			return fmt.Errorf("%s again and again, and it has not ended", signal)
		}
	}
}

// log returns what this supervisor has said.
func (t *trial) log() (string, error) {
	text, err := os.ReadFile(t.supervisor.logPath())
	return string(text[min(t.logFrom, len(text)):]), err
}

func (t *trial) readLog() error {
	text, err := t.log()
	t.story.log = parseLog(text)
	return err
}

// readWitness counts the runs that said themselves that they had begun.
func (t *trial) readWitness() error {
	path := filepath.Join(t.container.dir, "witness", "runs")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	t.story.begun = strings.Count(string(text), "begun\n")
	return errors.Join(err, os.Remove(path))
}

// TestFreeAtTheEnd: who sees the end of the connection finds nothing of the last run.
func TestFreeAtTheEnd(t *testing.T) {
	needRoot(t)
	c, err := aContainer(t, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	s, release, err := scenarios[0].start(c, "shim: remove cgroup=hold")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.destroy)
	defer release.Close()
	client := dialed(t, c)
	if _, err := client.await("up=true"); err != nil {
		t.Fatal(err)
	}
	if err := client.command("kill"); err != nil {
		t.Fatal(err)
	}
	if err := s.awaitOutput("^fault: shim: remove cgroup$"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.await("up=false"); err != nil {
		t.Fatal(err)
	}
	client.mu.Lock()
	ended := client.changed // nothing else comes after the final state
	client.mu.Unlock()
	asked := time.Now()
	if err := client.command("exit"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
		if time.Since(asked) < 500*time.Millisecond { // the supervisor's patience is 900 ms
			t.Error("the connection has ended while the run is being cleared")
		}
	case <-time.After(200 * time.Millisecond):
	}
	release.Close()
	if err := s.leave(client, "0"); err != nil {
		t.Error(err)
	}
}
