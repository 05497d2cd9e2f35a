package main

import "golang.org/x/sys/unix"

// storm forks N processes as fast as that goes, each the parent of the next one,
// with a session of its own, and all of them stay. Whoever kills them one by one
// comes late.
func storm(args []string) {
	if n := number(args[0]); n > 0 {
		check(fork(n))
	}
	report("storm", args[0])
}

// fork forks without exec, and returns in the first process only. The others have
// one thread and no Go runtime to speak of: they may do nothing but system calls.
//
//go:norace
//go:nosplit
func fork(n int) error {
	for first := true; n > 0; n-- {
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		switch {
		case first && errno != 0:
			return errno
		case first && pid != 0:
			return nil
		case pid != 0 || errno != 0:
			stay()
		}
		first = false
		unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0) // who was just forked leads no group
	}
	stay()
	return nil
}

// stay is pause(2), which arm64 has only in the shape of ppoll.
//
//go:norace
//go:nosplit
func stay() {
	for {
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}
