package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// container is a run directory, as an agent makes it.
type container struct {
	name   string
	dir    string // the run directory
	id     string
	parent string // of the cgroup
	stale  bool   // there was a socket before the last start
}

// agentJSON returns the text of an agent.json: the fields of the literal, and
// the restart policy "no" if it names none.
func agentJSON(literal string) ([]byte, error) {
	config := map[string]any{"restart": "no"}
	if literal != "" {
		if err := json.Unmarshal([]byte(literal), &config); err != nil {
			return nil, err
		}
	}
	return json.Marshal(config)
}

// newContainer makes a run directory with a rootfs that holds the workload and
// nothing else, as most do.
func newContainer(dir, id, literal string) (*container, error) {
	c := &container{name: filepath.Base(dir), dir: dir, id: bench.prefix + id, parent: bench.parent}
	config, err := agentJSON(literal)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.json"), config, 0o600); err != nil {
		return nil, err
	}
	return c, makeRootfs(filepath.Join(dir, "rootfs"))
}

// makeRootfs makes a rootfs with the workload, and with the given directories.
func makeRootfs(rootfs string, dirs ...string) error {
	for _, dir := range append([]string{"/bin"}, dirs...) {
		if err := os.MkdirAll(filepath.Join(rootfs, dir), 0o755); err != nil {
			return err
		}
	}
	return os.Link(bench.workload, filepath.Join(rootfs, "bin/workload"))
}

// useHost adds the host's programs to an agent.json, as volumes: now and then a
// test needs one that is not written in Go. They find their libraries there, too.
func (c *container) useHost() error {
	path := filepath.Join(c.dir, "agent.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	volumes := map[string]string{}
	for _, dir := range []string{"/usr", "/lib", "/lib64"} {
		if _, err := os.Stat(dir); err == nil {
			volumes[dir] = dir
		}
	}
	config["storage"] = map[string]any{"volumes": volumes}
	if text, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// leftovers returns what a supervisor that has ended should have removed. A
// run directory that is gone holds nothing.
func (c *container) leftovers() error {
	var errs []error
	for _, name := range []string{"control", ".control.new", ".container.json.new"} {
		if _, err := os.Lstat(filepath.Join(c.dir, name)); err == nil {
			errs = append(errs, fmt.Errorf("%s is left", name))
		}
	}
	for _, dir := range c.cgroup() {
		errs = append(errs, fmt.Errorf("cgroup %s is left", dir))
	}
	mounts, err := lines("/proc/self/mountinfo")
	for _, mount := range mounts {
		if strings.Contains(mount, " "+c.dir+"/") {
			errs = append(errs, fmt.Errorf("mount is left: %s", mount))
		}
	}
	if pids := c.processes(); len(pids) > 0 {
		errs = append(errs, fmt.Errorf("processes are left: %q", pids))
	}
	return errors.Join(append(errs, err)...)
}
