package cgroup

import (
	"os"
	"path"
	"strings"
	"time"
)

// settle is how long freezing waits for the processes to stand still. Those in
// an uninterruptible sleep never do; killing goes on without.
const settle = 10 * time.Millisecond

// Thaw thaws the group and every sub-cgroup: what is frozen on v1 does not see a
// SIGKILL before it is thawed. It costs the reading of one small file for each
// cgroup when nothing is frozen, and is no error when there is no freezer.
func (g *Group) Thaw() error {
	return g.wrap(g.thaw())
}

func (g *Group) thaw() error {
	dir, ok := g.freezerDir()
	if !ok {
		return nil
	}
	return walk(dir, g.thawOne)
}

// thawOne thaws one cgroup, if it is frozen by its own state. A parent that is
// frozen has been thawed before.
func (g *Group) thawOne(w *walker) error {
	own, state, thawed := "freezer.self_freezing", "freezer.state", "THAWED"
	if g.version == V2 {
		own, state, thawed = "cgroup.freeze", "cgroup.freeze", "0"
	}
	if text, err := w.read(own); err != nil || strings.HasPrefix(string(text), "0") {
		return err
	}
	return w.write(state, thawed)
}

// freeze freezes the group with all below it, as far as that is possible in
// time. Without a freezer it does nothing.
func (g *Group) freeze() error {
	dir, ok := g.freezerDir()
	if !ok {
		return nil
	}
	command, state, value, done := "freezer.state", "freezer.state", "FROZEN", "FROZEN"
	if g.version == V2 {
		command, state, value, done = "cgroup.freeze", "cgroup.events", "1", "frozen 1"
	}
	if err := write(path.Join(dir, command), value); err != nil {
		return present(err)
	}
	for end := time.Now().Add(settle); time.Now().Before(end); time.Sleep(settle / 50) {
		text, err := os.ReadFile(path.Join(dir, state))
		if err != nil {
			return present(err)
		}
		if strings.Contains(string(text), done) {
			return nil
		}
	}
	return nil
}

// freezerDir returns the directory with the freezer's files. Version 2 has them
// since Linux 5.2, whatever controllers are enabled.
func (g *Group) freezerDir() (string, bool) {
	name := "freezer.state"
	if g.version == V2 {
		name = "cgroup.freeze"
	}
	file, err := g.file("freezer", name)
	return path.Dir(file), err == nil && exists(file)
}
