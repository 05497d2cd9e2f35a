package main

import (
	"os"
	"os/exec"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// agentKey is a key in the session keyring of hostile.
const agentKey = "harpoon-agent"

// hostile becomes a program that inherits what a careless parent may leave it:
// signals ignored and blocked, a umask that forbids all, a low priority of every kind,
// one processor, imprecise timers, memory of one node, merged, in a fixed layout, a bad
// score with the out-of-memory killer, groups, capabilities and a key.
//
// The main goroutine is locked to the thread that will exec.
func hostile(args []string) {
	for _, signal := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE, unix.SIGUSR1, unix.SIGCHLD} {
		check(setDisposition(signal, sigIgnore))
	}
	var set unix.Sigset_t
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGUSR2, unix.SIGALRM, unix.SIGCHLD} {
		set.Val[0] |= 1 << (signal - 1)
	}
	check(unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil))
	unix.Umask(0o777)
	check(os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0))
	check(unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_BATCH, Nice: 5}, 0))
	var one unix.CPUSet
	one.Set(0)
	check(unix.SchedSetaffinity(0, &one))
	const whoProcess, bestEffort7 = 1, 2<<13 | 7 // ioprio_set(2)
	check(raw(unix.SYS_IOPRIO_SET, whoProcess, 0, bestEffort7))
	const wakeLate = 1_000_000 // ns
	check(unix.Prctl(unix.PR_SET_TIMERSLACK, wakeLate, 0, 0, 0))
	check(raw(unix.SYS_PERSONALITY, addrNoRandomize, 0, 0))
	// Where the kernel has that.
	nodes := uint64(1 << 0)
	_ = raw(unix.SYS_SET_MEMPOLICY, mpolBind, uintptr(unsafe.Pointer(&nodes)), 64)
	_ = raw(unix.SYS_PRCTL, unix.PR_SET_MEMORY_MERGE, 1, 0)
	leaveKey()
	check(unix.Setgroups([]int{4, 24}))
	leaveCapabilities()
	check(unix.Exec(args[0], args, os.Environ()))
}

// longSlices becomes a program with slices of CPU time of so many ns (sched(7)).
func longSlices(args []string) {
	check(unix.SchedSetAttr(0, &unix.SchedAttr{Runtime: uint64(number(args[0]))}, 0))
	check(unix.Exec(args[1], args[1:], os.Environ()))
}

// bequeath becomes a program that has a child already, whose pid is in a file.
func bequeath(args []string) {
	child := exec.Command("/proc/self/exe", "sleep", "1m")
	check(child.Start()) // on this thread
	check(os.WriteFile(args[0], strconv.AppendInt(nil, int64(child.Process.Pid), 10), 0o644))
	check(unix.Exec(args[1], args[1:], os.Environ()))
}

// addrNoRandomize is ADDR_NO_RANDOMIZE of personality(2).
const addrNoRandomize = 0x40000

// mpolBind is MPOL_BIND of set_mempolicy(2).
const mpolBind = 2

// raw is a system call of this thread.
func raw(trap, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(trap, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// leaveKey makes a session keyring that holds a key, where the kernel has keys.
func leaveKey() {
	_, err := unix.KeyctlJoinSessionKeyring("harpoon-session")
	if err == unix.ENOSYS {
		return
	}
	check(err)
	_, err = unix.AddKey("user", agentKey, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	check(err)
}

// leaveCapabilities puts two capabilities into the inheritable and the ambient set.
func leaveCapabilities() {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	check(unix.Capget(&header, &sets[0]))
	for _, capability := range []uint{unix.CAP_NET_RAW, unix.CAP_CHOWN} {
		sets[0].Inheritable |= 1 << capability
	}
	check(raw(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets[0])), 0))
	for _, capability := range []uintptr{unix.CAP_NET_RAW, unix.CAP_CHOWN} {
		check(unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, capability, 0, 0))
	}
}
