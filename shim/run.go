package shim

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
)

// run is one run of the command, from the creation of its cgroup to its removal.
type run struct {
	number  int // the first is 1
	group   *cgroup.Group
	child   *child
	links   *links // nil with the host's network
	oom     *cgroup.OOMWatch
	started time.Time
	// kills is what tells out-of-memory kills of the command from others.
	kills killCounter
	// killed: the supervisor itself has sent SIGKILL.
	killed bool
}

// watchOOM asks for notifications and reads the counter that they are about.
func (r *run) watchOOM() (err error) {
	if r.oom, err = r.group.WatchOOM(); err != nil {
		if errors.Is(err, cgroup.ErrNoController) {
			return nil // without the controller nothing is killed for a limit
		}
		return err
	}
	kills, err := r.group.OOMKills()
	if err != nil {
		return err
	}
	r.kills = killCounter{seen: kills, settled: kills}
	return nil
}

// notify is the goroutine that passes on the kernel's hints.
func (r *run) notify(hints chan<- struct{}) {
	for r.oom.Wait() == nil {
		select {
		case hints <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// clear ends whatever is left of the run and removes it. It is a goroutine of
// its own after a run, because it may take a moment.
func (r *run) clear() error {
	var errs []error
	if r.child != nil {
		r.child.close()
	}
	if r.oom != nil {
		r.oom.Close()
	}
	if r.group != nil {
		errs = append(errs, r.group.Remove())
	}
	r.links.close()
	return errors.Join(errs...)
}

// killCounter decides whether a SIGKILL of the command was the kernel's, for
// memory: whether the cgroup's counter of such kills rose since the command was
// last seen alive and well.
//
// The counter rises just before the victim gets its signal, and the victim takes
// a while to die. So a value counts as an earlier kill of somebody else only when
// the command is still well at the next look, at least settleTime later. Two kills
// closer than that, one of a child for memory and one of the command by hand,
// cannot be told apart; they count as out of memory.
type killCounter struct {
	seen    uint64 // at the last look
	settled uint64 // known to be others
}

// settleTime is the first distance between two looks.
const settleTime = 250 * time.Microsecond

// look takes a new value of the counter, read after the command's state was.
func (k *killCounter) look(value uint64, dying bool) {
	if dying {
		return
	}
	k.settled = k.seen
	k.seen = value
}

// rose reports whether a final value holds a kill that is not known to be another's.
func (k *killCounter) rose(value uint64) bool { return value > k.settled }

// lookAtKills updates the counter while the command lives.
func (r *run) lookAtKills() {
	stat, err := r.child.readStat()
	value, unread := r.group.OOMKills()
	if err == nil && unread == nil {
		r.kills.look(value, stat.dying())
	}
}

// signal sends the process a signal, frozen or not.
func (r *run) signal(signal syscall.Signal) error {
	if signal == unix.SIGKILL {
		r.killed = true
	}
	err := r.child.signal(signal)
	// A frozen process of cgroup v1 does not even die before it is thawed.
	return errors.Join(err, r.group.Thaw())
}

// oomed is the verdict on a run that has ended.
func (r *run) oomed(status unix.WaitStatus) bool {
	if r.killed || !status.Signaled() || status.Signal() != unix.SIGKILL {
		return false
	}
	kills, err := r.group.OOMKills()
	return err == nil && r.kills.rose(kills)
}
