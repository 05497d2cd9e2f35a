package main

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deniable are the system calls that kernels have got since 3.17, or that filters
// made before them forbid; keyctl, which filters forbid for what it can reach;
// those that are not in every kernel; and those that an exhausted machine fails.
var deniable = map[string]uint32{
	"clone3":        unix.SYS_CLONE3,
	"close_range":   unix.SYS_CLOSE_RANGE,
	"fsopen":        unix.SYS_FSOPEN,
	"ioprio_set":    unix.SYS_IOPRIO_SET,
	"keyctl":        unix.SYS_KEYCTL,
	"memfd_create":  unix.SYS_MEMFD_CREATE,
	"mount_setattr": unix.SYS_MOUNT_SETATTR,
	"move_mount":    unix.SYS_MOVE_MOUNT,
	"open_tree":     unix.SYS_OPEN_TREE,
	"sched_setattr": unix.SYS_SCHED_SETATTR,
	"openat2":       unix.SYS_OPENAT2,
	"pidfd_open":    unix.SYS_PIDFD_OPEN,
	"seccomp":       unix.SYS_SECCOMP,
	"statx":         unix.SYS_STATX,

	"accept4":           unix.SYS_ACCEPT4,
	"bind":              unix.SYS_BIND,
	"epoll_create1":     unix.SYS_EPOLL_CREATE1,
	"epoll_ctl":         unix.SYS_EPOLL_CTL,
	"eventfd2":          unix.SYS_EVENTFD2,
	"inotify_add_watch": unix.SYS_INOTIFY_ADD_WATCH,
	"inotify_init1":     unix.SYS_INOTIFY_INIT1,
	"listen":            unix.SYS_LISTEN,
	"mkdirat":           unix.SYS_MKDIRAT,
	"mount":             unix.SYS_MOUNT,
	"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL,
	"pivot_root":        unix.SYS_PIVOT_ROOT,
	"recvmsg":           unix.SYS_RECVMSG,
	"sendmsg":           unix.SYS_SENDMSG,
	"socket":            unix.SYS_SOCKET,
	"socketpair":        unix.SYS_SOCKETPAIR,
	"unshare":           unix.SYS_UNSHARE,
}

// refusals are the errnos that they can fail with.
var refusals = map[string]unix.Errno{
	"EAGAIN": unix.EAGAIN,
	"EINVAL": unix.EINVAL,
	"EMFILE": unix.EMFILE,
	"ENFILE": unix.ENFILE,
	"ENOMEM": unix.ENOMEM,
	"ENOSYS": unix.ENOSYS,
	"EPERM":  unix.EPERM,
}

// deny becomes a program for which system calls, separated by commas, fail: with
// ENOSYS as on an old kernel, with EPERM as under the filter of a container
// engine (seccomp(2)), with EINVAL as where an option was left out of the kernel,
// or as on a machine that has no more to give. What it starts inherits that. The call
// "fork" is the making of a process, "thread" that of a thread: both are clone(2), and
// clone3(2) hides which it is.
func deny(args []string) {
	refused := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(refusals[args[0]])}
	filter := []unix.SockFilter{load(0)} // seccomp_data.nr
	var last []unix.SockFilter
	for _, name := range strings.Split(args[1], ",") {
		number, known := deniable[name]
		switch {
		case refusals[args[0]] == 0:
			known = false
		case name == "fork": // clone without the flag jumps to the refusal
			last, known = []unix.SockFilter{only(unix.SYS_CLONE, 3), load(16), thread(1, 0), refused}, true
		case name == "thread":
			last, known = []unix.SockFilter{only(unix.SYS_CLONE, 3), load(16), thread(0, 1), refused}, true
		default:
			filter = append(filter, only(number, 1), refused)
		}
		if !known {
			check(fmt.Errorf("deny %s %s: unknown", args[0], name))
		}
	}
	filter = append(append(filter, last...), unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// The main goroutine is locked to the thread that will exec.
	check(unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0))
	check(unix.Exec(args[2], args[2:], os.Environ()))
}

// load loads a word of the system call: its number at 0, the lower half of its
// first argument at 16.
func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// only skips so many instructions unless it is this call.
func only(number uint32, skip uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: skip}
}

// thread skips so many instructions if clone makes a thread, and if it does not.
func thread(is, isNot uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_THREAD, Jt: is, Jf: isNot}
}
