package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// has returns the fields that could be read.
func (s *Stats) fields() (list []Field) {
	for f := range fields {
		if _, ok := s.Get(f); ok {
			list = append(list, f)
		}
	}
	return list
}

// expected returns the fields that a host's groups have.
func expected(g *Group) (list []Field) {
	if g.version == V1 {
		// No input and output: the group has not done any.
		return []Field{CPUTime, CPUThrottled, MemoryUsage, MemoryLimit, MemoryPeak, OOMKills, MemoryMax, PIDs}
	}
	for f := range fields {
		switch {
		case f == MemoryPeak && !exists(path.Join(g.places[0].dir(), "memory.peak")): // before 5.19
		case f >= CPUSomeAvg10 && !exists(path.Join(g.places[0].dir(), "cpu.pressure")): // without psi=1
		case (f == CPUFullAvg10 || f == CPUFullTotal) && !fullCPU(): // before 5.13
		default:
			list = append(list, f)
		}
	}
	return list
}

func fullCPU() bool {
	text, err := os.ReadFile("/proc/pressure/cpu")
	return err == nil && strings.Contains(string(text), "full")
}

func TestStats(t *testing.T) {
	eachMemory(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		want := expected(g)
		var s Stats
		if err := g.Stats(&s); err != nil || !slices.Equal(s.fields(), want) {
			t.Errorf("Stats of an empty group has %v, %v, want %v", s.fields(), err, want)
		}
		for _, f := range want {
			if v, _ := s.Get(f); v != 0 && f != MemoryUsage && f != MemoryPeak {
				t.Errorf("figure %d of an empty group = %d, want 0", f, v)
			}
		}
		start(t, g, "block")
		if err := g.SetLimits(Limits{Memory: 1 << 30}); err != nil {
			t.Fatal(err)
		}
		if err := g.Stats(&s); err != nil || !slices.Equal(s.fields(), want) {
			t.Errorf("Stats has %v, %v, want %v", s.fields(), err, want)
		}
		if s.value[CPUTime] == 0 || s.value[MemoryUsage] == 0 || s.value[MemoryLimit] != 1<<30 || s.value[PIDs] == 0 || s.value[OOMKills] != 0 {
			t.Errorf("Stats = %+v, want a limit of 1 GiB and no kills", s)
		}
		if peak, ok := s.Get(MemoryPeak); ok && peak < s.value[MemoryUsage] {
			t.Errorf("MemoryPeak = %d, want at least the usage, %d", peak, s.value[MemoryUsage])
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
		used := s.value[CPUTime]
		if err := g.Stats(&s); !errors.Is(err, unix.ENODEV) || s.fields() != nil || s.value[CPUTime] != used {
			t.Errorf("Stats = %+v, %v, want what was there, unread, and %v", s, err, unix.ENODEV)
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
	pressure := func(n int) string {
		return fmt.Sprintf("some avg10=%d.12 avg60=0.00 avg300=0.00 total=%d\nfull avg10=0.0%d avg60=9.99 avg300=0.00 total=%d\n", n, 10*n, n, 100*n)
	}
	files := map[string]string{
		"cgroup.controllers": "cpu io memory pids\n",
		"cpu.stat":           "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 9\nnr_throttled 2\nthrottled_usec 70\n",
		"memory.current":     "4096\n",
		"memory.max":         "max\n",
		"memory.peak":        "8192\n",
		"pids.current":       "3\n",
		"memory.events":      "low 0\nhigh 5\nmax 9\noom 1\noom_kill 2\noom_group_kill 0\n",
		"io.stat":            "8:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n259:1 rbytes=4 wbytes=0 rios=1 wios=0 dbytes=7 dios=1\n",
		"cpu.pressure":       pressure(1),
		"memory.pressure":    pressure(2),
		"io.pressure":        pressure(3),
	}
	full := map[Field]uint64{
		CPUTime: 1500000, CPUThrottled: 70000, MemoryUsage: 4096, MemoryLimit: 0, MemoryPeak: 8192,
		MemoryHigh: 5, MemoryMax: 9, MemoryOOM: 1, OOMKills: 2, PIDs: 3, IORead: 104, IOWrite: 20,
		CPUSomeAvg10: 112, CPUSomeTotal: 10, CPUFullAvg10: 1, CPUFullTotal: 100,
		MemorySomeAvg10: 212, MemorySomeTotal: 20, MemoryFullAvg10: 2, MemoryFullTotal: 200,
		IOSomeAvg10: 312, IOSomeTotal: 30, IOFullAvg10: 3, IOFullTotal: 300,
	}
	for _, tt := range []struct {
		name, file, content string
		change              map[Field]uint64
		lacks               []Field
	}{
		{name: "as it is", file: "cpu.stat", content: files["cpu.stat"]},
		{name: "before 5.19", file: "memory.peak", lacks: []Field{MemoryPeak}},
		{name: "before 5.13", file: "cpu.pressure", content: "some avg10=1.12 avg60=0.00 avg300=0.00 total=10\n", lacks: []Field{CPUFullAvg10, CPUFullTotal}},
		{name: "without psi", file: "io.pressure", lacks: []Field{IOSomeAvg10, IOSomeTotal, IOFullAvg10, IOFullTotal}},
		{name: "without the cpu controller", file: "cpu.stat", content: "usage_usec 1500\n", lacks: []Field{CPUThrottled}},
		{name: "a limit", file: "memory.max", content: "65536\n", change: map[Field]uint64{MemoryLimit: 65536}},
		{name: "no input or output yet", file: "io.stat", content: "\n", change: map[Field]uint64{IORead: 0, IOWrite: 0}},
		{name: "many devices", file: "io.stat", content: strings.Repeat("8:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n", 1000),
			change: map[Field]uint64{IORead: 1000, IOWrite: 2000}},
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
		var want, got Stats
		for f := range fields {
			if v, changed := tt.change[f]; changed {
				want.Set(f, v)
			} else if !slices.Contains(tt.lacks, f) {
				want.Set(f, full[f])
			}
		}
		if err := g.Stats(&got); err != nil || got != want {
			t.Errorf("%s: Stats = %+v, %v, want %+v", tt.name, got, err, want)
		}
		if kills, err := g.OOMKills(); kills != 2 || err != nil {
			t.Errorf("%s: OOMKills() = %d, %v, want 2, nil", tt.name, kills, err)
		}
		g.closeReadings()
	}
}

func TestStatsFollow(t *testing.T) {
	var before, s Stats
	for f := range fields {
		before.Set(f, 10)
		s.Set(f, 1)
	}
	s.Follow(&before)
	for f := range fields {
		if got := s.Optional(f); got == nil || *got != s.value[f] {
			t.Errorf("Optional(%d) = %v, want a pointer to %d", f, got, s.value[f])
		}
		want := uint64(1)
		switch f {
		case CPUTime, CPUThrottled, MemoryOOM, OOMKills, MemoryMax, MemoryHigh, IORead, IOWrite,
			CPUSomeTotal, CPUFullTotal, MemorySomeTotal, MemoryFullTotal, IOSomeTotal, IOFullTotal:
			want = 11
		case MemoryPeak:
			want = 10
		}
		if got, ok := s.Get(f); got != want || !ok {
			t.Errorf("figure %d = %d, %v, want %d, true", f, got, ok, want)
		}
	}
	var none Stats
	none.Follow(&before)
	if list := none.fields(); list != nil {
		t.Errorf("figures %v can be read, want none", list)
	}
	if got := none.Optional(CPUTime); got != nil {
		t.Errorf("Optional = %d, want nil", *got)
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
	if err := g.Stats(&s); err != nil || !slices.Equal(s.fields(), expected(g)) {
		t.Errorf("Stats = %+v, %v, want %v", s, err, expected(g))
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
			if _, err := g.OOMKills(); errors.Is(err, ErrNoController) {
				b.Skip(err) // a hybrid host's v2
			}
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
