package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// hierarchy is a mounted cgroup hierarchy.
type hierarchy struct {
	mount       string
	controllers string // the options of its superblock, on v1
	v2          bool
}

// has reports whether a v1 hierarchy has the controller.
func (h hierarchy) has(controller string) bool {
	return slices.Contains(strings.Split(h.controllers, ","), controller)
}

// findHierarchies lists what is mounted.
func findHierarchies() ([]hierarchy, error) {
	mounts, err := cgroupMounts()
	return hierarchiesOf(mounts), err
}

// cgroupMounts are the cgroup mounts that can be reached: others are mounted over.
func cgroupMounts() ([]*mountinfo.Info, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	return slices.DeleteFunc(mounts, func(m *mountinfo.Info) bool { return !visible(m) }), err
}

// visible reports whether the mount is what one finds at its mount point.
func visible(m *mountinfo.Info) bool {
	var st unix.Stat_t
	err := unix.Stat(m.Mountpoint, &st)
	return err == nil && st.Dev == device(m)
}

// device is the number of the mount's superblock: each hierarchy has its own.
func device(m *mountinfo.Info) uint64 { return unix.Mkdev(uint32(m.Major), uint32(m.Minor)) }

// hierarchiesOf takes one mount of each hierarchy, one that shows all of it if there is
// any.
func hierarchiesOf(mounts []*mountinfo.Info) []hierarchy {
	var list []hierarchy
	seen := map[uint64]bool{}
	for _, whole := range []bool{true, false} {
		for _, m := range mounts {
			if (m.Root == "/") == whole && !seen[device(m)] {
				seen[device(m)] = true
				list = append(list, hierarchy{mount: m.Mountpoint, controllers: m.VFSOptions, v2: m.FSType == "cgroup2"})
			}
		}
	}
	return list
}

// makeParent makes the cgroup in which all have theirs.
func (w *world) makeParent() error {
	for _, h := range w.hierarchies {
		if err := os.Mkdir(filepath.Join(h.mount, w.parent), 0o755); err != nil {
			return err
		}
		if !h.v2 {
			continue
		}
		for _, dir := range []string{h.mount, filepath.Join(h.mount, w.parent)} {
			if err := delegate(dir, "+memory", "+cpu", "+pids"); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegate gives controllers to the cgroups below, or takes them back (kernel document
// cgroup-v2.rst, "Enabling and Disabling").
func delegate(dir string, changes ...string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(strings.Join(changes, " ")), 0)
}

// delegated are the controllers that the cgroups below have; there is no such list on v1.
func delegated(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(text)), err
}

// withdraw takes back what makeParent has given to the cgroups at the top of a
// hierarchy and they did not have before. Where there are others, they may use it by
// now: their limits would go with it.
func withdraw(mount string, before []string) error {
	have, err := delegated(mount)
	if err != nil {
		return err
	}
	var changes []string
	for _, controller := range []string{"memory", "cpu", "pids"} {
		if slices.Contains(have, controller) && !slices.Contains(before, controller) {
			changes = append(changes, "-"+controller)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	entries, err := os.ReadDir(mount)
	if err != nil || slices.ContainsFunc(entries, os.DirEntry.IsDir) {
		return err
	}
	return delegate(mount, changes...)
}

// chooseHierarchies finds those of memory, cpu and pids, or the one of v2.
func (w *world) chooseHierarchies() error {
	all, err := findHierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		if !h.v2 && slices.ContainsFunc([]string{"memory", "cpu", "cpuacct", "pids"}, h.has) {
			w.hierarchies = append(w.hierarchies, h)
		}
	}
	if len(w.hierarchies) > 0 {
		return hideV2()
	}
	i := slices.IndexFunc(all, func(h hierarchy) bool { return h.v2 })
	if i < 0 {
		return errors.New("no cgroup hierarchy is mounted")
	}
	w.hierarchies, w.v2 = all[i:i+1], true
	return nil
}

// hideV2 unmounts v2, wherever it is.
func hideV2() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", m.Mountpoint, err)
		}
	}
	return nil
}

// noteCgroups returns what removes the cgroup of this name, with all below it, in every
// hierarchy, and leaves the hierarchies as they are now.
func noteCgroups(name string) (restore func() error, err error) {
	hierarchies, err := findHierarchies()
	if err != nil {
		return nil, err
	}
	before := map[string][]string{} // by mount
	for _, h := range hierarchies {
		if before[h.mount], err = delegated(h.mount); err != nil {
			return nil, err
		}
	}
	return func() error {
		var errs []error
		for _, h := range hierarchies {
			errs = append(errs, removeTree(filepath.Join(h.mount, name)), withdraw(h.mount, before[h.mount]))
		}
		return errors.Join(errs...)
	}, nil
}

// removeTree removes a cgroup from its leaves up. The kernel may still be at the
// end of a process that was killed.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, removeTree(filepath.Join(dir, entry.Name())))
		}
	}
	for begin := now(); ; time.Sleep(10 * time.Millisecond) {
		last := unix.Rmdir(dir)
		if last == nil || last == unix.ENOENT {
			return err
		}
		if since(begin) > patience {
			return errors.Join(err, fmt.Errorf("remove %s: %w", dir, last))
		}
	}
}
