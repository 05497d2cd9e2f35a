package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// cgroupMounts returns where the hierarchies are mounted, v1 and v2.
var cgroupMounts = sync.OnceValue(func() []string {
	table, _ := lines("/proc/self/mountinfo")
	var mounts []string
	for _, line := range table {
		mount, super, _ := strings.Cut(line, " - ")
		if kind := strings.Fields(super)[0]; kind == "cgroup" || kind == "cgroup2" {
			mounts = append(mounts, strings.Fields(mount)[4])
		}
	}
	return mounts
})

// ourCgroups returns the directories in all hierarchies that are named as the
// containers of this run of the tests.
func ourCgroups() ([]string, error) {
	var found []string
	for _, mount := range cgroupMounts() {
		for _, top := range []string{bench.parent, "/harpoon"} {
			err := filepath.WalkDir(filepath.Join(mount, top), func(path string, entry fs.DirEntry, err error) error {
				if os.IsNotExist(err) { // the top, or removed meanwhile
					return nil
				}
				if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), bench.prefix) {
					found = append(found, path)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// removeCgroups removes the parents, with what is left below them, and the
// default one if it was not there before.
func removeCgroups(before host) {
	tops := []string{bench.parent}
	if !before.harpoon {
		tops = append(tops, "/harpoon")
	}
	for _, mount := range cgroupMounts() {
		for _, top := range tops {
			removeTree(filepath.Join(mount, top))
		}
	}
}

// removeTree removes a cgroup and those below it, as far as they are empty. The
// files in them cannot be removed, and need not be.
func removeTree(top string) {
	var dirs []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	slices.Reverse(dirs)
	for _, dir := range dirs {
		_ = os.Remove(dir) // what is not empty is seen by the next look at the host
	}
}

// cgroup is the container's, in all hierarchies where it exists.
func (c *container) cgroup() []string {
	var dirs []string
	for _, mount := range cgroupMounts() {
		dir := filepath.Join(mount, c.parent, c.id)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// processes returns the processes in the container's cgroups.
func (c *container) processes() []string {
	var pids []string
	for _, dir := range c.cgroup() {
		text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // it may be gone
		for _, pid := range strings.Fields(string(text)) {
			if !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// cgroupFile reads the first of the files that is there: the names differ
// between v1 and v2.
func (c *container) cgroupFile(names ...string) (string, error) {
	for _, dir := range c.cgroup() {
		for _, name := range names {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				return string(text), nil
			}
		}
	}
	return "", fmt.Errorf("no %s in any of %q", strings.Join(names, " or "), c.cgroup())
}

// setFrozen freezes or thaws a cgroup, v1 or v2, and makes it first if need be.
func setFrozen(path string, frozen bool) error {
	var last error
	for _, mount := range cgroupMounts() {
		file, value := freezerFile(mount, frozen)
		if file == "" {
			continue
		}
		dir := filepath.Join(mount, path)
		if last = os.MkdirAll(dir, 0o755); last != nil {
			continue
		}
		if last = os.WriteFile(filepath.Join(dir, file), []byte(value), 0); last == nil {
			return nil
		}
	}
	return fmt.Errorf("freeze %s: %w", path, last)
}

// freezerFile returns what to write where in a hierarchy that can freeze, and
// in which the containers are.
func freezerFile(mount string, frozen bool) (file, value string) {
	_, noV2 := os.Stat(filepath.Join(mount, "cgroup.controllers"))
	controllers, _ := os.ReadFile(filepath.Join(mount, "cgroup.controllers"))
	switch {
	case filepath.Base(mount) == "freezer" && frozen:
		return "freezer.state", "FROZEN"
	case filepath.Base(mount) == "freezer":
		return "freezer.state", "THAWED"
	case noV2 == nil && strings.Contains(string(controllers), "memory") && frozen:
		return "cgroup.freeze", "1"
	case noV2 == nil && strings.Contains(string(controllers), "memory"):
		return "cgroup.freeze", "0"
	}
	return "", ""
}
