package cgroup

import (
	"errors"
	"os"
	"path"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCreate(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g, err := h.Create(testParent, "a \xff:%", testOwner, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := g.path(), testParent+"/a \xff:%"; got != want {
			t.Errorf("path() = %q, want %q", got, want)
		}
		for _, p := range g.places {
			if !exists(p.dir() + "/cgroup.procs") {
				t.Errorf("%s is no cgroup", p.dir())
			}
		}
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
		for _, p := range g.places {
			if exists(p.dir()) {
				t.Errorf("%s is still there", p.dir())
			}
			if !exists(path.Dir(p.dir())) {
				t.Errorf("the parent of %s is gone", p.dir())
			}
		}
		if err := g.Remove(); err != nil {
			t.Errorf("Remove() again = %v, want nil", err)
		}
	})
}

func TestCreateInUse(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		_, err := h.Create(testParent, path.Base(g.path()), testOwner, Limits{})
		if want := "cgroup " + g.path() + ": in use"; !errors.Is(err, ErrInUse) || err.Error() != want {
			t.Errorf("Create = %v, want %s", err, want)
		}
		if err := g.SetLimits(Limits{}); err != nil || g.remains() != (h.version == V1 && len(g.places) > 1) {
			t.Errorf("the group has suffered: %v", err)
		}
	})
}

// abandon gives a group with a process in it up, as a supervisor that dies.
func abandon(t *testing.T, h *Host, owner Owner) (id string, p *process) {
	t.Helper()
	id = path.Base(strings.ReplaceAll(t.Name(), "/", "-"))
	g, err := h.Create(testParent, id, owner, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	p = start(t, g, "block")
	g.close()
	return id, p
}

func TestCreateTakesOver(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		id, p := abandon(t, h, testOwner)
		g, err := h.Create(testParent, id, testOwner, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		p.killed(t)
		if procs, err := g.processes(); len(procs) > 0 || err != nil {
			t.Errorf("processes() = %v, %v, want none, nil", procs, err)
		}
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
}

func TestCreateNotOurs(t *testing.T) {
	unmark := func(t *testing.T, dir string) {
		if err := unix.Removexattr(dir, markTrusted); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{"marked by another", func(*testing.T, string) {}},
		{"unmarked", unmark},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachHost(t, func(t *testing.T, h *Host) {
				id, p := abandon(t, h, Owner{Dev: 1, Ino: 3})
				tt.change(t, path.Join(h.hierarchies[0].mount, testParent, id))
				_, err := h.Create(testParent, id, testOwner, Limits{})
				want := "cgroup " + testParent + "/" + id + ": not ours: 1 processes"
				if !errors.Is(err, ErrNotOurs) || err.Error() != want {
					t.Errorf("Create = %v, want %s", err, want)
				}
				p.released(t)
			})
		})
	}
}

// What is empty is made anew, whoever made it: the inode is another, so counters,
// limits and sub-cgroups are.
func TestCreateReplacesEmpty(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		id := path.Base(strings.ReplaceAll(t.Name(), "/", "-"))
		stale := map[string]uint64{}
		for _, hi := range h.hierarchies {
			dir := path.Join(hi.mount, testParent, id)
			if err := os.MkdirAll(path.Join(dir, "nested", "deeper"), 0o755); err != nil {
				t.Fatal(err)
			}
			stale[dir] = inode(t, dir)
		}
		g := create(t, h, Limits{})
		if g.path() != testParent+"/"+id {
			t.Fatalf("path() = %q, want the stale one's", g.path())
		}
		for dir, ino := range stale {
			if inode(t, dir) == ino || exists(path.Join(dir, "nested")) {
				t.Errorf("%s is the stale one", dir)
			}
		}
	})
}

// Only remains in a later hierarchy: as after a crash in the midst of Remove.
func TestCreateReplacesRemains(t *testing.T) {
	h := host(t, V1)
	if len(h.hierarchies) < 2 {
		t.Skip("one hierarchy")
	}
	dir := path.Join(h.hierarchies[1].mount, testParent, t.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stale := inode(t, dir)
	create(t, h, Limits{})
	if inode(t, dir) == stale {
		t.Errorf("%s is the stale one", dir)
	}
}

func TestCreateNotADirectory(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		parent := path.Dir(create(t, h, Limits{}).path())
		_, err := h.Create(parent+"/cgroup.procs", "x", testOwner, Limits{})
		if !errors.Is(err, unix.ENOTDIR) || !strings.HasPrefix(err.Error(), "cgroup "+parent+"/cgroup.procs/x: mkdir ") {
			t.Errorf("Create = %v, want a mkdir error of the group: not a directory", err)
		}
	})
}

// A later hierarchy that cannot be had takes the first one with it.
func TestCreateUndoes(t *testing.T) {
	h := *host(t, V1)
	h.hierarchies = []hierarchy{h.hierarchies[0], {"/proc/self", "/", []string{"pids"}}}
	if _, err := h.Create(testParent, "undone", testOwner, Limits{}); err == nil {
		t.Error("Create = nil, want an error")
	}
	if dir := path.Join(h.hierarchies[0].mount, testParent, "undone"); exists(dir) {
		t.Errorf("%s is still there", dir)
	}
}

// Controllers that are mounted together share the directory and its tasks file.
func TestCreateMountedTogether(t *testing.T) {
	h := *host(t, V1)
	together := h.hierarchies[0]
	together.controllers = []string{"memory", "pids"} // the second is a pretence
	h.hierarchies = []hierarchy{together}
	g := create(t, &h, Limits{Memory: 1 << 30})
	if len(g.places) != 1 || len(g.Tasks()) != 1 {
		t.Errorf("%d places, %d tasks files, want 1, 1", len(g.places), len(g.Tasks()))
	}
	if err := g.SetLimits(Limits{Memory: 1 << 30}); err != nil {
		t.Error(err)
	}
}

func TestCreateNeedsController(t *testing.T) {
	h := *host(t, V1)
	h.hierarchies = h.hierarchies[:1]
	if h.hierarchies[0].controllers[0] != "memory" || len(h.hierarchies[0].controllers) > 1 {
		t.Skip("memory is not a hierarchy of its own")
	}
	_, err := h.Create(testParent, "needy", testOwner, Limits{CPU: 1})
	want := "cgroup " + testParent + "/needy: cpu: no such controller"
	if !errors.Is(err, ErrNoController) || err.Error() != want {
		t.Errorf("Create = %v, want %s", err, want)
	}
	if dir := path.Join(h.hierarchies[0].mount, testParent, "needy"); exists(dir) {
		t.Errorf("%s is still there", dir)
	}
	create(t, &h, Limits{Memory: 1 << 30})
}

func TestCreateBadID(t *testing.T) {
	_, err := (&Host{}).Create("/harpoon", "..", testOwner, Limits{})
	if want := `cgroup: ID ".." is not a name`; err == nil || err.Error() != want {
		t.Errorf("Create = %v, want %s", err, want)
	}
}

func inode(t testing.TB, name string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func BenchmarkCreateRemove(b *testing.B) {
	h := host(b, V1)
	b.ReportAllocs()
	for b.Loop() {
		g, err := h.Create(testParent, "bench", testOwner, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := g.Remove(); err != nil {
			b.Fatal(err)
		}
	}
}

// The floor of BenchmarkCreateRemove: the same directories and nothing else.
func BenchmarkMkdirRmdir(b *testing.B) {
	h := host(b, V1)
	g, err := h.Create(testParent, "bench", testOwner, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Remove(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range g.places {
			if err := unix.Mkdir(p.dir(), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := g.removeDirs(); err != nil {
			b.Fatal(err)
		}
	}
}
