package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// cloner clones on the main thread. The kernel sends the parent-death signal
// when the thread that cloned exits, not the process (prctl(2),
// PR_SET_PDEATHSIG): another thread may be retired by the Go runtime at any
// time, and the container with it.
//
// The first start is made there as a whole, so that nothing need be handed from
// thread to thread; later ones ask for it.
type cloner struct {
	requests chan func()
	// forking is held while the main thread is out of the runtime's reach, maybe for
	// long, and by whoever wants the world stopped, who would otherwise wait for that
	// thread, with all the others stopped already.
	forking sync.Mutex
	// inherited are the children of whoever has executed this program, its own since.
	inherited []int
}

// serve runs the requests on the calling goroutine, which is on the main thread. It
// does not return.
func (c *cloner) serve() {
	for request := range c.requests {
		request()
	}
}

// run runs f on the main thread, where the caller may be already.
func (c *cloner) run(f func(), onMain bool) {
	if onMain {
		f()
		return
	}
	done := make(chan struct{})
	c.requests <- func() {
		defer close(done)
		f()
	}
	<-done
}

// birth is how a helper is cloned.
type birth struct {
	program    *program         // what is executed, and among fds
	namespaces uintptr          // CLONE_NEW... of clone(2)
	users      *syncpipe.UserNS // to be mapped in a user namespace of its own, or nil
	network    *os.File         // the network namespace to be born in, or nil
	cgroup     int              // a descriptor, on v2; or -1
	onMain     bool             // the caller is on the main thread
	holdMounts bool             // see child.mounts
	fds        []uintptr
}

// helperEnvironment is for the Go runtime of a helper, whose life is too short for
// a collection and which does one thing after another: with one processor it needs
// fewer threads, and less memory.
var helperEnvironment = []string{"GOMAXPROCS=1", "GOGC=off"}

// attributes returns b as package syscall takes it.
func (b birth) attributes(pidfd *int) *syscall.ProcAttr {
	attr := &syscall.ProcAttr{Files: b.fds, Env: helperEnvironment, Sys: &syscall.SysProcAttr{
		Cloneflags: b.namespaces,
		Setsid:     true,
		Pdeathsig:  unix.SIGKILL, // init arms it again, later
		PidFD:      pidfd,
	}}
	if b.cgroup >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, b.cgroup
	}
	if b.users != nil {
		attr.Sys.Cloneflags |= unix.CLONE_NEWUSER
		attr.Sys.UidMappings = []syscall.SysProcIDMap{{HostID: int(b.users.UID), Size: int(b.users.Size)}}
		attr.Sys.GidMappings = []syscall.SysProcIDMap{{HostID: int(b.users.GID), Size: int(b.users.Size)}}
		attr.Sys.GidMappingsEnableSetgroups = true
		// Its root, or the execve would take the capabilities in there.
		attr.Sys.Credential = &syscall.Credential{}
	}
	return attr
}

// clone makes a helper process: this program again, which is among the given
// descriptors, and, on cgroup v2, in its cgroup from birth.
//
// The child is ours only once it has executed: until then the call waits for it.
// In a frozen cgroup, or stopped by somebody, it does not get there. Should that
// take too long, or ctx be canceled, the child is killed; it is returned all the
// same, in the first case with os.ErrDeadlineExceeded.
func (c *cloner) clone(ctx context.Context, b birth) (*child, error) {
	pidfd := -1
	var pid int
	var err error
	late, cancel := context.WithCancel(ctx)
	defer cancel()
	defer newAlarm(syncpipe.Timeout, cancel).stop()
	done, killed := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(late, func() {
		defer close(killed)
		c.killUntil(done, b.program)
	})
	c.run(func() {
		// The kernel keeps this thread until the child has executed (clone(2),
		// CLONE_VFORK), and the runtime, which is not told, the CPU that it runs
		// on. Who hears of a stop, and who kills the child, need another one.
		runtime.GOMAXPROCS(2)
		debug.SetGCPercent(-1) // a collection stops the world
		defer debug.SetGCPercent(gcPercent)
		err = inNetwork(b.network, func() error {
			c.forking.Lock()
			pid, err = syscall.ForkExec(programPath, []string{syncpipe.HelperName}, b.attributes(&pidfd))
			c.forking.Unlock()
			if err == nil {
				calmHelper(pid)
			}
			return cloneError(err, b.users != nil)
		})
	}, b.onMain)
	close(done)
	if !stop() {
		<-killed // else it might hit the next one
	}
	if err != nil {
		return nil, err
	}
	made, err := newChild(pid, pidfd, b)
	if err == nil && ctx.Err() == nil && late.Err() != nil {
		err = os.ErrDeadlineExceeded
	}
	return made, err
}

// killUntil kills what is being cloned, again and again: it may not exist yet.
func (c *cloner) killUntil(done <-chan struct{}, p *program) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		c.killUnborn(p)
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// killUnborn kills the children of the main thread that execute this program. There is
// only the one that is being cloned, and nobody else waits for it: its pid is its. If
// that is an outfitter there is its init, too, not waited for either, whose start has
// failed.
//
// Other children are not ours to kill: inherited ones, and those that have been left to
// us as a subreaper or a pid 1 (PR_SET_CHILD_SUBREAPER).
func (c *cloner) killUnborn(p *program) {
	for _, child := range childrenOfMain() {
		if !slices.Contains(c.inherited, child) && p.runsIn(child) {
			_ = unix.Kill(child, unix.SIGKILL) // dead already is as good
		}
	}
}

// childrenOfMain lists the children of the main thread (proc(5), /proc/pid/task/tid/children).
func childrenOfMain() (children []int) {
	pid := strconv.Itoa(os.Getpid())
	list, _ := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	for _, field := range strings.Fields(string(list)) {
		if child, err := strconv.Atoi(field); err == nil && child > 1 {
			children = append(children, child)
		}
	}
	return children
}

// inNetwork runs f with this thread, the main thread, in another network
// namespace: a helper in a user namespace has no right to join the host's.
func inNetwork(network *os.File, f func() error) error {
	if network == nil {
		return f()
	}
	// A thread made meanwhile is not to be made from this one: it would be there, too.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("join network: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("join network: setns %s: %w", network.Name(), err)
	}
	err = f()
	// What was allowed for the way there is for the way back. Should it fail all
	// the same: the next start goes to the same network.
	_ = unix.Setns(int(own.Fd()), unix.CLONE_NEWNET)
	return err
}

// cloneError adds a remedy where one is known.
func cloneError(err error, users bool) error {
	hint := ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM) && users:
		hint = " (user namespaces need CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID, no chroot, and a host that allows them)"
	case errors.Is(err, unix.EPERM):
		hint = " (namespaces need CAP_SYS_ADMIN, and no filter that forbids them)"
	case errors.Is(err, unix.EAGAIN):
		hint = " (too many processes: see ulimit -u, pids.max, kernel.pid_max)"
	case errors.Is(err, unix.ENOSPC) && users:
		hint = " (user namespaces are switched off, or too many: see user.max_user_namespaces in sysctl)"
	case errors.Is(err, unix.ENOSPC):
		hint = " (too many namespaces: see /proc/sys/user)"
	case errors.Is(err, unix.EINVAL) && users:
		hint = " (this kernel has no user namespaces)"
	case errors.Is(err, unix.EACCES) && users:
		hint = " (with userns everybody must be allowed to execute the supervisor's file)"
	}
	return fmt.Errorf("clone: %w%s", err, hint)
}
