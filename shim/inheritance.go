package shim

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// protectedScore makes the supervisor the last that the kernel kills for memory:
// with it dies the container. Not -1000, which is never: a host that finds nobody
// to kill panics.
const protectedScore = -999

// protect keeps the supervisor from the out-of-memory killer as far as it is
// allowed to (CAP_SYS_RESOURCE); without, it has the agent's score.
func protect() {
	if score, err := oomScore("self"); err == nil && score > protectedScore {
		_ = setOOMScore("self", protectedScore)
	}
}

// disinherit takes from init what it has from the agent or from this process and
// its container must not have. It is done from outside, because the lifting of a
// low priority, and of the lower bound that the kernel keeps for an OOM score,
// needs the capabilities of the host's root; init starts meanwhile, so that it
// costs no time.
//
// The rule: a privilege is taken away, or the start fails. A disadvantage that
// this process has not the capability to lift stays.
func disinherit(pid int) error {
	if err := resetScheduling(pid); err != nil {
		return err
	}
	proc := strconv.Itoa(pid)
	err := setOOMScore(proc, 0)
	if errors.Is(err, unix.EACCES) { // it was raised by somebody with CAP_SYS_RESOURCE
		if score, unread := oomScore(proc); unread == nil && score > 0 {
			return nil
		}
	}
	return err
}

// resetScheduling gives a thread the policy SCHED_OTHER, nice 0, and the usual slice:
// from Linux 6.12 on there is one for each thread, which is told whether it has been set
// or not (sched_attr.sched_runtime), and 0 stands for the usual one.
func resetScheduling(tid int) error {
	attr, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		return fmt.Errorf("scheduling: %w", err)
	}
	if attr.Policy == unix.SCHED_NORMAL && attr.Nice == 0 && attr.Runtime == 0 {
		return nil
	}
	normal := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	err = unix.SchedSetAttr(tid, normal, 0)
	if err == unix.EPERM && attr.Nice > 0 { // needs CAP_SYS_NICE
		normal.Nice = attr.Nice
		err = unix.SchedSetAttr(tid, normal, 0)
	}
	switch {
	case err == nil,
		err == unix.EPERM && attr.Policy == unix.SCHED_IDLE, // as well
		attr.Policy == unix.SCHED_NORMAL && attr.Nice >= 0:  // neither is a privilege, nor a long slice, and a filter may forbid the call
		return nil
	}
	return fmt.Errorf("scheduling: %w", err)
}

func oomScore(pid string) (int, error) {
	text, err := os.ReadFile("/proc/" + pid + "/oom_score_adj")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// setOOMScore writes through what is checked to be procfs: the mount over a
// file there, or instead of it, that turns such a write into another one has
// been somebody's way out (CVE-2025-52881).
func setOOMScore(pid string, score int) error {
	path := "/proc/" + pid + "/oom_score_adj"
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	if fs.Type != unix.PROC_SUPER_MAGIC {
		return fmt.Errorf("%s: not procfs", path)
	}
	_, err = f.WriteString(strconv.Itoa(score))
	return err
}
