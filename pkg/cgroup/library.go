package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// makeV1 makes the directories of the places, parents included, and returns
// what writes their limits. Directories that exist are left as they are.
func makeV1(places []place) (cgroup1.Cgroup, error) {
	dirs := map[cgroup1.Name]string{}
	var subsystems []cgroup1.Subsystem
	for _, p := range places {
		for _, name := range p.controllers {
			dirs[cgroup1.Name(name)] = p.dir()
			subsystems = append(subsystems, subsystem(name))
		}
	}
	// The library takes a controller to be mounted under its own name in one
	// directory for all, and makes plain directories in the tmpfs there if it is
	// not. So it gets the list of those that are mounted; and as it joins root,
	// controller and path, a path that begins with ".." leads to where they are.
	locate := func(name cgroup1.Name) (string, error) {
		return path.Join("..", dirs[name]), fault("mkdir", string(name))
	}
	mounted := func() ([]cgroup1.Subsystem, error) { return subsystems, nil }
	return cgroup1.New(locate, &specs.LinuxResources{}, cgroup1.WithHierarchy(mounted))
}

func subsystem(controller string) cgroup1.Subsystem {
	switch controller {
	case "memory":
		return cgroup1.NewMemory("/")
	case "cpu":
		return cgroup1.NewCpu("/")
	}
	// The others' directories are all that the library has to do with: its pids
	// controller, without a limit to write, would make the directory once more.
	return cgroup1.NewNamed("/", cgroup1.Name(controller))
}

// makeV2 makes the directory, parents included, and returns what enables its
// controllers and writes its limits.
//
// With resources given the library would enable their controllers, all or none,
// and if that is refused remove the directory, even one that it has not made. So
// none are given.
func makeV2(p *place) (*cgroup2.Manager, error) {
	if err := fault("mkdir"); err != nil {
		return nil, err
	}
	return cgroup2.NewManager(p.from, strings.TrimPrefix(p.dir(), p.from), &cgroup2.Resources{})
}

// moveV2 makes the group below the directory from, and moves a process into it.
func moveV2(from, group string, pid int) error {
	m, err := cgroup2.NewManager(from, group, &cgroup2.Resources{})
	if err != nil {
		return plain(err)
	}
	return plain(m.AddProc(uint64(pid)))
}

// plain returns what the kernel refused, and for which file: the library's own
// words around it say no more. A file that is not there reads as a permission
// denied in a cgroup, as the library opens with O_CREAT what it writes.
func plain(err error) error {
	var cause *fs.PathError
	if !errors.As(err, &cause) {
		return err
	}
	if _, missing := os.Lstat(cause.Path); errors.Is(missing, fs.ErrNotExist) && cause.Op == "open" {
		return &fs.PathError{Op: cause.Op, Path: cause.Path, Err: missing.(*fs.PathError).Err}
	}
	return cause
}

// loadV2 is makeV2 for a directory that is there: it writes nothing.
func loadV2(p *place) (*cgroup2.Manager, error) {
	return cgroup2.Load(strings.TrimPrefix(p.dir(), p.from), cgroup2.WithMountpoint(p.from))
}
