package cgroup

import (
	"strings"
	"testing"
)

func TestValidID(t *testing.T) {
	for _, tt := range []struct {
		id   string
		want string
	}{
		{"a", ""},
		{"web-1.example", ""},
		{"with space", ""},
		{"\xff\xfe: \\ % é", ""},
		{"...", ""},
		{".hidden", ""},
		{"-", ""},
		{"self", ""},
		{strings.Repeat("x", 255), ""},
		{"tasks1", ""},
		{"memory", ""},
		{"memoryx.y", ""},
		{"cgroups.procs", ""},
		{"tasks.x", ""},
		{"", "ID is empty"},
		{strings.Repeat("x", 256), "ID is longer than 255 bytes"},
		{".", `ID "." is not a name`},
		{"..", `ID ".." is not a name`},
		{"a/b", `ID "a/b" holds a slash, NUL or newline`},
		{"a\x00", `ID "a\x00" holds a slash, NUL or newline`},
		{"a\n", `ID "a\n" holds a slash, NUL or newline`},
		{"tasks", `ID "tasks" may be the name of a kernel file`},
		{"notify_on_release", `ID "notify_on_release" may be the name of a kernel file`},
		{"release_agent", `ID "release_agent" may be the name of a kernel file`},
		{"cgroup.procs", `ID "cgroup.procs" may be the name of a kernel file`},
		{"cgroup.", `ID "cgroup." may be the name of a kernel file`},
		{"memory.max", `ID "memory.max" may be the name of a kernel file`},
		{"cpu.x.y", `ID "cpu.x.y" may be the name of a kernel file`},
		{"io.weight", `ID "io.weight" may be the name of a kernel file`},
		{"irq.pressure", `ID "irq.pressure" may be the name of a kernel file`},
	} {
		got := ""
		if err := ValidID(tt.id); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("ValidID(%q) = %q, want %q", tt.id, got, tt.want)
		}
	}
}

// No file that this kernel has in a cgroup may be taken for an ID.
func TestValidIDKernelFiles(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		for i := range g.places {
			for _, name := range filesIn(t, g.places[i].dir()) {
				if ValidID(name) == nil {
					t.Errorf("ValidID(%q) = nil, want an error", name)
				}
			}
		}
	})
}
