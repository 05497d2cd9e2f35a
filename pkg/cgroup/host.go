package cgroup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Version says which kind of hierarchy a host offers.
type Version int

const (
	// V1 has several hierarchies, with one controller or more each. A hybrid
	// host is V1: its controllers are.
	V1 Version = 1
	// V2 has one hierarchy with all controllers.
	V2 Version = 2
)

// The controllers that are used, the first hierarchy first: the group is locked
// and marked there.
var (
	controllersV1 = []string{"memory", "cpu", "cpuacct", "pids", "blkio", "freezer"}
	controllersV2 = []string{"memory", "cpu", "pids", "io"}
)

// A Host is what the host offers. It does not change, and is safe for
// concurrent use.
type Host struct {
	version     Version
	hierarchies []hierarchy
	self        string // ownCgroup

	// Evicting is called before processes of a predecessor are killed, with how many there
	// are, unless it is nil.
	Evicting func(processes int)
}

// A hierarchy is one that has a controller of ours; on v2 the only one.
type hierarchy struct {
	mount string // where it is mounted
	// root is the cgroup that is seen there, as /proc/PID/mountinfo names it, or ""
	// if that has not been looked up.
	root        string
	controllers []string // of ours; on v2 none: what is there is seen in each group
}

// name names a hierarchy: by the first of its controllers.
func (h hierarchy) name() string {
	if len(h.controllers) == 0 {
		return "unified"
	}
	return h.controllers[0]
}

// usualDir is where distributions mount cgroups: v2 itself, or a hierarchy of v1 for
// each controller, by its name or with a link of that name (cgroups(7)).
const usualDir = "/sys/fs/cgroup"

// Unified reports whether the host has cgroup v2 alone, in the usual place. It is
// one system call, for who must know before there is time for Detect.
func Unified() bool { return cgroups.Mode() == cgroups.Unified }

// Detect finds the host's hierarchies: in the usual places, if each is in its own, or
// else by the caller's mount table. That takes the longer the more is mounted on a
// host, for each container perhaps. It is an error if there is none.
func Detect() (*Host, error) {
	if Unified() {
		return &Host{version: V2, hierarchies: []hierarchy{{mount: usualDir}}, self: ownCgroup}, nil
	}
	if h := usual(usualDir); h != nil {
		return h, nil
	}
	return lookUp(eitherVersion...)
}

// usual returns the host's hierarchies if all v1 controllers are in their usual places
// below dir, or else nil.
func usual(dir string) *Host {
	h := &Host{version: V1, self: ownCgroup, hierarchies: make([]hierarchy, 0, len(controllersV1))}
	mounts := map[uint64]string{} // by device number: each hierarchy has its own
	for _, name := range controllersV1 {
		mount := path.Join(dir, name)
		var st unix.Stat_t
		var fs unix.Statfs_t
		if unix.Stat(mount, &st) != nil || unix.Statfs(mount, &fs) != nil || fs.Type != unix.CGROUP_SUPER_MAGIC {
			return nil
		}
		if same, found := mounts[st.Dev]; found {
			mount = same
		}
		mounts[st.Dev] = mount
		if name != "blkio" || accountsIO(mount) {
			h.add(mount, "", name)
		}
	}
	return h
}

// Types of filesystems, as in the mount table.
const (
	typeV1 = "cgroup"
	typeV2 = "cgroup2"
)

var eitherVersion = []string{typeV1, typeV2}

// lookUp finds the hierarchies that are of these types in the caller's mount table
// (proc(5), /proc/PID/mountinfo).
func lookUp(types ...string) (*Host, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	defer f.Close()
	h, err := detect(f, types, visible)
	if err != nil {
		return nil, fmt.Errorf("detect cgroups: %w", err)
	}
	return h, nil
}

// visible reports whether the mount is what one finds at its mount point: in a
// container the host's may have been mounted over. Each hierarchy has a device
// number of its own.
func visible(m *mountinfo.Info) bool {
	var st unix.Stat_t
	err := unix.Stat(m.Mountpoint, &st)
	return err == nil && st.Dev == unix.Mkdev(uint32(m.Major), uint32(m.Minor))
}

// ownCgroup says which cgroup the caller is in, in each hierarchy.
const ownCgroup = "/proc/self/cgroup"

var errNoHierarchy = errors.New("no hierarchy is mounted")

func detect(table io.Reader, types []string, visible func(*mountinfo.Info) bool) (*Host, error) {
	mounts, err := mountinfo.GetMountsFromReader(table, mountinfo.FSTypeFilter(types...))
	if err != nil {
		return nil, err
	}
	mounts = slices.DeleteFunc(mounts, func(m *mountinfo.Info) bool { return !visible(m) })
	// Where a hierarchy is mounted twice, the mount that shows all of it.
	slices.SortStableFunc(mounts, func(a, b *mountinfo.Info) int { return partial(a) - partial(b) })

	h := &Host{version: V1, self: ownCgroup}
	for _, name := range controllersV1 {
		i := slices.IndexFunc(mounts, func(m *mountinfo.Info) bool {
			return m.FSType == typeV1 && slices.Contains(strings.Split(m.VFSOptions, ","), name)
		})
		if i >= 0 && (name != "blkio" || accountsIO(mounts[i].Mountpoint)) {
			h.add(mounts[i].Mountpoint, mounts[i].Root, name)
		}
	}
	if len(h.hierarchies) > 0 {
		return h, nil
	}
	h.version = V2
	i := slices.IndexFunc(mounts, func(m *mountinfo.Info) bool { return m.FSType == typeV2 })
	if i < 0 {
		return nil, errNoHierarchy
	}
	h.hierarchies = []hierarchy{{mount: mounts[i].Mountpoint, root: mounts[i].Root}}
	return h, nil
}

// accountsIO reports whether the kernel counts what blkio would tell us: from
// Linux 6.9 on it does so only for devices that somebody has throttled. The group
// at the top has done input and output for sure. Where nothing is counted, a
// hierarchy more would only cost time at each start.
func accountsIO(mount string) bool {
	text, err := os.ReadFile(path.Join(mount, ioServiced))
	_, counted := operations(text, "Read")
	return err == nil && counted
}

func partial(m *mountinfo.Info) int {
	if m.Root == "/" {
		return 0
	}
	return 1
}

// add notes where a v1 controller is. Some are mounted together (cpu,cpuacct):
// they share directories and tasks files.
func (h *Host) add(mount, root, controller string) {
	for i := range h.hierarchies {
		if h.hierarchies[i].mount == mount {
			h.hierarchies[i].controllers = append(h.hierarchies[i].controllers, controller)
			return
		}
	}
	h.hierarchies = append(h.hierarchies, hierarchy{mount: mount, root: root, controllers: []string{controller}})
}

// Version returns V1 or V2.
func (h *Host) Version() Version { return h.version }
