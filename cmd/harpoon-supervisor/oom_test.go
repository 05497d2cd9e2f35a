package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestOOM: a command that was killed for memory is told as such, each time, with
// everything on one CPU: the supervisor, the command and the kernel's killer
// then take turns instead of overlapping. A child of it is killed just before, in
// every other run, which must not be mistaken for anything.
func TestOOM(t *testing.T) {
	needRoot(t)
	parent, via := onOneCPU(t)
	const atOnce = 4
	n := (manyRounds(1000, 48) + atOnce - 1) / atOnce
	repeat(t, atOnce, atOnce, func(i int) error {
		c, err := aContainer(t, i, `{"restart": "always", "restart_backoff": {"initial": "0", "max": "0"}, "resources": {"mem": 16}}`)
		if err != nil {
			return err
		}
		c.parent = parent
		command := []string{"/bin/workload", "eat", "64"}
		if i%2 == 1 {
			command = []string{"/bin/workload", "eat-child", "64", "then", "eat", "64"}
		}
		s, client, err := c.startAndDial(launch{via: via, command: command})
		if err != nil {
			return err
		}
		defer s.destroy()
		if err := client.oomed(n); err != nil {
			return err
		}
		return s.exit(client)
	})
	t.Logf("measured: %d of %d runs told as out of memory", n*atOnce, n*atOnce)
}

// oomed follows a container until so many runs have ended, for memory each, and
// stops it.
func (s *stream) oomed(runs int) error {
	for {
		state, err := s.next(patience)
		if err != nil {
			return err
		}
		if state.has("err") {
			return fmt.Errorf("%v", state)
		}
		if state.at("up") == true {
			continue
		}
		ended := state.count("restarts") + 1
		if err := state.meets([]string{"container_exit_status.oomed=true", "ooms=" + strconv.FormatUint(ended, 10)}); err != nil {
			return err
		}
		if ended < uint64(runs) || state.final() {
			continue
		}
		if err := s.command("stop"); err != nil {
			return err
		}
		_, err = s.finalState()
		return err
	}
}

// onOneCPU makes a parent of cgroups that has one CPU, and returns it with what
// brings a supervisor to the same one.
func onOneCPU(t *testing.T) (parent string, via []string) {
	t.Helper()
	parent = bench.parent + "/one-cpu"
	for _, mount := range cgroupMounts() {
		top, dir := filepath.Join(mount, bench.parent), filepath.Join(mount, parent)
		switch {
		case present(mount, "cpuset.effective_mems"): // v1, where a new one has no CPU
			for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
				all, err := os.ReadFile(filepath.Join(mount, name))
				if err != nil {
					t.Fatal(err)
				}
				put(t, top, name, string(all)) // other tests use it, too
				put(t, dir, name, "0")
			}
			return parent, []string{"sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, dir}
		case present(mount, "cpuset.cpus.effective"): // v2
			put(t, top, "cgroup.subtree_control", "+cpuset")
			put(t, dir, "cpuset.cpus", "0")
			return parent, []string{"taskset", "1"}
		}
	}
	t.Fatal("no cpuset")
	return "", nil
}

func present(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// put writes to a file of a cgroup, which is made if need be.
func put(t *testing.T, dir, name, value string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}
