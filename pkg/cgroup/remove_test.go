package cgroup

import (
	"errors"
	"os"
	"path"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRemovePopulated(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		p := start(t, g, "family 3")
		nest(t, g, p)
		for _, place := range g.places {
			if err := os.MkdirAll(path.Join(place.dir(), "a/c/d"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		freezeSub(t, g, "a")
		begin := time.Now()
		if err := g.Remove(); err != nil {
			t.Errorf("Remove() = %v, want nil", err)
		}
		t.Logf("Remove() took %v", time.Since(begin))
		p.killed(t)
		for _, place := range g.places {
			if exists(place.dir()) {
				t.Errorf("%s is still there", place.dir())
			}
		}
	})
}

// Somebody else has removed some of it.
func TestRemovePartly(t *testing.T) {
	h := host(t, V1)
	g := create(t, h, Limits{})
	if err := rmdir(g.places[len(g.places)-1].dir()); err != nil {
		t.Fatal(err)
	}
	if err := g.Remove(); err != nil {
		t.Errorf("Remove() = %v, want nil", err)
	}
}

// TestRemoveGivesUp: what cannot be removed, a cgroup that somebody has mounted something
// on, say, is not tried for ever.
func TestRemoveGivesUp(t *testing.T) {
	h := host(t, V1)
	g := create(t, h, Limits{})
	dir := path.Join(g.places[0].dir(), "busy")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(t.TempDir(), dir, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	removed := make(chan error, 1)
	go func() { removed <- g.Remove() }()
	var err error
	select {
	case err = <-removed:
	case <-time.After(5 * patience):
		t.Errorf("Remove() has not ended after %v, want an end after %v", 5*patience, patience)
	}
	if unmounted := unix.Unmount(dir, unix.MNT_DETACH); unmounted != nil {
		t.Fatal(unmounted)
	}
	if t.Failed() {
		<-removed
	} else if !errors.Is(err, unix.EBUSY) {
		t.Errorf("Remove() = %v, want %v", err, unix.EBUSY)
	}
	if err := removeTree(g.places[0].dir()); err != nil {
		t.Error(err)
	}
}

func TestRemoveUnlocks(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		for range 20 {
			g, err := h.Create(testParent, "again", testOwner, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Remove(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Supervisors that contend for one group: one at a time has it, the others are
// told so, and nothing is left.
func TestContention(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		const rivals, rounds = 4, 25
		holders := make(chan struct{}, 1)
		done := make(chan error, rivals)
		for range rivals {
			go func() { done <- contend(h, rounds, holders) }()
		}
		for range rivals {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for _, hi := range h.hierarchies {
			if dir := path.Join(hi.mount, testParent, "contended"); exists(dir) {
				t.Errorf("%s is still there", dir)
			}
		}
	})
}

func contend(h *Host, rounds int, holders chan struct{}) error {
	for range rounds {
		g, err := h.Create(testParent, "contended", testOwner, Limits{})
		if errors.Is(err, ErrInUse) || errors.Is(err, errReplaced) {
			continue
		}
		if err != nil {
			return err
		}
		select {
		case holders <- struct{}{}:
		default:
			return errors.New("two hold it")
		}
		for _, p := range g.places {
			if !exists(p.dir()) {
				return errors.New(p.dir() + " is missing")
			}
		}
		<-holders
		if err := g.Remove(); err != nil {
			return err
		}
	}
	return nil
}

// While anything of the group is left elsewhere the first directory, whose lock
// says that the group is held, is there.
func TestRemoveFirstLast(t *testing.T) {
	h := host(t, V1)
	if len(h.hierarchies) < 2 {
		t.Skip("one hierarchy")
	}
	g := create(t, h, Limits{})
	busy := path.Join(g.places[1].dir(), "busy")
	if err := os.Mkdir(busy, 0o755); err != nil {
		t.Fatal(err)
	}
	p := start(t, g.at(""), "block")
	if err := write(path.Join(busy, "cgroup.procs"), strconv.Itoa(p.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	if err := g.removeDirs(); !errors.Is(err, unix.EBUSY) {
		t.Errorf("removeDirs() = %v, want %v", err, unix.EBUSY)
	}
	if !exists(g.places[0].dir()) {
		t.Errorf("%s is gone, %s is not", g.places[0].dir(), busy)
	}
	if err := g.kill(); err != nil {
		t.Error(err)
	}
	p.killed(t)
}
