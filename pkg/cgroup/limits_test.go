package cgroup

import (
	"errors"
	"math"
	"os"
	"path"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

func TestQuota(t *testing.T) {
	for _, tt := range []struct {
		cpu  float64
		want int64
	}{
		{1, 100000}, {0.5, 50000}, {1.5, 150000}, {0.333333, 33333},
		{0.01, 1000}, {0.0001, 1000}, {5e-324, 1000},
		{1 << 24, 1677721600000}, {1e300, 1<<44 - 1}, {math.Inf(1), 1<<44 - 1},
	} {
		if got := (Limits{CPU: tt.cpu}).quota(); got != tt.want {
			t.Errorf("quota(%v CPUs) = %d us, want %d", tt.cpu, got, tt.want)
		}
	}
}

func TestRoomy(t *testing.T) {
	for _, tt := range []struct {
		limits Limits
		want   bool
	}{
		{Limits{}, true},
		{Limits{Memory: 64 << 20, CPU: 1, PIDs: 64}, true},
		{Limits{Memory: 64<<20 - 1}, false},
		{Limits{CPU: 0.99}, false},
		{Limits{PIDs: 63}, false},
		{Limits{Memory: 1 << 30, CPU: 4, PIDs: 1}, false},
		{Limits{OOMGroup: true}, true},
	} {
		if got := tt.limits.Roomy(); got != tt.want {
			t.Errorf("%+v roomy: %v, want %v", tt.limits, got, tt.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		memory, n uint64
		want      int64
	}{
		{1 << 20, 1, 1 << 20}, {1 << 20, 2, 2 << 20},
		{1 << 62, 1, 1 << 62}, {1 << 62, 2, math.MaxInt64},
		{math.MaxUint64, 1, math.MaxInt64},
	} {
		if got := (Limits{Memory: tt.memory}).bytes(tt.n); got != tt.want {
			t.Errorf("bytes(%d x %d) = %d, want %d", tt.memory, tt.n, got, tt.want)
		}
	}
}

// The limits are changed with the group in use, up and down.
func TestSetLimitsV1(t *testing.T) {
	h := host(t, V1)
	const mib = 1 << 20
	g := create(t, h, Limits{Memory: mib, CPU: 1})
	for _, l := range []struct {
		limits              Limits
		memory, swap, quota string
	}{
		{Limits{Memory: 64 * mib, CPU: 0.5, PIDs: 7}, "67108864", "134217728", "50000"},
		{Limits{Memory: 256 * mib, CPU: 2}, "268435456", "536870912", "200000"},
		{Limits{Memory: 32 * mib, CPU: 0.001}, "33554432", "67108864", "1000"},
		{Limits{}, "33554432", "67108864", "1000"},
		{Limits{Memory: math.MaxUint64, CPU: 1e9}, "9223372036854771712", "9223372036854771712", "17592186044415"},
	} {
		if err := g.SetLimits(l.limits); err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct{ controller, name, want string }{
			{"memory", "memory.limit_in_bytes", l.memory},
			{"memory", memorySwap, l.swap},
			{"cpu", "cpu.cfs_quota_us", l.quota},
			{"cpu", "cpu.cfs_period_us", "100000"},
			{"pids", "pids.max", "7"},
		} {
			file, err := g.file(f.controller, f.name)
			if err != nil {
				t.Fatal(err)
			}
			if f.name == memorySwap && !exists(file) {
				continue // a kernel that does not account swap
			}
			if got := text(t, file); got != f.want {
				t.Errorf("SetLimits(%+v): %s = %s, want %s", l.limits, f.name, got, f.want)
			}
		}
	}
}

func TestSetLimitsErrors(t *testing.T) {
	g := create(t, host(t, V1), Limits{})
	outer, err := g.file("cpu", "")
	if err != nil {
		t.Skip(err)
	}
	// A child cannot have more than its parent, whose file is the kernel's.
	if err := write(path.Join(outer, "cpu.cfs_quota_us"), "50000"); err != nil {
		t.Fatal(err)
	}
	inner, err := host(t, V1).Create(g.path(), "inner", testOwner, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Remove()
	err = inner.SetLimits(Limits{CPU: 1})
	want := "cgroup " + inner.path() + ": cpu.cfs_quota_us: invalid argument (more than the parent cgroup's quota)"
	if !errors.Is(err, unix.EINVAL) || err.Error() != want {
		t.Errorf("SetLimits = %v, want %s", err, want)
	}
}

// fakeV2 is a v2 group whose directory is an ordinary one.
func fakeV2(t *testing.T, files map[string]string) *Group {
	t.Helper()
	mount := t.TempDir()
	p := place{hierarchy: hierarchy{mount: mount, root: "/"}, group: "/harpoon/x", from: mount}
	if err := os.MkdirAll(p.dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(path.Join(mount, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Group{version: V2, places: []place{p}, lock: 0}
}

func TestSetLimitsV2(t *testing.T) {
	const controllers = "cpuset cpu io memory pids\n"
	for _, tt := range []struct {
		name   string
		files  map[string]string
		limits Limits
		want   map[string]string
		err    string
	}{
		{"all", map[string]string{"memory.max": "", "memory.swap.max": "", "cpu.max": "", "pids.max": "", "memory.oom.group": "0"},
			Limits{Memory: 4096, CPU: 0.25, PIDs: 1, OOMGroup: true},
			map[string]string{"memory.max": "4096", "memory.swap.max": "4096", "cpu.max": "25000 100000", "pids.max": "1", "memory.oom.group": "1"}, ""},
		{"no swap accounting", map[string]string{"memory.max": ""},
			Limits{Memory: 4096}, map[string]string{"memory.max": "4096"}, ""},
		{"none", map[string]string{"memory.max": "max", "cpu.max": "max 100000", "pids.max": "max", "memory.oom.group": "0"},
			Limits{}, map[string]string{"memory.max": "max", "cpu.max": "max 100000", "pids.max": "max", "memory.oom.group": "0"}, ""},
	} {
		files := map[string]string{
			"harpoon/x/cgroup.controllers": controllers,
			"harpoon/x/memory.current":     "1024\n",
			"harpoon/x/memory.events":      "oom_kill 0\n",
		}
		for name, content := range tt.files {
			files["harpoon/x/"+name] = content
		}
		g := fakeV2(t, files)
		if err := g.enable(); err != nil {
			t.Fatal(err)
		}
		if err := g.SetLimits(tt.limits); err != nil {
			t.Errorf("%s: SetLimits = %v, want nil", tt.name, err)
		}
		g.closeReadings()
		for name, want := range tt.want {
			if got := text(t, path.Join(g.places[0].dir(), name)); got != want {
				t.Errorf("%s: %s = %q, want %q", tt.name, name, got, want)
			}
		}
	}
}

// A limit below what is in use is refused, on v2 after the fact.
func TestSetLimitsTooSmall(t *testing.T) {
	eachMemory(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		start(t, g, "block")
		var s Stats
		if err := g.Stats(&s); err != nil {
			t.Fatal(err)
		}
		err := g.SetLimits(Limits{Memory: 4096})
		want := regexp.MustCompile(`^cgroup ` + g.path() + `: memory: limit is too small: 4096 bytes, and [1-9][0-9]{5,} are in use$`)
		if !errors.Is(err, ErrTooSmall) || !want.MatchString(err.Error()) {
			t.Errorf("SetLimits = %v, want %v", err, want)
		}
	})
}

func TestSetLimitsOOMGroupV1(t *testing.T) {
	_, err := host(t, V1).Create(testParent, t.Name(), testOwner, Limits{OOMGroup: true})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Create = %v, want %v", err, errors.ErrUnsupported)
	}
}

// TestSetLimitsWithoutSwap: memory is limited also where the kernel does not account swap.
func TestSetLimitsWithoutSwap(t *testing.T) {
	for version, files := range map[Version]map[string]string{
		V1: {"memory.limit_in_bytes": ""},
		V2: {"memory.max": "", "memory.current": "0\n", "memory.events": "oom_kill 0\n"},
	} {
		dir := t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(path.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		memory := []string{"memory"}
		g := &Group{version: version, controllers: memory, places: []place{{hierarchy: hierarchy{mount: dir, controllers: memory}}}}
		if err := g.SetLimits(Limits{Memory: 32 << 20}); err != nil {
			t.Errorf("v%v: SetLimits = %v, want nil", version, err)
		}
		for _, limit := range []string{"memory.limit_in_bytes", "memory.max"} {
			if _, is := files[limit]; is && text(t, path.Join(dir, limit)) != "33554432" {
				t.Errorf("%s = %q, want 33554432", limit, text(t, path.Join(dir, limit)))
			}
		}
		g.closeReadings()
	}
}
