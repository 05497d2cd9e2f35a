package cgroup

import (
	"errors"
	"io/fs"
	"path"
	"testing"
)

// enable asks for all that are missing in one write, from the mount point
// down to the parent. (In a fake tree nothing comes of it.)
func TestEnable(t *testing.T) {
	g := fakeV2(t, map[string]string{
		"cgroup.subtree_control":         "",
		"harpoon/cgroup.subtree_control": "",
		"harpoon/x/cgroup.controllers":   "cpu hugetlb\n",
	})
	if err := g.enable(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cgroup.subtree_control", "harpoon/cgroup.subtree_control"} {
		if got, want := text(t, path.Join(g.places[0].mount, name)), "+memory +pids +io"; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestEnableNothing(t *testing.T) {
	// There is no subtree_control that could be written.
	g := fakeV2(t, map[string]string{"harpoon/x/cgroup.controllers": "io pids memory cpu\n"})
	if err := g.enable(); err != nil {
		t.Fatal(err)
	}
	if err := g.check(Limits{Memory: 1, CPU: 1, PIDs: 1, OOMGroup: true}); err != nil {
		t.Errorf("check = %v, want nil", err)
	}
}

func TestEnableRefused(t *testing.T) {
	g := fakeV2(t, map[string]string{
		"cgroup.subtree_control":       "",
		"harpoon/x/cgroup.controllers": "memory\n",
	})
	if err := g.enable(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		need Limits
		want string
	}{
		{Limits{}, ""},
		{Limits{Memory: 1}, ""},
		{Limits{OOMGroup: true}, ""},
		{Limits{PIDs: 1}, "pids: open " + g.places[0].mount + "/harpoon/cgroup.subtree_control: no such file or directory"},
		{Limits{CPU: 1}, "cpu: open " + g.places[0].mount + "/harpoon/cgroup.subtree_control: no such file or directory"},
	} {
		got := ""
		err := g.check(tt.need)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || (err != nil) != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("check(%+v) = %q, want %q", tt.need, got, tt.want)
		}
	}
}

// A hierarchy without controllers, as the v2 one of a hybrid host.
func TestEnableNoController(t *testing.T) {
	h := host(t, V2)
	if h.has("memory") {
		return // this is about a hierarchy without: a hybrid host's
	}
	_, err := h.Create(testParent, "needy", testOwner, Limits{Memory: 1 << 20})
	want := "cgroup " + testParent + "/needy: memory: write " +
		path.Join(h.hierarchies[0].mount, testParent, "cgroup.subtree_control") + ": no such file or directory (the cgroup above does not offer it)"
	if err == nil || err.Error() != want {
		t.Errorf("Create = %v, want %s", err, want)
	}
	g := create(t, h, Limits{})
	_, err = g.WatchOOM()
	if !errors.Is(err, ErrNoController) {
		t.Errorf("WatchOOM = %v, want %v", err, ErrNoController)
	}
	if _, err := g.OOMKills(); !errors.Is(err, ErrNoController) {
		t.Errorf("OOMKills = %v, want %v", err, ErrNoController)
	}
	var s Stats
	err = g.Stats(&s)
	for f := range fields { // cpu.stat and the pressure need no controller
		if _, ok := s.Get(f); ok && f != CPUTime && f < CPUSomeAvg10 {
			t.Errorf("Stats = %+v, %v, want the CPU time and the pressure", s, err)
		}
	}
	if _, ok := s.Get(CPUTime); !ok || err != nil {
		t.Errorf("Stats = %+v, %v, want the CPU time", s, err)
	}
}
