package cgroup

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A process that has entered is in the group in each hierarchy, and is nowhere
// else.
func TestEnter(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		if (g.FD() >= 0) != (h.version == V2) || (len(g.Tasks()) > 0) != (h.version == V1) {
			t.Fatalf("FD() = %d, Tasks() = %d files", g.FD(), len(g.Tasks()))
		}
		p := start(t, g, "block")
		for _, place := range g.places {
			if got, want := text(t, place.dir()+"/cgroup.procs"), strconv.Itoa(p.Process.Pid); got != want {
				t.Errorf("%s: processes %q, want %q", place.dir(), got, want)
			}
		}
		if procs, err := g.processes(); len(procs) == 0 || err != nil {
			t.Errorf("processes() = %v, %v, want some, nil", procs, err)
		}
		p.released(t)
		if procs, err := g.processes(); len(procs) > 0 || err != nil {
			t.Errorf("processes() = %v, %v, want none, nil", procs, err)
		}
	})
}

// A group is runnable if one of its threads is.
func TestRunnable(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		for _, who := range []struct {
			role string
			want bool
		}{{"", false}, {"block", false}, {"spin", true}} {
			if who.role != "" {
				start(t, g, who.role)
			}
			deadline := time.Now().Add(10 * time.Second) // it may have something to do at first
			for {
				got, err := g.Runnable()
				if err != nil {
					t.Fatal(err)
				}
				if got == who.want {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("Runnable() = %v with %q", got, who.role)
				}
			}
		}
	})
}

// Very many threads are not looked at: that would take too long.
func TestRunnableOfMany(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		start(t, g, "family 100") // of some threads each
		if got, err := g.Runnable(); !got || err != nil {
			t.Errorf("Runnable() = %v, %v with more than %d threads", got, err, manyThreads)
		}
	})
}

func TestTasksAreCloseOnExec(t *testing.T) {
	g := create(t, host(t, V1), Limits{})
	for _, f := range g.Tasks() {
		info := text(t, "/proc/self/fdinfo/"+strconv.Itoa(int(f.Fd())))
		_, flags, _ := strings.Cut(info, "flags:\t")
		flags, _, _ = strings.Cut(flags, "\n")
		if n, err := strconv.ParseUint(flags, 8, 32); err != nil || n&0o2000003 != 0o2000001 {
			t.Errorf("%s: flags %s, want write-only and close-on-exec", f.Name(), flags)
		}
	}
}

func TestCloseTasksEarly(t *testing.T) {
	g := create(t, host(t, V1), Limits{})
	for _, f := range g.Tasks() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	g.close()
	if err := g.Tasks()[0].Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Close() of a tasks file = %v, want %v", err, os.ErrClosed)
	}
}

func TestOwnerOf(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	o, err := OwnerOf(dir)
	if err != nil || o.Ino != inode(t, dir.Name()) || o.Dev == 0 {
		t.Errorf("OwnerOf(dir) = %v, %v, want its inode %d", o, err, inode(t, dir.Name()))
	}
	if got, want := (Owner{2049, 1<<64 - 1}).String(), "2049:18446744073709551615"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
