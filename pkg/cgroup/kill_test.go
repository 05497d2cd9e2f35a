package cgroup

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// empty checks that no process is left, and none frozen.
func empty(t *testing.T, g *Group) {
	t.Helper()
	if procs, err := g.processes(); len(procs) > 0 || err != nil {
		t.Errorf("processes() = %v, %v, want none", procs, err)
	}
}

// killAll kills until nothing is left, as Remove does.
func (g *Group) killAll() error {
	for end := time.Now().Add(patience); ; <-time.After(firstPause) {
		late := time.Now().After(end) // before the look: a machine may stand still
		if err := g.kill(); err != nil {
			return err
		}
		procs, err := g.processes()
		if err != nil || len(procs) == 0 {
			return err
		}
		if late {
			return fmt.Errorf("%d processes left", len(procs))
		}
	}
}

func TestKill(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		if err := g.killAll(); err != nil {
			t.Errorf("killAll() of nothing = %v, want nil", err)
		}
		p := start(t, g, "family 5")
		if procs, err := g.processes(); len(procs) != 6 || err != nil {
			t.Fatalf("processes() = %v, %v, want 6", procs, err)
		}
		if err := g.killAll(); err != nil {
			t.Errorf("killAll() = %v, want nil", err)
		}
		empty(t, g)
		p.killed(t)
	})
}

// What dies is not held up by the CPU limit. Without the controller there is none.
func TestKillLiftsCPU(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		if !h.has("cpu") {
			if err := create(t, h, Limits{}).LiftCPU(); err != nil {
				t.Errorf("LiftCPU() = %v, want nil", err)
			}
			return
		}
		limits := Limits{CPU: 0.5}
		g := create(t, h, limits)
		if err := g.SetLimits(limits); err != nil {
			t.Fatal(err)
		}
		p := start(t, g, "block")
		if err := g.Kill(); err != nil {
			t.Error(err)
		}
		name, want := "cpu.cfs_quota_us", "-1"
		if h.version == V2 {
			name, want = "cpu.max", "max 100000"
		}
		file, err := g.file("cpu", name)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, file); got != want {
			t.Errorf("%s = %q after Kill(), want %q", name, got, want)
		}
		p.killed(t)
	})
}

// The way of kernels without cgroup.kill, and of v1.
func TestFreezeKillThaw(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		p := start(t, g, "family 100") // more than a batch
		written := watchFreezer(t, g)
		if err := g.freezeKillThaw(); err != nil {
			t.Errorf("freezeKillThaw() = %v, want nil", err)
		}
		if !written() {
			t.Error("freezeKillThaw() has not frozen: a process may fork away")
		}
		p.killed(t)
		if err := g.killAll(); err != nil { // waits for the children
			t.Error(err)
		}
		empty(t, g)
		thawed(t, g, "")
	})
}

// TestKillFewDescriptors: nobody is spared for want of descriptors.
func TestKillFewDescriptors(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		p := start(t, g, "family 100")
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		few := unix.Rlimit{Cur: uint64(len(descriptors()) + 2*spare), Max: limit.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
		err := g.freezeKillThaw()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatalf("freezeKillThaw() = %v, want nil", err)
		}
		for end := time.Now().Add(patience); ; <-time.After(lastPause) {
			late := time.Now().After(end)
			left, err := g.processes()
			if err != nil {
				t.Fatal(err)
			}
			if len(left) == 0 {
				break
			}
			if late {
				t.Fatalf("%d processes have been spared", len(left))
			}
		}
		p.killed(t)
	})
}

// A process that is not in the group is not hit, though its pid is asked for.
func TestSigkillRechecks(t *testing.T) {
	eachHost(t, func(t *testing.T, h *Host) {
		g := create(t, h, Limits{})
		other, err := h.Create(testParent, "other", testOwner, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Remove()
		in, out := start(t, g, "block"), start(t, other, "block")
		pids := map[int]struct{}{in.Process.Pid: {}, out.Process.Pid: {}, 0: {}, -1: {}}
		if err := g.sigkill(pids); err != nil {
			t.Errorf("sigkill = %v, want nil", err)
		}
		in.killed(t)
		out.released(t)
	})
}

// The caller in its own group survives, and is not frozen.
func TestKillSparesItself(t *testing.T) {
	h := host(t, V2)
	g := create(t, h, Limits{})
	own := path.Join(h.hierarchies[0].mount, ownV2(t), "cgroup.procs")
	if err := write(path.Join(g.places[0].dir(), "cgroup.procs"), "0"); err != nil {
		t.Fatal(err)
	}
	p := start(t, g, "block")
	err := g.kill()
	if e := write(own, "0"); e != nil {
		t.Fatal(e)
	}
	if err != nil {
		t.Errorf("kill() = %v, want nil", err)
	}
	p.killed(t)
}

// ownV2 returns the test's own cgroup.
func ownV2(t *testing.T) string {
	t.Helper()
	_, own, _ := strings.Cut("\n"+text(t, "/proc/self/cgroup"), "\n0::")
	own, _, _ = strings.Cut(own, "\n")
	return own
}

// TestKillThreaded: a threaded cgroup below has no list of processes of its own. (Somebody
// on the host may have made one; version 2.)
func TestKillThreaded(t *testing.T) {
	h := host(t, V2)
	g := create(t, h, Limits{})
	p := start(t, g, "block")
	dir := path.Join(g.places[0].dir(), "threads")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write(path.Join(dir, "cgroup.type"), "threaded"); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(); err != nil {
		t.Fatalf("Kill() = %v, want nil", err)
	}
	p.killed(t)
	if err := g.Remove(); err != nil {
		t.Errorf("Remove() = %v, want nil", err)
	}
}
