package shim

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// clone makes init, on cgroup v2 in its cgroup from birth, and returns the
// message that it waits for, with its packet.
func (s *starter) clone(ctx context.Context, r *run, p *pipe, theirs *os.File) (syncpipe.Message, []byte, error) {
	m, packet, err := s.cloneInto(ctx, r, p, theirs, r.group.FD(), r.group.Tasks())
	if r.child != nil || r.group.FD() < 0 || !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return m, packet, err
	}
	// A filter forbids clone3(2): init enters its cgroup by itself, as on v1.
	procs, unopened := r.group.OpenProcs()
	if unopened != nil {
		return m, nil, errors.Join(err, unopened)
	}
	defer procs.Close()
	return s.cloneInto(ctx, r, p, theirs, -1, []*os.File{procs})
}

// cloneInto makes init in the cgroup of a descriptor, if that is none of -1, or
// with files by which it enters its cgroups.
func (s *starter) cloneInto(ctx context.Context, r *run, p *pipe, theirs *os.File, into int, tasks []*os.File) (syncpipe.Message, []byte, error) {
	config := s.container.init
	config.Trace = s.trace != nil
	fds := []uintptr{0, 1, 1, theirs.Fd()}
	for _, file := range tasks {
		config.Tasks = append(config.Tasks, file.Name())
		fds = append(fds, file.Fd())
	}
	m := syncpipe.Message{Type: syncpipe.TypeConfig, Config: &config}
	packet, err := p.conn.Encode(m) // before the clone, to refuse one that is too large
	if err != nil {
		return m, nil, err
	}
	err = s.step(r, "clone", func() (err error) {
		r.child, err = s.cloner.clone(ctx, s.container.network, into, fds)
		return err
	})
	if err == nil {
		err = s.step(r, "disinherit", func() error { return disinherit(r.child.pid) })
	}
	return m, packet, err
}
