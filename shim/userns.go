package shim

import (
	"context"
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/syncpipe"
)

// outfit has the mounts made of a container in a user namespace, whose init waits
// for its configuration meanwhile: by a second helper, in the same cgroups, that
// has the powers of the host's root and ends when it is done. What it does and why
// is in package nsinit.
func (s *starter) outfit(ctx context.Context, r *run, tasks []*os.File) error {
	conn, theirs, err := syncpipe.Pair()
	if err != nil {
		return err
	}
	defer conn.Close()
	defer theirs.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Interrupt() })() // a closed pipe is as good

	m := syncpipe.Message{Type: syncpipe.TypeConfig, Config: s.outfitterConfig(r.child.id())}
	packet, err := conn.Encode(m)
	if err != nil {
		return err
	}
	b := birth{program: s.program, namespaces: unix.CLONE_NEWNS, cgroup: -1, fds: helperFiles(theirs, s.program), onMain: r.number == 1}
	if len(tasks) == 0 {
		b.cgroup = r.group.FD()
	}
	raiseNoFile(r.child.id(), m.Config.NoFile)
	var helper *child
	err = s.step(r, "clone outfitter", func() (err error) {
		helper, err = s.cloner.clone(ctx, b)
		return err
	})
	if helper == nil {
		return err
	}
	defer func() {
		if !slices.Contains(r.unended, process(helper)) {
			helper.close()
		}
	}()
	theirs.Close()
	p := &pipe{ctx: ctx, conn: conn, run: r, trace: s.trace, outfitter: helper, timeout: syncpipe.Timeout, late: s.hang}
	if err == nil {
		err = p.send(m, packet, tasks...)
	}
	if err == nil {
		err = p.awaitReady()
	}
	if err == nil {
		_, err = helper.waitFor(syncpipe.Timeout) // it has nothing left to do
	}
	if err == nil {
		return nil
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	err = s.explain(r, helper, err)
	if late { // and so init may be, which waits meanwhile
		return verdict{err}
	}
	if stat, unread := r.child.readStat(); unread == nil && stat.dying() {
		return errDied // init, before that: the helper has not found it
	}
	return err
}

// outfitterConfig returns what the outfitter needs of init's configuration, with init's PID.
func (s *starter) outfitterConfig(init int) *syncpipe.Config {
	config := s.container.init
	config.Argv, config.Env = nil, nil
	users := *config.UserNS
	users.Init = init
	config.UserNS = &users
	if s.container.network == agent.NetworkNone {
		config.NetNS = procFile(init, "ns/net")
	}
	config.Trace = s.trace != nil
	return &config
}

// raiseNoFile raises the limit of open files of an init in a user namespace, which may not
// do so itself. If we may neither, it will say so. It may lower the limit, once it needs no
// more descriptors itself.
func raiseNoFile(pid int, to uint64) {
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err == nil && limit.Max < to {
		_ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: to, Max: to}, nil)
	}
}
