package cgroup

import (
	"fmt"
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
	}{
		{"hybrid", tmpfs + cpu + systemd + memory + unified,
			"v1 /sys/fs/cgroup/memory[memory]/ /sys/fs/cgroup/cpu,cpuacct[cpu cpuacct]/"},
		{"unified alone", unified, "v2 /sys/fs/cgroup/unified[]/"},
		{"v1 controllers that we do not use", unified + cpuset + systemd, "v2 /sys/fs/cgroup/unified[]/"},
		{"mounted over", hidden + memory, "v1 /sys/fs/cgroup/memory[memory]/"},
		{"the whole before a part", part + memory, "v1 /sys/fs/cgroup/memory[memory]/"},
		{"a part", part, "v1 /mnt/part[memory]/docker/a b"},
		{"nothing", tmpfs, "no hierarchy is mounted"},
		{"garbage", "what is this\n", "parsing 'what is this' failed: not enough fields (3)"},
	} {
		h, err := detect(strings.NewReader(tt.table), func(m *mountinfo.Info) bool {
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

func TestMount(t *testing.T) {
	v1 := &Host{version: V1, hierarchies: []hierarchy{{"/m", "/", []string{"memory"}}, {"/c", "/", []string{"cpu", "cpuacct"}}}}
	v2 := &Host{version: V2, hierarchies: []hierarchy{{"/u", "/", nil}}}
	for _, tt := range []struct {
		host             *Host
		controller, want string
	}{
		{v1, "memory", "/m"}, {v1, "cpuacct", "/c"}, {v1, "pids", ""}, {v2, "memory", "/u"},
	} {
		if got := tt.host.Mount(tt.controller); got != tt.want {
			t.Errorf("v%d: Mount(%q) = %q, want %q", tt.host.version, tt.controller, got, tt.want)
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

func BenchmarkDetect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Detect(); err != nil {
			b.Fatal(err)
		}
	}
}
