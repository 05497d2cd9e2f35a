package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

const (
	// cgroupPrefix begins the name of the bench's directory, which is also that
	// of the cgroup under which everybody has his own.
	cgroupPrefix = "harpoon-bench-"
	// memoryLimit is what each container gets, in bytes.
	memoryLimit = 256 << 20
	// containerdRun is where containerd-shim has its sockets, whatever it is told.
	containerdRun = "/run/containerd"
)

// world is where the measurements take place.
type world struct {
	dir         string // of the bench; everything is below it
	parent      string // the cgroup of all containers, with a slash before it
	v2          bool
	hierarchies []hierarchy // those that a lean container enters
	settings    settings
	all         []subject // see subjects
	containers  int       // so many have been named
}

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
	table, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, err
	}
	var list []hierarchy
	for _, m := range table {
		list = append(list, hierarchy{mount: m.Mountpoint, controllers: m.VFSOptions, v2: m.FSType == "cgroup2"})
	}
	return list, nil
}

// enter makes the world inside the namespaces: mounts of our own, and v1 alone
// where there is both, because crun 1.8 refuses the hybrid layout.
func enter(dir string) (*world, error) {
	w := &world{dir: dir, parent: "/" + filepath.Base(dir)}
	text, err := os.ReadFile(w.path("settings.json"))
	if err == nil {
		err = json.Unmarshal(text, &w.settings)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"tmpfs", containerdRun, "tmpfs", unix.MS_NOSUID | unix.MS_NODEV},
	} {
		if err := unix.Mount(m.source, m.target, m.fstype, m.flags, ""); err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := w.chooseHierarchies(); err != nil {
		return nil, err
	}
	return w, w.makeParent()
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
			if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory +cpu +pids"), 0); err != nil {
				return err
			}
		}
	}
	return nil
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
	for _, h := range all {
		switch {
		case !h.v2:
		case len(w.hierarchies) == 0:
			w.hierarchies, w.v2 = []hierarchy{h}, true
			return nil
		default:
			if err := unix.Unmount(h.mount, unix.MNT_DETACH); err != nil {
				return fmt.Errorf("unmount %s: %w", h.mount, err)
			}
		}
	}
	if len(w.hierarchies) == 0 {
		return fmt.Errorf("no cgroup hierarchy is mounted")
	}
	return nil
}

// path is a path below the bench's directory. What a container had there stays until
// the end: on ext4 a file takes the longer to make, for everybody, the more have been
// removed in the last minutes (recently_deleted in fs/ext4/ialloc.c).
func (w *world) path(names ...string) string {
	return filepath.Join(append([]string{w.dir}, names...)...)
}

// bin is a program that the bench has built or copied.
func (w *world) bin(name string) string { return w.path("bin", name) }

// cgroups are the directories of a container's cgroup.
func (w *world) cgroups(id string) []string {
	var list []string
	for _, h := range w.hierarchies {
		list = append(list, filepath.Join(h.mount, w.parent, id))
	}
	return list
}

// limitFile is the file for the memory limit of a container.
func (w *world) limitFile(id string) string {
	if w.v2 {
		return filepath.Join(w.hierarchies[0].mount, w.parent, id, "memory.max")
	}
	for _, h := range w.hierarchies {
		if h.has("memory") {
			return filepath.Join(h.mount, w.parent, id, "memory.limit_in_bytes")
		}
	}
	return os.DevNull
}
