package shim

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// catchSignals makes the process survive every signal that can be survived, and
// returns the channel on which those arrive that mean something. It is the first
// thing that the supervisor does.
//
// The others are ignored by hand: each signal that the runtime is asked for costs
// a round trip between two threads, 60 of them 12 ms at every start. An ignored
// signal is inherited across execve, by the command, too; but init gives it the
// default dispositions whatever came before.
func catchSignals() <-chan os.Signal {
	// Room for a first and a second TERM among others.
	c := make(chan os.Signal, 64)
	caught := []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGQUIT,
		// Sent by somebody; for its own the runtime keeps its handlers.
		unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE}
	signal.Notify(c, caught...)
	for n := syscall.Signal(1); n <= 64; n++ {
		switch {
		case slices.Contains(caught, os.Signal(n)):
		case n == unix.SIGKILL, n == unix.SIGSTOP: // nobody's to decide
		case n == unix.SIGCHLD: // an ignored one would reap the child for us (wait(2))
		case n == unix.SIGURG: // the runtime's own, and harmless by default
		default:
			ignore(n)
		}
	}
	return c
}

// ignore sets the disposition of a signal to "ignore".
func ignore(n syscall.Signal) {
	action := [4]uintptr{1} // struct kernel_sigaction: SIG_IGN
	const maskSize = 8      // bytes of the kernel's sigset_t
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0)
}
