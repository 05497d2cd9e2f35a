package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// eachMemory runs a test on each version that has a memory controller: on a
// hybrid host that is v1 alone.
func eachMemory(t *testing.T, f func(t *testing.T, h *Host)) {
	for _, h := range testHosts() {
		if h.has("memory") {
			t.Run(fmt.Sprintf("v%d", h.version), func(t *testing.T) { f(t, host(t, h.version)) })
		}
	}
}

func (h *Host) has(controller string) bool {
	if h.version == V1 {
		return slices.ContainsFunc(h.hierarchies, func(hi hierarchy) bool { return slices.Contains(hi.controllers, controller) })
	}
	controllers, err := os.ReadFile(path.Join(h.hierarchies[0].mount, "cgroup.controllers"))
	return err == nil && slices.Contains(strings.Fields(string(controllers)), controller)
}

// A process that takes more than it may is killed; the watch tells, and the
// counter has risen by the time its exit is known. (Some kernels count more than
// the one process on v2.)
func TestOOM(t *testing.T) {
	eachMemory(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
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
		if err := g.Stats(&s); err != nil || s.value[OOMKills] < 1 || s.value[MemoryMax] < 1 || s.value[MemoryPeak] > 33<<20 {
			t.Errorf("Stats = %+v, %v, want one kill, and a peak of about 32 MiB", s, err)
		}
	})
}

func TestOOMWatchClose(t *testing.T) {
	eachMemory(t, func(t *testing.T, h *Host) {
		watch, err := create(t, h, Limits{}).WatchOOM()
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
	g := create(t, host(t, V1), Limits{})
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
	watch, err := watchFile(path.Join(g.places[0].dir(), "cgroup.events"), "populated")
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
		p.released(t)
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

// What others count in the file is no event.
func TestWatchFileKeys(t *testing.T) {
	g := create(t, host(t, V2), Limits{})
	dir := g.places[0].dir()
	watch, err := watchFile(path.Join(dir, "cgroup.events"), "frozen")
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	frozen := make(chan bool)
	go func() {
		err := watch.Wait()
		text, _ := os.ReadFile(path.Join(dir, "cgroup.events"))
		frozen <- err == nil && strings.Contains(string(text), "frozen 1")
	}()
	p := start(t, g, "block") // populated 1
	p.released(t)             // populated 0
	if err := write(path.Join(dir, "cgroup.freeze"), "1"); err != nil {
		t.Fatal(err)
	}
	if !<-frozen {
		t.Error("Wait() failed, or returned before the group was frozen")
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

func BenchmarkOOMKills(b *testing.B) {
	for _, v := range []Version{V1, V2} {
		b.Run(fmt.Sprintf("v%d", v), func(b *testing.B) {
			g := create(b, host(b, v), Limits{})
			if _, err := g.OOMKills(); errors.Is(err, ErrNoController) {
				b.Skip(err) // a hybrid host's v2
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.OOMKills(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
