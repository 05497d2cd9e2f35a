package shim

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
)

// process and group are what a run needs of its *child and *cgroup.Group. Tests
// drive the loop with others, without the kernel and on synthetic time.
type (
	process interface {
		id() int
		signal(syscall.Signal) error
		wait() (unix.WaitStatus, error)
		waitFor(time.Duration) (unix.WaitStatus, error)
		readStat() (procStat, error)
		isInit(procStat) bool
		close()
	}
	group interface {
		FD() int
		Tasks() []*os.File
		OpenProcs() (*os.File, error)
		SetLimits(cgroup.Limits) error
		WatchOOM() (*cgroup.OOMWatch, error)
		OOMKills() (uint64, error)
		Runnable() (bool, error)
		Stats(*cgroup.Stats) error
		Thaw() error
		LiftCPU() error
		Kill() error
		Remove() error
	}
)

// run is one run of the command, from the creation of its cgroup to its removal.
type run struct {
	number  int // the first is 1
	group   group
	child   process
	links   *links // nil with the host's network
	oom     *cgroup.OOMWatch
	started time.Time
	// kills is what tells out-of-memory kills of the command from others.
	kills killCounter
	// unended are the helpers of a start that has failed which were killed, but do not end.
	unended []process
	// ended is closed when the command's end is known; killing, which is there since the
	// command has been sent SIGKILL by us, when killAll has ended.
	ended, killing chan struct{}
}

// watchOOM asks for notifications, and reads the counter that they are about, which is
// looked at without them, too.
func (r *run) watchOOM() (err error) {
	if r.oom, err = r.group.WatchOOM(); err != nil {
		if errors.Is(err, cgroup.ErrNoController) {
			return nil // without the controller nothing is killed for a limit
		}
		if !errors.Is(err, errors.ErrUnsupported) { // as on v1 of a kernel for real time
			return err
		}
	}
	kills, err := r.group.OOMKills()
	if err != nil {
		return err
	}
	r.kills.others, r.kills.seen = kills, kills
	return nil
}

// notify is the goroutine that passes on the kernel's hints.
func (r *run) notify(hints chan<- struct{}) {
	for r.oom.Wait() == nil {
		wake(hints)
	}
}

// clear ends whatever is left of the run and removes it. It is a goroutine of
// its own after a run, because it may take a moment.
func (r *run) clear() error {
	if r.killing != nil {
		<-r.killing
	}
	if r.child != nil {
		r.child.close()
	}
	for _, helper := range r.unended {
		if helper != r.child {
			helper.close()
		}
	}
	if r.oom != nil {
		r.oom.Close()
	}
	var err error
	if r.group != nil {
		err = step("remove cgroup", r.group.Remove)
	}
	r.links.close()
	return errors.Join(err, step("clear run", func() error { return nil }))
}

// killCounter decides whether a SIGKILL of the command was the kernel's, for
// memory: whether the cgroup's counter of such kills is higher than the kills
// that are known to be of others.
//
// The counter rises just before the victim gets its signal, and the victim takes
// a while to die. So a kill counts as somebody else's only if the command is
// still well some time after the counter has shown it, and the kernel's killer, which
// is a thread of the container, is not waiting for a CPU in between. Two kills closer
// together than that, one of a child for memory and one of the command by hand, cannot
// be told apart; they count as out of memory.
type killCounter struct {
	others uint64
	// seen is what the counter has shown. Where it is not others, it is not known whose
	// kills those are, since then.
	seen  uint64
	since time.Time
}

// How long the command must be well.
const (
	settleTime  = 5 * time.Millisecond   // if then no thread of the container is runnable
	settleMost  = 100 * time.Millisecond // if one always is: a period of the CPU quota
	settlePause = time.Millisecond       // between the first two looks; it grows with the time
)

// look reads the counter while the command lives. If it is in question whose kills that
// shows, look is to be called again, after a pause; else the pause is 0. Those of a
// command that dies are not in question, as its end is about to tell.
func (k *killCounter) look(read func() (uint64, error), well, runnable func() bool) (pause time.Duration) {
	if k.seen == k.others {
		value, err := read()
		if err != nil || value == k.others {
			return 0
		}
		k.seen, k.since = value, time.Now()
		return settlePause
	}
	took := time.Since(k.since)
	settled := took >= settleMost || took >= settleTime && !runnable()
	if !well() { // asked last: the killer may have had the CPU meanwhile
		return 0
	}
	if !settled {
		return min(settlePause+took/4, settleMost-took)
	}
	k.others = k.seen
	return 0
}

// judgeKills updates the counter while the command lives; see killCounter.look.
func (r *run) judgeKills() (pause time.Duration) {
	return r.kills.look(r.group.OOMKills, func() bool {
		stat, err := r.child.readStat()
		// The main thread may have ended by itself, and the others go on.
		return err == nil && (!stat.dying() || stat.dead() && !stat.killed())
	}, func() bool {
		runnable, err := r.group.Runnable()
		return err != nil || runnable
	})
}

// signal sends the process a signal, frozen or not.
func (r *run) signal(signal syscall.Signal) error {
	return errors.Join(r.child.signal(signal), r.thaw())
}

// heeds reports whether the command gets a signal other than KILL; see procStat.
func (r *run) heeds(signal syscall.Signal) bool {
	stat, err := r.child.readStat()
	return err == nil && stat.heeds(signal)
}

// The pauses of killAll; the second one is the longest.
const (
	killPatience = 100 * time.Millisecond
	killPause    = 2 * time.Second
)

// killAll is the goroutine that sees a SIGKILL through: mostly the command's end is that
// of all others, for which the CPU limit is lifted, but one of those may hold it up, who
// traces it (ptrace(2), PTRACE_O_TRACEEXIT) or freezes it again and again.
func (r *run) killAll() {
	defer close(r.killing)
	_ = r.group.LiftCPU() // they die all the same
	for pause := killPatience; ; pause = min(2*pause, killPause) {
		select {
		case <-r.ended:
			return
		case <-time.After(pause):
			_ = r.group.Kill() // it is tried again
		}
	}
}

// thaw thaws the cgroup, if there is one yet. A frozen process of cgroup v1 does
// not even die before it is thawed.
func (r *run) thaw() error {
	if r.group == nil {
		return nil
	}
	return r.group.Thaw()
}

// anyOOMKill reports whether the kernel has killed anything in the cgroup for
// memory.
func (r *run) anyOOMKill() bool {
	if r.group == nil {
		return false
	}
	kills, err := r.group.OOMKills()
	return err == nil && kills > 0
}

// oomed is the verdict on a run that has ended. No kill is in question afterwards.
func (r *run) oomed(status unix.WaitStatus) bool {
	kills, err := r.group.OOMKills()
	if err != nil {
		return false
	}
	risen := kills > r.kills.others
	r.kills.others, r.kills.seen = kills, kills
	return risen && r.killing == nil && status.Signaled() && status.Signal() == unix.SIGKILL
}
