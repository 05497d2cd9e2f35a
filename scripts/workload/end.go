package main

import (
	"fmt"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/unix"
)

func exit(args []string) { os.Exit(number(args[0])) }

// crash dies of SIGSEGV. For pid 1 there are two ways to die of a signal: one
// from outside, or a fault of its own under the default disposition, which the Go
// runtime has replaced.
func crash([]string) {
	check(setDisposition(unix.SIGSEGV, sigDefault))
	readNothing(0)
}

// SIG_DFL and SIG_IGN of signal(7).
const (
	sigDefault = iota
	sigIgnore
)

// setDisposition goes around the Go runtime, which has handlers of its own.
func setDisposition(signal unix.Signal, handler uint64) error {
	action := [4]uint64{handler} // the kernel's struct sigaction; all else is 0
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// readNothing reads where nothing is.
//
//go:noinline
//go:nocheckptr
func readNothing(address uintptr) byte {
	return **(**byte)(unsafe.Pointer(&address))
}

// killSelf does what the kernel ignores in a container's pid 1.
func killSelf([]string) {
	report("kill-self", outcome(unix.Kill(os.Getpid(), unix.SIGKILL)))
}

// killAll kills all that pid 1 may, which is all but itself in its namespace.
func killAll([]string) {
	everybody := -1 // not in place, where it is banned
	report("kill-all", outcome(unix.Kill(everybody, unix.SIGKILL)))
}

// eat uses memory, and keeps it until the end.
func eat(args []string) {
	mib := number(args[0])
	memory, err := unix.Mmap(-1, 0, mib<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	check(err)
	for at := 0; at < len(memory); at += 4096 {
		memory[at] = 1
	}
	fmt.Printf("ate %d MiB\n", mib)
}

// eatChild lets a child eat, and says what became of it. The child offers
// itself to the kernel as the one to kill.
func eatChild(args []string) {
	cmd := exec.Command("/proc/self/exe", "write", "/proc/self/oom_score_adj", "1000", "then", "eat", args[0])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if err == nil {
		report("child", "ok")
		return
	}
	report("child", err)
}
