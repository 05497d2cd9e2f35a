package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/syncpipe"
)

// bear makes init and what it is to be in, and returns the files by which it enters
// its cgroups, open: on cgroup v2 none, for it is born in its cgroup. On v1 the
// cgroups are made while its runtime comes up, which takes longer.
func (s *starter) bear(ctx context.Context, r *run, theirs *os.File) ([]*os.File, error) {
	// Also if the start has been aborted: that ends what a predecessor left.
	if cgroup.Unified() || ctx.Err() != nil {
		if err := s.createGroup(r); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.number > 1 {
		s.streams.restore()
	}
	inside, err := s.cloneInit(ctx, r, theirs)
	if err != nil {
		return nil, err
	}
	if err := s.step(r, "disinherit", func() error { return disinherit(r.child.id()) }); err != nil {
		return nil, err
	}
	if r.group == nil {
		if err := s.createGroup(r); err != nil {
			return nil, err
		}
	}
	if inside || r.group.FD() < 0 {
		return r.group.Tasks(), nil // on v2 there are none
	}
	procs, err := r.group.OpenProcs()
	if err != nil {
		return nil, err
	}
	return []*os.File{procs}, nil
}

// cloneInit makes init, in its cgroup from birth if there is one that it can be
// born in, and says whether it was.
func (s *starter) cloneInit(ctx context.Context, r *run, theirs *os.File) (inside bool, err error) {
	config := &s.container.init
	b := birth{
		program:    s.program,
		namespaces: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		cgroup:     -1,
		fds:        helperFiles(theirs, s.program),
		onMain:     r.number == 1,
		// Not with volumes: whoever has been told of the end may unmount what they
		// are on, and rely on it that all has been written and the device is free.
		holdMounts: !slices.ContainsFunc(config.Mounts, func(m syncpipe.Mount) bool { return m.Source != "" }),
	}
	if s.container.network == agent.NetworkNone {
		b.namespaces |= unix.CLONE_NEWNET
	}
	if b.users = config.UserNS; b.users != nil && config.NetNS != "" {
		if err := s.step(r, "join network", func() (err error) {
			if b.network, err = os.OpenFile(config.NetNS, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
				return fmt.Errorf("join network: %w", err)
			}
			return nil
		}); err != nil {
			return false, err
		}
		defer b.network.Close()
	}
	if r.group != nil {
		b.cgroup = r.group.FD()
	}
	err = s.cloneInto(ctx, r, b)
	if r.child == nil && b.cgroup >= 0 && (errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM)) {
		b.cgroup = -1 // a filter forbids clone3(2): it enters by itself, as on v1
		err = s.cloneInto(ctx, r, b)
	}
	return b.cgroup >= 0, err
}

func (s *starter) cloneInto(ctx context.Context, r *run, b birth) error {
	return s.step(r, "clone", func() error {
		err := s.program.allow()
		if err != nil {
			return err
		}
		made, err := s.cloner.clone(ctx, b)
		if made != nil { // also with an error, to be ended
			r.child = made
		}
		return err
	})
}

// helperFiles are the descriptors that a helper is made with. Its stderr is one that
// cannot be written to: what the Go runtime says when it dies is none of the command's
// output.
func helperFiles(theirs *os.File, p *program) []uintptr {
	return []uintptr{0, 1, p.file.Fd(), syncpipe.FD: theirs.Fd(), syncpipe.ProgramFD: p.file.Fd()}
}

// message returns init's configuration, with its packet, which may turn out to be
// too large. It is encoded at the first start, and the same for all.
func (s *starter) message(conn *syncpipe.Conn) (syncpipe.Message, []byte, error) {
	config := &s.container.init
	config.Trace = s.trace != nil
	m := syncpipe.Message{Type: syncpipe.TypeConfig, Config: config}
	var err error
	if s.packet == nil {
		s.packet, err = conn.Encode(m)
	}
	return m, s.packet, err
}

// settle is for when init has all that it needs to begin, or there is none. What has
// waited may go on, with one CPU for Go: from here on one thing happens after another, and
// with more each goroutine that is made ready wakes another thread, which mostly finds
// nothing to do. Before this point the call would take 0.2 ms of what everything waits
// for; later it costs memory, as what has been spread over CPUs stays so.
func (s *starter) settle() {
	runtime.GOMAXPROCS(1)
	s.born()
}

// birthPatience is within what agents, who look every 50 ms, do not see.
const birthPatience = 20 * time.Millisecond

// awaitBirth waits until the first helper has all that it needs to begin, but not for
// one that hangs. What runs meanwhile is in its way, and does so on another CPU of
// Go's, with another share of the heap, which stays: 160 KiB.
func (s *starter) awaitBirth() {
	defer time.AfterFunc(birthPatience, s.born).Stop()
	<-s.birth
}
