package cgroup

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// bury makes so many sub-cgroups one below the other in each hierarchy, and moves the
// process to the lowest.
func bury(t *testing.T, g *Group, p *process, levels int, name string) {
	t.Helper()
	for _, place := range g.places {
		w := walker{top: place.dir()}
		var err error
		if w.fd, err = unix.Open(w.top, dirFlags, 0); err != nil {
			t.Fatal(err)
		}
		defer func() { unix.Close(w.fd) }()
		for range levels {
			if err := unix.Mkdirat(w.fd, name, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := w.move(name, 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.write("cgroup.procs", strconv.Itoa(p.Process.Pid)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeepNesting: a container that may nest cgroups can make their paths longer than
// PATH_MAX, and nest more of them than there are descriptors. All of them are found.
func TestDeepNesting(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		for _, nest := range []struct {
			name   string
			levels int
		}{{strings.Repeat("n", 250), unix.PathMax/250 + 4}, {"n", 300}} {
			g := create(t, h, Limits{})
			p := start(t, g, "block")
			bury(t, g, p, nest.levels, nest.name)
			restore := fewDescriptors(t, 200)
			if procs, err := g.processes(); err != nil || len(procs) != 1 {
				t.Errorf("processes() = %v, %v with %d levels, want one", procs, err, nest.levels)
			}
			if err := g.Thaw(); err != nil {
				t.Errorf("Thaw() = %v with %d levels", err, nest.levels)
			}
			if err := g.Remove(); err != nil {
				t.Errorf("Remove() = %.200v with %d levels", err, nest.levels)
			}
			restore()
			p.killed(t)
			for _, place := range g.places {
				if exists(place.dir()) {
					t.Errorf("%s is still there", place.dir())
				}
			}
		}
	})
}

// fewDescriptors limits them until restore is called.
func fewDescriptors(t *testing.T, n uint64) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(l unix.Rlimit) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.Rlimit{Cur: n, Max: before.Max})
	return func() { set(before) }
}

// TestWalkOfVanished: what is removed while it is walked is left out, and what is beside
// it is not.
func TestWalkOfVanished(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		top := g.places[0].dir()
		for _, sub := range []string{"a/b", "c", "d"} {
			if err := os.MkdirAll(path.Join(top, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		entered := 0
		err := walk(top, func(w *walker) error {
			entered++
			if _, err := w.read("cgroup.procs"); err != nil {
				return err
			}
			if w.depth == 2 { // in b
				return errors.Join(rmdir(path.Join(top, "a/b")), rmdir(path.Join(top, "a")), rmdir(path.Join(top, "d")))
			}
			return nil
		})
		if err != nil || entered < 4 || entered > 5 {
			t.Errorf("walk() = %v, %d entered, want nil, the top, a, b and c and perhaps d", err, entered)
		}
	})
}

// TestWalkOfVanishing: so is what is removed when it has just been entered.
func TestWalkOfVanishing(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		top := g.places[0].dir()
		for _, sub := range []string{"a", "b"} {
			if err := os.Mkdir(path.Join(top, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		entered := 0
		err := walk(top, func(w *walker) error {
			if entered++; w.depth == 1 {
				if err := errors.Join(rmdir(path.Join(top, "a")), rmdir(path.Join(top, "b"))); err != nil {
					return err
				}
			}
			_, err := w.read("cgroup.procs")
			return err
		})
		if err != nil || entered != 2 {
			t.Errorf("walk() = %v, %d entered, want nil, the top and one below", err, entered)
		}
	})
}

// TestWalkErrors: an error says where, without the middle of a path that may be very
// long, and is the end of the walk.
func TestWalkErrors(t *testing.T) {
	g := create(t, host(t, V1), Limits{})
	top := g.places[0].dir()
	if err := os.MkdirAll(path.Join(top, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := walk(top, func(w *walker) error {
		if w.depth == 2 {
			return w.write("cgroup.procs", "x")
		}
		return nil
	})
	if want := "write " + top + "/.../cgroup.procs: invalid argument"; err == nil || err.Error() != want {
		t.Errorf("walk() = %v, want %s", err, want)
	}
	if err := removeTree(path.Join(top, "a")); err != nil {
		t.Error(err)
	}
	w := walker{top: top, depth: 9}
	if got, want := w.error("rmdir", "x", unix.EBUSY).Error(), "rmdir "+top+"/.../x: device or resource busy"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
