package cgroup

import (
	"errors"
	"os"
	"path"
	"testing"
)

// withMemory makes a group with a memory controller, or skips the test.
func withMemory(t *testing.T, h *Host) *Group {
	t.Helper()
	g := create(t, h, Limits{})
	if !g.offers("memory") {
		t.Skip("no memory controller in this hierarchy")
	}
	return g
}

// A process that takes more than it may is killed; the watch tells, and the
// counter has risen by the time its exit is known. (Some kernels count more than
// the one process on v2.)
func TestOOM(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := withMemory(t, h)
		p := start(t, g, "hog 256")
		if err := g.SetLimits(Limits{Memory: 32 << 20}); err != nil {
			t.Fatal(err)
		}
		watch, err := g.WatchOOM()
		if err != nil {
			t.Fatal(err)
		}
		defer watch.Close()
		if kills, err := g.OOMKills(); kills != 0 || err != nil {
			t.Fatalf("OOMKills() = %d, %v, want 0, nil", kills, err)
		}
		told := make(chan error, 1)
		go func() { told <- watch.Wait() }()
		if _, err := p.stdin.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		p.killed(t)
		if kills, err := g.OOMKills(); kills < 1 || err != nil {
			t.Errorf("OOMKills() = %d, %v, want 1, nil", kills, err)
		}
		if err := <-told; err != nil {
			t.Errorf("Wait() = %v, want nil", err)
		}
		var s Stats
		if err := g.Stats(&s); err != nil || s.OOMKills < 1 || s.MemoryPeak > 33<<20 {
			t.Errorf("Stats = %+v, %v, want one kill, and a peak of about 32 MiB", s, err)
		}
	})
}

func TestOOMWatchClose(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		watch, err := withMemory(t, h).WatchOOM()
		if err != nil {
			t.Fatal(err)
		}
		told := make(chan error)
		go func() { told <- watch.Wait() }()
		if err := watch.Close(); err != nil {
			t.Error(err)
		}
		if err := <-told; !errors.Is(err, os.ErrClosed) {
			t.Errorf("Wait() = %v, want %v", err, os.ErrClosed)
		}
	})
}

// On v1 the removal of the group is told, too, as a hint that means nothing.
func TestOOMWatchRemoved(t *testing.T) {
	g := withMemory(t, host(t, V1))
	watch, err := g.WatchOOM()
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	if err := g.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("Wait() = %v, want nil", err)
	}
}

// The watch of v2, on the events file that a hierarchy without controllers has.
func TestWatchFile(t *testing.T) {
	g := create(t, host(t, V2), Limits{})
	watch, err := watchFile(path.Join(g.places[0].dir(), "cgroup.events"))
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error)
	go func() {
		for {
			err := watch.Wait()
			told <- err
			if err != nil {
				return
			}
		}
	}()
	for range 3 {
		p := start(t, g, "block") // populated 1
		if err := <-told; err != nil {
			t.Fatalf("Wait() = %v, want nil", err)
		}
		p.stdin.Close()
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		if err := <-told; err != nil { // populated 0
			t.Fatalf("Wait() = %v, want nil", err)
		}
	}
	if err := watch.Close(); err != nil {
		t.Error(err)
	}
	if err := <-told; !errors.Is(err, os.ErrClosed) {
		t.Errorf("Wait() = %v, want %v", err, os.ErrClosed)
	}
}

func TestWatchFileMissing(t *testing.T) {
	if _, err := watchFile("/nonexistent/memory.events"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("watchFile = %v, want %v", err, os.ErrNotExist)
	}
	if _, err := watchEventfd("/nonexistent/memory.oom_control"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("watchEventfd = %v, want %v", err, os.ErrNotExist)
	}
}
