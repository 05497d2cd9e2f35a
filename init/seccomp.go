package nsinit

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

//go:generate go run ../scripts/seccomp

// installFilter puts this thread, and so the command, under the seccomp filter.
// The runtime's other threads are not: execve ends them.
//
// What the command may do by a capability is not kept from it by the filter: those
// that it has by now are its last word.
func (c *container) installFilter() error {
	if c.Unconfined {
		return nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	for _, g := range grants {
		if caps[g.capability/32].Permitted&(1<<(g.capability%32)) != 0 {
			filter[g.at].K = unix.SECCOMP_RET_ALLOW
		}
	}
	return load(filter[:])
}

// load installs a filter. SPEC_ALLOW is what kernels from 5.16 on do anyway:
// before, a filter turned on mitigations that slow down the whole command.
func load(filter []unix.SockFilter) error {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&program)))
	if err == unix.ENOSYS || err == unix.EPERM { // by a filter of the supervisor's own
		err = call(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)))
	}
	if err == unix.EINVAL {
		return fmt.Errorf(`%w (the kernel is without CONFIG_SECCOMP_FILTER; "seccomp": "unconfined" does without)`, err)
	}
	return err
}
