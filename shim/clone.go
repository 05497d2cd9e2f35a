package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/syncpipe"
)

// cloner clones on the main thread. The kernel sends the parent-death signal
// when the thread that cloned exits, not the process (prctl(2),
// PR_SET_PDEATHSIG): another thread may be retired by the Go runtime at any
// time, and the container with it.
type cloner struct {
	requests chan func()
}

// serve runs the requests on the calling goroutine, which is locked to the main
// thread, until the channel is closed.
func (c cloner) serve() {
	for request := range c.requests {
		request()
	}
}

// clone makes the helper process in new namespaces: this program again, with
// the given descriptors and, on cgroup v2, in its cgroup from birth.
//
// The child is ours only once it has executed: until then the call waits for it.
// In a frozen cgroup, or stopped by somebody, it does not get there. Should that
// take too long, or ctx be canceled, the child is killed; it is returned all the
// same, in the first case with os.ErrDeadlineExceeded.
func (c cloner) clone(ctx context.Context, network agent.Network, cgroup int, fds []uintptr) (*child, error) {
	flags := uintptr(unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC)
	if network == agent.NetworkNone {
		flags |= unix.CLONE_NEWNET
	}
	pidfd := -1
	attr := &syscall.ProcAttr{Files: fds, Env: []string{}, Sys: &syscall.SysProcAttr{
		Cloneflags: flags,
		Setsid:     true,
		Pdeathsig:  unix.SIGKILL, // init arms it again, later
		PidFD:      &pidfd,
	}}
	if cgroup >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, cgroup
	}
	var pid int
	var err error
	done := make(chan struct{})
	c.requests <- func() {
		defer close(done)
		pid, err = syscall.ForkExec("/proc/self/exe", []string{syncpipe.HelperName}, attr)
	}
	late, cancel := context.WithTimeout(ctx, syncpipe.Timeout)
	defer cancel()
	select {
	case <-done:
	case <-late.Done():
		killUntil(done)
	}
	if err != nil {
		return nil, cloneError(err)
	}
	made, err := newChild(pid, pidfd)
	if err == nil && ctx.Err() == nil && late.Err() != nil {
		err = os.ErrDeadlineExceeded
	}
	return made, err
}

// killUntil kills what is being cloned, again and again: it may not exist yet.
func killUntil(done <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		killUnborn()
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// killUnborn kills the children of the main thread. There is only the one that
// is being cloned, and nobody else waits for it: its pid is its.
func killUnborn() {
	pid := strconv.Itoa(os.Getpid())
	list, _ := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	for _, field := range strings.Fields(string(list)) {
		if child, err := strconv.Atoi(field); err == nil && child > 1 {
			_ = unix.Kill(child, unix.SIGKILL) // dead already is as good
		}
	}
}

// cloneError adds a remedy where one is known.
func cloneError(err error) error {
	hint := ""
	switch {
	case errors.Is(err, unix.EPERM):
		hint = " (namespaces need CAP_SYS_ADMIN)"
	case errors.Is(err, unix.EAGAIN):
		hint = " (too many processes: see ulimit -u, pids.max, kernel.pid_max)"
	case errors.Is(err, unix.ENOSPC):
		hint = " (too many namespaces: see /proc/sys/user)"
	}
	return fmt.Errorf("clone: %w%s", err, hint)
}
