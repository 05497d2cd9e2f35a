package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

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
