package cgroup

import (
	"errors"
	"os"
	"path"
	"testing"

	"golang.org/x/sys/unix"
)

// All that v1 has, input and output as kernels before 6.9 count it.
func TestStatsV1(t *testing.T) {
	mount := t.TempDir()
	if accountsIO(mount) {
		t.Errorf("accountsIO(%s) = true, want false", mount)
	}
	p := place{hierarchy: hierarchy{mount: mount, root: "/", controllers: []string{"cpuacct", "cpu", "memory", "pids", "blkio"}}, group: "/x"}
	if err := os.Mkdir(p.dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		ioServiced:                    "8:0 Read 7\n8:0 Write 0\n8:0 Total 7\nTotal 7\n",
		"x/" + ioServiced:             "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 3\n8:16 Write 0\n8:16 Total 3\nTotal 123\n",
		"x/cpuacct.usage":             "1500\n",
		"x/cpu.stat":                  "nr_periods 9\nnr_throttled 2\nthrottled_time 70\n",
		"x/memory.usage_in_bytes":     "4096\n",
		"x/memory.limit_in_bytes":     "9223372036854710272\n", // with pages of 64 KiB
		"x/memory.max_usage_in_bytes": "8192\n",
		"x/memory.oom_control":        "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"x/memory.failcnt":            "9\n",
		"x/pids.current":              "3\n",
	} {
		if err := os.WriteFile(path.Join(mount, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !accountsIO(mount) {
		t.Errorf("accountsIO(%s) = false, want true", mount)
	}
	g := &Group{version: V1, places: []place{p}, controllers: p.controllers}
	defer g.closeReadings()
	var got, want Stats
	for f, v := range map[Field]uint64{
		CPUTime: 1500, CPUThrottled: 70, MemoryUsage: 4096, MemoryLimit: 0, MemoryPeak: 8192, OOMKills: 2, MemoryMax: 9, PIDs: 3, IORead: 103, IOWrite: 20,
	} {
		want.Set(f, v)
	}
	if err := g.Stats(&got); err != nil || got != want {
		t.Errorf("Stats = %+v, %v, want %+v", got, err, want)
	}
	// Before 4.13 kills are not counted: that is not none.
	if err := os.WriteFile(path.Join(p.dir(), "memory.oom_control"), []byte("oom_kill_disable 0\nunder_oom 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if kills, err := g.OOMKills(); !errors.Is(err, errFormat) {
		t.Errorf("OOMKills() = %d, %v, want %v", kills, err, errFormat)
	}
}

// A group that was given up has no figures, whoever has its descriptors by now, and opens
// no others.
func TestStatsAfterClose(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		name := path.Join(t.TempDir(), "foreign")
		if err := os.WriteFile(name, []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, read := range []bool{false, true} {
			g := create(t, h, Limits{})
			var s Stats
			if read {
				if err := g.Stats(&s); err != nil {
					t.Fatal(err)
				}
			}
			g.close()
			for range 4 * len(sourcesV2) {
				f, err := os.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
			}
			before := len(descriptors())
			if err := g.Stats(&s); err == nil || s.fields() != nil {
				t.Errorf("read before %v: Stats after Close = %v, %v, want an error and none", read, s.fields(), err)
			}
			if after := len(descriptors()); after != before {
				t.Errorf("read before %v: %d descriptors after Close and Stats, want %d", read, after, before)
			}
			if err := g.Remove(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Of a file that is too large no more is read than is meant to be.
func TestContentIsBounded(t *testing.T) {
	name := path.Join(t.TempDir(), "large")
	if err := os.WriteFile(name, make([]byte, 3*maxContent), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	g := &Group{buf: make([]byte, usualContent)}
	if text, err := g.content(&reading{&source{}, fd}); len(text) != maxContent || err != nil {
		t.Errorf("content() of %d bytes has %d, %v, want %d", 3*maxContent, len(text), err, maxContent)
	}
}
