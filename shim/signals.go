package shim

import (
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/goruntime"
)

// signals are the channels on which those arrive that mean something. TERM and
// INT have one of their own, lest they find no room among the others; a third
// one would change nothing.
type signals struct {
	end, others chan os.Signal
	caught      chan struct{} // closed when those of catchSignals are
}

var (
	endSignals = []os.Signal{unix.SIGTERM, unix.SIGINT}
	// Sent by somebody; for its own the runtime keeps its handlers. (None of these may
	// be ignored by hand meanwhile: the runtime would not notice, and leave it so.)
	trapSignals = []os.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE}
)

// catchSignals makes the process survive every signal that can be survived, but for
// those of catchTraps. It is the first thing that the supervisor begins.
//
// Most are ignored by hand, at once: each signal that the runtime is asked for costs a
// round trip between two threads, 60 of them 4 ms at every start. Even the three that
// mean something are a fiftieth of a start: they are asked for while the main thread
// waits, for the clone as a rule. Until then, as before this call, they end the process;
// so nothing may have been made by then that would outlive it.
//
// An ignored signal is inherited across execve, by the command, too; but init gives
// it the default dispositions whatever came before.
func catchSignals() signals {
	for n := syscall.Signal(1); n <= 64; n++ {
		switch {
		case n == unix.SIGQUIT, slices.Contains(endSignals, os.Signal(n)), slices.Contains(trapSignals, os.Signal(n)):
		case n == unix.SIGKILL, n == unix.SIGSTOP: // nobody's to decide
		case n == unix.SIGCHLD: // an ignored one would reap the child for us (wait(2))
		case n == unix.SIGURG: // the runtime's own, and harmless by default
		default:
			ignore(n)
		}
	}
	s := signals{end: make(chan os.Signal, 2), others: make(chan os.Signal, 1), caught: make(chan struct{})}
	go func() {
		goruntime.GrowStack()
		defer close(s.caught)
		signal.Notify(s.end, endSignals...)
		signal.Notify(s.others, unix.SIGQUIT)
	}()
	return s
}

// catchTraps is the rest, for when there is time.
func (s signals) catchTraps() { signal.Notify(s.others, trapSignals...) }

// passEndSignals has another thread than the calling one, the main thread, take the signals
// that end the supervisor. The kernel prefers the main thread, also while it is in a system
// call that nothing interrupts, an open on a dead file server, say: nobody would hear of
// them (signal(7)). They are blocked in a helper, too, until it gives the command an empty
// mask.
func passEndSignals() {
	var set unix.Sigset_t
	for _, s := range endSignals {
		set.Val[0] |= 1 << (s.(syscall.Signal) - 1)
	}
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil) // cannot fail
}

// ignore sets the disposition of a signal to "ignore".
func ignore(n syscall.Signal) {
	action := [4]uintptr{1} // struct kernel_sigaction: SIG_IGN
	const maskSize = 8      // bytes of the kernel's sigset_t
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0)
}

// onEndSignal: TERM and INT end the supervisor with the container.
func (s *supervisor) onEndSignal(signal syscall.Signal) {
	with := unix.SIGTERM
	if s.ending.signal != 0 {
		with = unix.SIGKILL
	} else {
		s.ending.signal = signal
	}
	s.stop(with, "signal", unix.SignalName(signal))
}

// onOtherSignal: QUIT shows what the goroutines do, the others are survived.
func (s *supervisor) onOtherSignal(signal syscall.Signal) {
	if signal != unix.SIGQUIT {
		return
	}
	forking := &s.starter.cloner.forking
	if !forking.TryLock() {
		s.log.Warn("goroutines cannot be shown while a helper is cloned")
		return
	}
	defer forking.Unlock()
	stacks := make([]byte, 1<<20)
	_, _ = s.lines.Write(stacks[:runtime.Stack(stacks, true)]) // never fails
}
