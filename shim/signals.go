package shim

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// catchSignals makes the process survive every signal that can be survived, and
// returns the channel that they arrive on. It is the first thing that the
// supervisor does.
//
// SIGPIPE is caught, not ignored: a disposition of "ignore" is inherited by what
// is executed. SIGURG is the runtime's own, and SIGCHLD does nothing by default.
func catchSignals() <-chan os.Signal {
	// Room for a first and a second TERM among others that nobody waits for.
	c := make(chan os.Signal, 64)
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG:
		case 32, 33, 34:
			ignore(n) // the runtime leaves the C library's signals alone
		default:
			signal.Notify(c, n)
		}
	}
	return c
}

// ignore sets the disposition by hand. init sets every one back to the default.
func ignore(n syscall.Signal) {
	action := [4]uintptr{1} // struct kernel_sigaction: SIG_IGN
	const maskSize = 8      // bytes of the kernel's sigset_t
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0)
}
