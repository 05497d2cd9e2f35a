package nsinit

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// resetThread takes back what a thread inherits for its life: the agent may have
// been given other processors and another priority than its containers. Only this
// thread matters, for it becomes the command. (The scheduling policy, nice and the
// OOM score need the capabilities of the host's root: the shim resets them.)
func (c *container) resetThread() error {
	// The kernel cuts it to what the cgroup's cpuset allows.
	const mostCPUs = 8192 // of any kernel
	all := unix.NewCPUSet(mostCPUs)
	all.Fill()
	if err := unix.SchedSetaffinityDynamic(0, all); err != nil {
		return fmt.Errorf("affinity: %w", err)
	}
	// Class 0 is none: the priority then follows nice (ioprio_set(2)). A
	// kernel without block devices has no such call.
	const whoProcess = 1
	if err := call(unix.SYS_IOPRIO_SET, whoProcess, 0, 0); err != nil && err != unix.ENOSYS {
		return fmt.Errorf("ionice: %w", err)
	}
	// The shim has made it large, for the runtime's monitor; and it is 0 after a real-time
	// policy. In nanoseconds, what the kernel gives pid 1.
	const usualSlack = 50_000
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, usualSlack, 0, 0, 0); err != nil {
		return fmt.Errorf("timer slack: %w", err)
	}
	// Memory from where this thread runs, and not merged with that of other processes,
	// which tells of it (set_mempolicy(2), PR_SET_MEMORY_MERGE): where a kernel has either.
	_ = unix.SetMemPolicy(unix.MPOL_DEFAULT, nil)
	_ = unix.Prctl(unix.PR_SET_MEMORY_MERGE, 0, 0, 0, 0)
	const perLinux = 0 // addresses at random, among others (personality(2))
	if err := call(unix.SYS_PERSONALITY, perLinux, 0, 0); err != nil {
		return fmt.Errorf("personality: %w", err)
	}
	return nil
}

// newKeyring leaves the agent's session keyring, whose keys the command could
// read, for a new one without a name (keyrings(7)). It is made by root: of the
// keys of any other user the kernel has only a few hundred. (With a user namespace it
// is that one's root, and the containers of one range of users share them.)
//
// Where keyctl(2) does not exist or a filter forbids it, it does so for the
// command, too, which is then without means to read a key. Any other error would
// leave the agent's keys to the command.
func (c *container) newKeyring() error {
	err := call(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	if err == unix.ENOSYS || err == unix.EPERM {
		return nil
	}
	if err == unix.EDQUOT {
		return fmt.Errorf("%w (too many keys: see /proc/key-users, and kernel.keys.maxkeys in sysctl)", err)
	}
	return err
}
