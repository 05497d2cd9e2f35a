package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"testing"

	"golang.org/x/sys/unix"
)

const all = CPUTime | MemoryUsage | MemoryLimit | MemoryPeak | PIDs | OOMKills

func TestStats(t *testing.T) {
	eachMemory(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		want := all
		if h.version == V2 && !g.has("memory", "memory.peak") {
			want &^= MemoryPeak
		}
		var s Stats
		if err := g.Stats(&s); err != nil || s.Has != want || s.CPUTime != 0 || s.PIDs != 0 || s.MemoryLimit != 0 {
			t.Errorf("Stats of an empty group = %+v, %v, want zeros", s, err)
		}
		start(t, g, "block")
		if err := g.SetLimits(Limits{Memory: 1 << 30}); err != nil {
			t.Fatal(err)
		}
		if err := g.Stats(&s); err != nil || s.Has != want || s.CPUTime == 0 || s.MemoryUsage == 0 ||
			s.MemoryLimit != 1<<30 || s.PIDs == 0 || s.OOMKills != 0 {
			t.Errorf("Stats = %+v, %v, want all but kills, and the limit 1 GiB", s, err)
		}
		if want&MemoryPeak != 0 && s.MemoryPeak < s.MemoryUsage {
			t.Errorf("MemoryPeak = %d, want at least the usage, %d", s.MemoryPeak, s.MemoryUsage)
		}
	})
}

func TestStatsOfRemoved(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		var s Stats
		if err := g.Stats(&s); err != nil {
			t.Fatal(err)
		}
		if err := g.removeDirs(); err != nil {
			t.Fatal(err)
		}
		if err := g.Stats(&s); !errors.Is(err, unix.ENODEV) || s != (Stats{}) {
			t.Errorf("Stats = %+v, %v, want nothing, %v", s, err, unix.ENODEV)
		}
		if err := g.Remove(); err != nil {
			t.Fatal(err)
		}
		if err := g.Stats(&s); err == nil {
			t.Error("Stats after Remove = nil, want an error")
		}
	})
}

func TestStatsV2(t *testing.T) {
	files := map[string]string{
		"cgroup.controllers": "cpu memory pids\n",
		"cpu.stat":           "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n",
		"memory.current":     "4096\n",
		"memory.max":         "max\n",
		"memory.peak":        "8192\n",
		"pids.current":       "3\n",
		"memory.events":      "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 0\n",
	}
	full := Stats{all, 1500000, 4096, 0, 8192, 3, 2}
	older, limited := full, full
	older.Has, older.MemoryPeak = all&^MemoryPeak, 0
	limited.MemoryLimit = 65536
	for _, tt := range []struct {
		name, file, content string
		want                Stats
	}{
		{"as it is", "cpu.stat", files["cpu.stat"], full},
		{"an older kernel", "memory.peak", "", older},
		{"a limit", "memory.max", "65536\n", limited},
	} {
		tree := map[string]string{}
		for name, content := range files {
			tree["harpoon/x/"+name] = content
		}
		tree["harpoon/x/"+tt.file] = tt.content
		g := fakeV2(t, tree)
		if tt.content == "" {
			if err := os.Remove(path.Join(g.places[0].dir(), tt.file)); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.enable(); err != nil {
			t.Fatal(err)
		}
		var got Stats
		if err := g.Stats(&got); err != nil || got != tt.want {
			t.Errorf("%s: Stats = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		if kills, err := g.OOMKills(); kills != 2 || err != nil {
			t.Errorf("%s: OOMKills() = %d, %v, want 2, nil", tt.name, kills, err)
		}
		g.closeReadings()
	}
}

// Out of descriptors at the first call, in again at the second.
func TestStatsWithoutDescriptors(t *testing.T) {
	g := create(t, host(t, V1), Limits{})
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 0, Max: old.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	var s Stats
	err := g.Stats(&s)
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil {
		t.Fatal(e)
	}
	if err == nil || s != (Stats{}) {
		t.Errorf("Stats = %+v, %v, want nothing and an error", s, err)
	}
	if err := g.Stats(&s); err != nil || s.Has != all {
		t.Errorf("Stats = %+v, %v, want all", s, err)
	}
}

func TestStatsAllocatesNothing(t *testing.T) {
	g := create(t, host(t, V1), Limits{})
	var s Stats
	allocs := testing.AllocsPerRun(100, func() {
		if err := g.Stats(&s); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("Stats allocates %v times, want 0", allocs)
	}
}

func BenchmarkStats(b *testing.B) {
	for _, v := range []Version{V1, V2} {
		b.Run(fmt.Sprintf("v%d", v), func(b *testing.B) {
			g := create(b, host(b, v), Limits{})
			var s Stats
			b.ReportAllocs()
			for b.Loop() {
				if err := g.Stats(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOOMKills(b *testing.B) {
	g := create(b, host(b, V1), Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.OOMKills(); err != nil {
			b.Fatal(err)
		}
	}
}
