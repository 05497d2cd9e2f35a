package cgroup

import (
	"os"
	"path"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// watchFreezer returns a function that reports whether the group has been frozen or thawed
// since, by inotify(7).
func watchFreezer(t *testing.T, g *Group) func() bool {
	t.Helper()
	dir, ok := g.freezerDir()
	if !ok {
		return func() bool { return true }
	}
	name := "freezer.state"
	if g.version == V2 {
		name = "cgroup.freeze"
	}
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(watch) })
	if _, err := unix.InotifyAddWatch(watch, path.Join(dir, name), unix.IN_MODIFY); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		n, _ := unix.Read(watch, make([]byte, 4096)) // EAGAIN
		return n > 0
	}
}

func thawed(t *testing.T, g *Group, sub string) {
	t.Helper()
	dir, ok := g.freezerDir()
	if !ok {
		t.Skip("no freezer")
	}
	own := "freezer.self_freezing"
	if g.version == V2 {
		own = "cgroup.freeze"
	}
	if got := text(t, path.Join(dir, sub, own)); got != "0" {
		t.Errorf("%s%s: %s = %s, want 0", g.path(), sub, own, got)
	}
}

// nest makes a sub-cgroup two levels down in each hierarchy and moves the
// process there.
func nest(t *testing.T, g *Group, p *process) {
	t.Helper()
	for _, place := range g.places {
		dir := path.Join(place.dir(), "a/b")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := write(path.Join(dir, "cgroup.procs"), strconv.Itoa(p.Process.Pid)); err != nil {
			t.Fatal(err)
		}
	}
}

// freezeSub freezes a sub-cgroup of the group.
func freezeSub(t *testing.T, g *Group, sub string) {
	t.Helper()
	inner := *g.at(sub)
	if err := inner.freeze(); err != nil {
		t.Fatal(err)
	}
}

// at returns the group as if it were its sub-cgroup.
func (g *Group) at(sub string) *Group {
	inner := &Group{version: g.version}
	for _, p := range g.places {
		p.group = path.Join(p.group, sub)
		inner.places = append(inner.places, p)
	}
	return inner
}

func TestKillFrozen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frozen []string
	}{
		{"the group", []string{""}},
		{"a nested one", []string{"a/b"}},
		{"all", []string{"", "a", "a/b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachHost(t, func(t *testing.T, h *Host) {
				g := create(t, h, Limits{})
				p := start(t, g, "block")
				nest(t, g, p)
				q := start(t, g, "block")
				for _, sub := range tt.frozen {
					freezeSub(t, g, sub)
				}
				if err := g.killAll(); err != nil {
					t.Errorf("killAll() = %v, want nil", err)
				}
				empty(t, g)
				p.killed(t)
				q.killed(t)
			})
		})
	}
}

func TestThaw(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		p := start(t, g, "block")
		nest(t, g, p)
		for _, sub := range []string{"", "a", "a/b"} {
			freezeSub(t, g, sub)
		}
		if err := g.Thaw(); err != nil {
			t.Fatal(err)
		}
		for _, sub := range []string{"", "/a", "/a/b"} {
			thawed(t, g, sub)
		}
		p.released(t) // a frozen one would not see it
		if err := g.Thaw(); err != nil {
			t.Errorf("Thaw() of what is thawed = %v, want nil", err)
		}
	})
}
