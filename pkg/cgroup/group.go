package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// ErrInUse says that another supervisor, a live one, has the group.
	ErrInUse = errors.New("in use")
	// ErrNotOurs says that the group holds processes and is not marked as ours.
	ErrNotOurs = errors.New("not ours")
	// ErrNoController says that a limit was asked for, or a value, whose
	// controller the host does not offer here.
	ErrNoController = errors.New("no such controller")
)

// A Group is a cgroup that we hold: nobody else who uses this package has it
// until Remove or the end of the process. Its methods are safe for concurrent use, but
// Remove must be the last.
type Group struct {
	version Version
	places  []place // the first is the one that is locked and marked
	lock    int     // descriptor of the first directory; -1 when closed
	tasks   []*os.File

	evicting    func(processes int)
	controllers []string         // that the group has, of ours
	refused     map[string]error // why it lacks others, where that is known

	mu       sync.Mutex // guards the rest
	readings []reading
	buf      []byte // the content of one of them
}

// Create makes the group PARENT/ID in every hierarchy and locks it. The parent is
// an absolute path within the hierarchies, made where it is missing, or Self: the
// caller's own cgroup in each. On v2 Self moves the calling process into the
// sub-cgroup "supervisor" first, where it stays.
//
// No limit is written yet: a Go program dies of tight ones before it has become
// the command. But where need holds a limit whose controller the host does not
// offer, Create fails with ErrNoController or with what refused to enable it.
// Controllers that are not needed may be missing.
//
// What a predecessor of the same owner has left in the group is killed, and the
// group made anew. The error wraps ErrInUse or ErrNotOurs if it is another's. A
// group that was made is removed again on error.
//
// It waits up to 8 s for a predecessor's processes to be gone, and about 1 s before it
// returns ErrInUse or ErrNotOurs: who has the group may be about to end. Nothing cuts
// that short.
func (h *Host) Create(parent, id string, owner Owner, need Limits) (*Group, error) {
	if err := ValidID(id); err != nil {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	places, err := h.places(parent, id, toLeaf)
	if err != nil {
		return nil, err
	}
	g := &Group{version: h.version, places: places, lock: -1, evicting: h.Evicting}
	if err := g.claim(owner); err != nil {
		return nil, g.wrap(err)
	}
	if err := g.furnish(need); err != nil {
		_ = g.clear(time.Now().Add(patience)) // the next start takes over what is left
		g.close()
		return nil, g.wrap(err)
	}
	if parent == Self {
		g.markOthers(owner)
	}
	return g, nil
}

// furnish makes what claim has not made of the group, and opens what the helper
// process needs to enter it.
func (g *Group) furnish(need Limits) error {
	if err := g.complete(); err != nil {
		return err
	}
	if err := g.check(need); err != nil {
		return err
	}
	if g.version == V2 {
		return nil
	}
	for _, p := range g.places {
		tasks, err := openForHelper(path.Join(p.dir(), "tasks"))
		if err != nil {
			return err
		}
		g.tasks = append(g.tasks, tasks)
	}
	return nil
}

// openForHelper opens what the helper process is to write to. Not os.OpenFile: it
// would add the file to the runtime's poller, as cgroup files can be polled, and
// make it non-blocking for the helper.
func openForHelper(name string) (*os.File, error) {
	fd, err := -1, fault("open", name)
	if err == nil {
		fd, err = unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// complete makes the group in every hierarchy. It finds out which controllers
// the group has.
func (g *Group) complete() error {
	if g.version == V2 {
		return g.enable()
	}
	for i := range g.places {
		if i > 0 { // the first one is there
			if _, err := g.places[i].make(); err != nil {
				return err
			}
		}
		g.controllers = append(g.controllers, g.places[i].controllers...)
	}
	return nil
}

// path returns PARENT/ID as it is within the hierarchy, in the first one if the
// parent is Self.
func (g *Group) path() string { return g.places[0].group }

// Tasks returns the tasks files, write-only, one a hierarchy, on v1; none on v2.
// The thread that writes "0" to each of them is in the group (kernel document
// cgroup-v1/cgroups.rst, 2.1), without the wait of 10 ms and more that
// cgroup.procs costs. The files are close-on-exec. They are closed by Remove,
// but the caller may do so as soon as the helper process has them.
func (g *Group) Tasks() []*os.File { return g.tasks }

// FD returns the descriptor of the group's directory on v2, for
// CLONE_INTO_CGROUP (clone3(2)), and -1 on v1. The group keeps it.
func (g *Group) FD() int {
	if g.version == V1 {
		return -1
	}
	return g.lock
}

// OpenProcs opens cgroup.procs of v2, write-only and close-on-exec: a process that
// writes "0" to it is in the group. It takes 10 ms and more, and is for where
// CLONE_INTO_CGROUP is not to be had. The caller closes it.
func (g *Group) OpenProcs() (*os.File, error) {
	f, err := openForHelper(path.Join(g.places[0].dir(), "cgroup.procs"))
	return f, g.wrap(err)
}

// close gives the group up without removing it: it is unlocked, and its mark
// remains. Closing again does nothing.
func (g *Group) close() {
	for _, f := range g.tasks {
		_ = f.Close() // the caller may have done so
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closeReadings()
	if g.lock >= 0 {
		_ = unix.Close(g.lock)
		g.lock = -1
	}
}

// file returns the path of a controller's file, or ErrNoController. Any
// controller will do for the files that each cgroup on v2 has.
func (g *Group) file(controller, name string) (string, error) {
	for _, p := range g.places {
		if g.version == V2 || slices.Contains(p.controllers, controller) {
			return path.Join(p.dir(), name), nil
		}
	}
	return "", fmt.Errorf("%s: %w", controller, ErrNoController)
}

func (g *Group) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cgroup %s: %w", g.path(), err)
}
