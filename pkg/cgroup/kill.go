package cgroup

import (
	"errors"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience is how long Remove waits, for the processes to die most of all.
	patience = 2 * time.Second
	// takeOverPatience is how long a predecessor's processes may take: of a container
	// that is gone all of them are, but these have only just been killed, and one gives
	// back its memory before it ends.
	takeOverPatience = 8 * time.Second
	// The pauses between two looks grow from the first to the last of these.
	firstPause = 100 * time.Microsecond
	lastPause  = 20 * time.Millisecond
)

// Kill sends every process in the group and below it a SIGKILL, frozen ones included,
// and does not wait for them. The caller itself is spared, should it be in there. They
// are given all the CPU time that they want, see LiftCPU. It writes cgroup.kill (v2,
// Linux 5.14), else it freezes the group, so that none can fork away, sends each a
// SIGKILL, and thaws it.
func (g *Group) Kill() error {
	return g.wrap(g.kill())
}

func (g *Group) kill() error {
	procs, err := g.processes()
	if err == nil && len(procs) > 0 {
		err = fault("kill")
	}
	if err != nil || len(procs) == 0 {
		return err
	}
	if _, inside := procs[os.Getpid()]; inside { // we would freeze or kill ourselves
		delete(procs, os.Getpid())
		return g.sigkill(procs)
	}
	_ = g.LiftCPU() // they die all the same
	if g.version == V2 && write(path.Join(g.places[0].dir(), "cgroup.kill"), "1") == nil {
		return nil
	}
	return g.freezeKillThaw()
}

// LiftCPU takes the CPU limit off a group whose processes have been killed. They use
// their own CPU time to die: with 1 % of a CPU a thousand of them took minutes.
func (g *Group) LiftCPU() error {
	name, none := "cpu.cfs_quota_us", "-1"
	if g.version == V2 {
		name, none = "cpu.max", "max"
	}
	file, err := g.file("cpu", name)
	if err != nil { // without the controller there is no limit
		return nil
	}
	return g.wrap(present(write(file, none)))
}

func (g *Group) freezeKillThaw() error {
	_ = g.freeze() // without it a fork may escape this round, but not the next
	procs, err := g.processes()
	if err == nil {
		err = g.sigkill(procs)
	}
	return errors.Join(err, g.thaw())
}

const (
	// batch is how many pidfds are held at once.
	batch = 64
	// spare is how many are given back if no more can be had: more than it takes to see
	// who is in the group.
	spare = 8
)

// sigkill sends the processes a SIGKILL, provided that they are in the group.
func (g *Group) sigkill(procs map[int]struct{}) error {
	left := slices.DeleteFunc(slices.Collect(maps.Keys(procs)), func(pid int) bool { return pid <= 0 })
	for len(left) > 0 {
		held, err := hold(&left)
		if err := errors.Join(err, g.sigkillHeld(held)); err != nil {
			return err
		}
	}
	return nil
}

// hold opens pidfds, by pid, and takes from left those that it has seen to: a batch, or
// what the descriptors suffice for.
func hold(left *[]int) (map[int]int, error) {
	held := make(map[int]int, batch)
	for len(*left) > 0 && len(held) < batch {
		pid := (*left)[len(*left)-1]
		fd, err := openProcess(pid)
		switch {
		case err == nil:
			held[pid] = fd
		case (err == unix.EMFILE || err == unix.ENFILE) && len(held) > spare:
			giveBack(held, left, spare)
			return held, nil
		case err != unix.ESRCH && err != unix.ENOENT:
			return held, err
		}
		*left = (*left)[:len(*left)-1]
	}
	return held, nil
}

// giveBack closes so many of what is held, and notes whose turn is yet to come.
func giveBack(held map[int]int, left *[]int, n int) {
	for pid, fd := range held {
		if n--; n < 0 {
			return
		}
		_ = unix.Close(fd)
		delete(held, pid)
		*left = append(*left, pid)
	}
}

// openProcess returns a pidfd. Where pidfd_open is not to be had (a seccomp
// filter) a process's directory in /proc serves as one (pidfd_send_signal(2)).
func openProcess(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ENOSYS || err == unix.EPERM {
		fd, err = unix.Open("/proc/"+strconv.Itoa(pid), unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	return fd, err
}

// sigkillHeld sends a SIGKILL through each pidfd and closes it. A pid that the
// group lists after its pidfd was opened is the very process that the pidfd is
// of, or that one is dead: so a recycled pid is never hit.
func (g *Group) sigkillHeld(held map[int]int) error {
	procs, err := g.processes()
	for pid, fd := range held {
		if _, member := procs[pid]; member {
			e := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
			if e != nil && e != unix.ESRCH {
				e = unix.Kill(pid, unix.SIGKILL) // where a filter forbids that: it was listed just now
			}
			if e != nil && e != unix.ESRCH {
				err = errors.Join(err, os.NewSyscallError("kill", e))
			}
		}
		_ = unix.Close(fd)
	}
	return err
}
