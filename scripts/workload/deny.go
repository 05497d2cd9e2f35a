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
// and the one that is not in every kernel.
var deniable = map[string]uint32{
	"clone3":        unix.SYS_CLONE3,
	"close_range":   unix.SYS_CLOSE_RANGE,
	"fsopen":        unix.SYS_FSOPEN,
	"keyctl":        unix.SYS_KEYCTL,
	"memfd_create":  unix.SYS_MEMFD_CREATE,
	"mount_setattr": unix.SYS_MOUNT_SETATTR,
	"move_mount":    unix.SYS_MOVE_MOUNT,
	"open_tree":     unix.SYS_OPEN_TREE,
	"openat2":       unix.SYS_OPENAT2,
	"pidfd_open":    unix.SYS_PIDFD_OPEN,
	"seccomp":       unix.SYS_SECCOMP,
	"statx":         unix.SYS_STATX,
}

// deny becomes a program for which system calls, separated by commas, fail: with
// ENOSYS as on an old kernel, with EPERM as under the filter of a container engine
// (seccomp(2)), or with EINVAL as where an option was left out of the kernel. What it starts inherits that.
func deny(args []string) {
	errno := map[string]unix.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM, "EINVAL": unix.EINVAL}[args[0]]
	var filter []unix.SockFilter
	add := func(code uint16, k uint32, onFalse uint8) {
		filter = append(filter, unix.SockFilter{Code: code, K: k, Jf: onFalse})
	}
	add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0) // seccomp_data.nr
	for _, name := range strings.Split(args[1], ",") {
		number, known := deniable[name]
		if !known || errno == 0 {
			check(fmt.Errorf("deny %s %s: unknown", args[0], name))
		}
		add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, number, 1)
		add(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ERRNO|uint32(errno), 0)
	}
	add(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW, 0)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// The main goroutine is locked to the thread that will exec.
	check(unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0))
	check(unix.Exec(args[2], args[2:], os.Environ()))
}
