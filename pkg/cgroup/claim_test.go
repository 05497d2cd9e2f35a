package cgroup

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestReclaim: the owner's own is ended and removed, whatever is in it.
func TestReclaim(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		id, p := abandon(t, h, testOwner)
		if err := h.Reclaim(testParent, id, testOwner); err != nil {
			t.Fatal(err)
		}
		p.killed(t)
		for _, hi := range h.hierarchies {
			if dir := path.Join(hi.mount, testParent, id); exists(dir) {
				t.Errorf("%s is still there", dir)
			}
		}
	})
}

// TestReclaimAwaitsLock: a child of a supervisor that was killed has the lock for a moment
// longer. One try of five is enough, as the patience is short.
func TestReclaimAwaitsLock(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		id, p := abandon(t, h, testOwner)
		for try := 1; ; try++ {
			fd, err := unix.Open(path.Join(h.hierarchies[0].mount, testParent, id), dirFlags, 0)
			if err == nil {
				err = unix.Flock(fd, unix.LOCK_EX)
			}
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			time.AfterFunc(2*time.Millisecond, func() { ended <- unix.Close(fd) })
			err = h.Reclaim(testParent, id, testOwner)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if err == nil {
				break
			}
			if try == 5 {
				t.Fatalf("Reclaim = %v, want nil", err)
			}
		}
		p.killed(t)
	})
}

// TestReclaimLeavesAlone: what is another's, and nothing is made.
func TestReclaimLeavesAlone(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		top := h.hierarchies[0].mount
		id, p := abandon(t, h, Owner{Dev: 1, Ino: 3})
		held, err := h.Create(testParent, "held", testOwner, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		unmarked := path.Join(top, testParent, "unmarked")
		if err := os.Mkdir(unmarked, 0o755); err != nil {
			t.Fatal(err)
		}
		defer unix.Rmdir(unmarked)
		for _, name := range []struct{ parent, id string }{
			{testParent, id}, {testParent, "held"}, {testParent, "unmarked"},
			{testParent + "/none", "none"}, {testParent + "/cgroup.procs", "x"}, {testParent + "/" + strings.Repeat("x/", 3000), "x"},
			{"relative", "x"}, {testParent, ".."}, {testParent, "x\x00"}, {"", ""},
		} {
			var want error
			if name.id == "held" {
				want = ErrInUse
			}
			if err := h.Reclaim(name.parent, name.id, testOwner); !errors.Is(err, want) {
				t.Errorf("Reclaim(%.60q, %q) = %v, want %v", name.parent, name.id, err, want)
			}
		}
		if !exists(unmarked) || !exists(path.Join(top, held.path())) || exists(path.Join(top, testParent, "none")) {
			t.Error("one that is not ours was removed, or one was made")
		}
		if err := held.Remove(); err != nil {
			t.Error(err)
		}
		p.released(t)
	})
}

// TestReclaimSelf: of the caller's own cgroup on v2 as well nothing is made, and nobody
// is moved. What cannot be found out is an error.
func TestReclaimSelf(t *testing.T) {
	dir := t.TempDir()
	h := &Host{version: V2, self: path.Join(dir, "self"), hierarchies: []hierarchy{{mount: dir, root: "/"}}}
	if err := h.Reclaim(Self, "x", testOwner); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reclaim() = %v where the own cgroup cannot be read", err)
	}
	for name, text := range map[string]string{"self": "0::/own\n", "own/cgroup.type": "domain\n"} {
		if err := os.MkdirAll(path.Join(dir, path.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Reclaim(Self, "x", testOwner); err != nil || exists(path.Join(dir, "own", leaf)) {
		t.Errorf("Reclaim() = %v, or a leaf was made", err)
	}
}

// TestReclaimOwn: what Self was is found by what Own has told, but in a hierarchy where
// another cgroup has been named instead, that one is left alone.
func TestReclaimOwn(t *testing.T) {
	h := host(t, V1)
	id := path.Base(testParent) // others run this test, too
	g, err := h.Create(Self, id, testOwner, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, g, "block")
	g.close()
	own, err := h.Own()
	if err != nil {
		t.Fatal(err)
	}
	last := h.hierarchies[len(h.hierarchies)-1]
	t.Cleanup(func() { // after the other's end, which may be below it
		if err := removeTree(path.Join(last.mount, own[last.name()], id)); err != nil {
			t.Error(err)
		}
		for _, hi := range h.hierarchies {
			if dir := path.Join(hi.mount, own[hi.name()], id); exists(dir) {
				t.Errorf("%s is still there", dir)
			}
		}
	})
	other := path.Join(last.mount, testParent, id)
	stranger := occupy(t, other)
	forged := maps.Clone(own)
	forged[last.name()] = testParent
	elsewhere := *h
	elsewhere.self = "/none"
	if err := elsewhere.ReclaimOwn(forged, id, testOwner); err != nil {
		t.Error(err)
	}
	p.killed(t)
	if procs := text(t, path.Join(other, "cgroup.procs")); procs != stranger {
		t.Errorf("in the other cgroup there is %q, want the process that was there", procs)
	}
}

// Who is refused for what is in another hierarchy than the first leaves nothing in that.
func TestCreateRefused(t *testing.T) {
	h := host(t, V1)
	id := t.Name()
	occupy(t, path.Join(h.hierarchies[len(h.hierarchies)-1].mount, testParent, id))
	if _, err := h.Create(testParent, id, testOwner, Limits{}); !errors.Is(err, ErrNotOurs) {
		t.Errorf("Create = %v, want %v", err, ErrNotOurs)
	}
	first := path.Join(h.hierarchies[0].mount, testParent, id)
	if exists(first) {
		t.Errorf("%s is left", first)
	}
}

// occupy puts a process of somebody else's into a cgroup, which is made, until the
// end of the test. It returns its number.
func occupy(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleeper.Process.Kill() // it lives
		_ = sleeper.Wait()         // killed
		if err := removeTree(dir); err != nil {
			t.Error(err)
		}
	})
	pid := strconv.Itoa(sleeper.Process.Pid)
	if err := write(path.Join(dir, "cgroup.procs"), pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestCreateAwaitsDying: the processes of another may be dying, with a supervisor that was
// killed just now. (Reclaim kills them here, which also shows that the group is not locked
// meanwhile, but while they die: it does so between two looks.)
func TestCreateAwaitsDying(t *testing.T) {
	createsAfter(t, func(t *testing.T, h *Host) (id string, end func() error) {
		other := Owner{Dev: 1, Ino: 3}
		id, p := abandon(t, h, other)
		t.Cleanup(func() {
			_ = p.Process.Kill() // if Reclaim has not
			p.killed(t)
		})
		return id, func() error { return h.Reclaim(testParent, id, other) }
	})
}

// TestCreateAwaitsLock: a child of a supervisor that was killed has the lock until it
// executes.
func TestCreateAwaitsLock(t *testing.T) {
	createsAfter(t, func(t *testing.T, h *Host) (id string, end func() error) {
		g := create(t, h, Limits{})
		return path.Base(g.path()), g.Remove
	})
}

// createsAfter makes the group that take has taken, and whose end comes meanwhile. One
// try of five is enough, as the patience is short.
func createsAfter(t *testing.T, take func(*testing.T, *Host) (id string, end func() error)) {
	eachHost(t, func(t *testing.T, h *Host) {
		for try := 1; ; try++ {
			id, end := take(t, h)
			ended := make(chan error, 1)
			time.AfterFunc(270*time.Millisecond, func() { ended <- end() })
			g, err := h.Create(testParent, id, testOwner, Limits{})
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if err == nil {
				if err := g.Remove(); err != nil {
					t.Error(err)
				}
				return
			}
			if try == 5 {
				t.Fatalf("Create = %v, want nil", err)
			}
		}
	})
}
