package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func TestDetect(t *testing.T) {
	const (
		unified = "40 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		hidden  = "30 31 0:99 / /hidden/memory rw - cgroup cgroup rw,memory\n"
		memory  = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		cpu     = "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw shared:7 - cgroup cgroup rw,cpu,cpuacct\n"
		systemd = "37 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
		cpuset  = "38 31 0:34 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
		part    = "34 31 0:32 /docker/a\\040b /mnt/part rw - cgroup cgroup rw,memory\n"
		tmpfs   = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
	)
	for _, tt := range []struct {
		name, table, want string
		types             []string
	}{
		{"hybrid", tmpfs + cpu + systemd + memory + unified,
			"v1 /sys/fs/cgroup/memory[memory]/ /sys/fs/cgroup/cpu,cpuacct[cpu cpuacct]/", eitherVersion},
		{name: "hybrid, v2 asked for", table: memory + unified, want: "v2 /sys/fs/cgroup/unified[]/", types: []string{typeV2}},
		{"unified alone", unified, "v2 /sys/fs/cgroup/unified[]/", eitherVersion},
		{"v1 controllers that we do not use", unified + cpuset + systemd, "v2 /sys/fs/cgroup/unified[]/", eitherVersion},
		{"mounted over", hidden + memory, "v1 /sys/fs/cgroup/memory[memory]/", eitherVersion},
		{"the whole before a part", part + memory, "v1 /sys/fs/cgroup/memory[memory]/", eitherVersion},
		{"a part", part, "v1 /mnt/part[memory]/docker/a b", eitherVersion},
		{"nothing", tmpfs, "no hierarchy is mounted", eitherVersion},
		{"garbage", "what is this\n", "parsing 'what is this' failed: not enough fields (3)", eitherVersion},
	} {
		h, err := detect(strings.NewReader(tt.table), tt.types, func(m *mountinfo.Info) bool {
			return !strings.HasPrefix(m.Mountpoint, "/hidden")
		})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprintf("v%d", h.Version())
			for _, hi := range h.hierarchies {
				got += fmt.Sprintf(" %s%v%s", hi.mount, hi.controllers, hi.root)
			}
		}
		if got != tt.want {
			t.Errorf("%s: detect = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDetectHere(t *testing.T) {
	h, err := Detect()
	if err != nil {
		t.Skip(err)
	}
	for _, hi := range h.hierarchies {
		if file := hi.mount + "/cgroup.procs"; !exists(file) {
			t.Errorf("Detect: no %s", file)
		}
	}
}

// TestUsual: what is in the usual places is what the mount table says.
func TestUsual(t *testing.T) {
	table, err := lookUp(eitherVersion...)
	if err != nil {
		t.Skip(err)
	}
	found, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	if found.version != table.version || len(found.hierarchies) != len(table.hierarchies) {
		t.Fatalf("Detect() = %+v, want %+v", found, table)
	}
	for i, hi := range found.hierarchies {
		want := table.hierarchies[i]
		if !sameFile(t, hi.mount, want.mount) || !slices.Equal(hi.controllers, want.controllers) {
			t.Errorf("Detect() = %+v, want %+v", found, table)
		}
	}
}

// TestUsualTogether: links lead to hierarchies that several controllers share. One that
// is not in its place, or nothing of a cgroup there, is for the mount table to tell.
func TestUsualTogether(t *testing.T) {
	if usual(usualDir) == nil {
		t.Skip("no cgroup v1 in its usual places")
	}
	dir := t.TempDir()
	link := func(from, to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"memory", "cpu", "pids", "blkio"} {
		link(name, filepath.Join(usualDir, name))
	}
	link("cpuacct", "cpu")
	if h := usual(dir); h != nil {
		t.Errorf("without freezer: %+v", h)
	}
	link("freezer", dir)
	if h := usual(dir); h != nil {
		t.Errorf("freezer is no cgroup: %+v", h)
	}
	if err := os.Remove(filepath.Join(dir, "freezer")); err != nil {
		t.Fatal(err)
	}
	link("freezer", filepath.Join(usualDir, "freezer"))
	h := usual(dir)
	if h == nil {
		t.Fatal("usual found nothing")
	}
	if i := slices.IndexFunc(h.hierarchies, func(hi hierarchy) bool { return slices.Equal(hi.controllers, []string{"cpu", "cpuacct"}) }); i < 0 {
		t.Errorf("cpu and cpuacct are not together: %+v", h)
	}
}

// sameFile reports whether two paths lead to the same file.
func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	fileA, errA := os.Stat(a)
	fileB, errB := os.Stat(b)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	return os.SameFile(fileA, fileB)
}

func BenchmarkDetect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Detect(); err != nil {
			b.Fatal(err)
		}
	}
}
