package shim

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
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
	m, packet, b, err := s.prepare(&config, p.conn, theirs, into, tasks)
	if err != nil {
		return m, nil, err
	}
	b.namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC
	if s.container.network == agent.NetworkNone {
		b.namespaces |= unix.CLONE_NEWNET
	}
	if b.users = config.UserNS; b.users != nil {
		b.netNS = config.NetNS
	}
	if err := s.step(r, "clone", func() error {
		made, err := s.cloner.clone(ctx, b)
		if made != nil { // also with an error, to be ended
			r.child = made
		}
		return err
	}); err != nil {
		return m, nil, err
	}
	if err := s.step(r, "disinherit", func() error { return disinherit(r.child.id()) }); err != nil {
		return m, nil, err
	}
	if config.UserNS != nil {
		err = s.step(r, "outfit", func() error { return s.outfit(ctx, r, into, tasks) })
	}
	return m, packet, err
}

// prepare returns the message that a helper waits for, with its packet, which may
// turn out to be too large, and how it gets its descriptors and its cgroup.
func (s *starter) prepare(config *syncpipe.Config, conn *syncpipe.Conn, theirs *os.File, into int, tasks []*os.File) (syncpipe.Message, []byte, birth, error) {
	config.Trace = s.trace != nil
	b := birth{program: s.program, cgroup: into}
	b.fds = []uintptr{0, 1, 1, syncpipe.FD: theirs.Fd(), syncpipe.ProgramFD: s.program.file.Fd()}
	for _, file := range tasks {
		config.Tasks = append(config.Tasks, file.Name())
		b.fds = append(b.fds, file.Fd())
	}
	m := syncpipe.Message{Type: syncpipe.TypeConfig, Config: config}
	packet, err := conn.Encode(m)
	if err == nil {
		err = s.program.allow()
	}
	return m, packet, b, err
}
