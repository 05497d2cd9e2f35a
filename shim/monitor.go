package shim

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The Go runtime has a thread, its monitor, that looks after the others (sysmon in
// package runtime). While any of them has something to do it looks every 20 us, at
// first; that is throughout a start, in both halves, where there is nothing to find. How
// late the kernel may wake a thread is the thread's timer slack (prctl(2),
// PR_SET_TIMERSLACK): with a large one the monitor sleeps instead, which saves a tenth of
// a start.

// monitorSlack is as long as the monitor itself sleeps at most.
const monitorSlack = 10 * time.Millisecond

// monitor is the file of the monitor's timer slack, or empty (proc(5),
// /proc/pid/timerslack_ns; to write it needs CAP_SYS_NICE).
type monitor string

// calmMonitor lets the runtime's monitor sleep. It is the second thread of the process:
// the first that the runtime makes, which are listed in that order.
func calmMonitor() monitor {
	fd, err := unix.Open("/proc/self/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var buffer [512]byte
	n, err := unix.Getdents(fd, buffer[:])
	if err != nil {
		return ""
	}
	_, _, threads := unix.ParseDirent(buffer[:n], 2, nil)
	if len(threads) < 2 {
		return ""
	}
	m := monitor("/proc/" + threads[1] + "/timerslack_ns")
	m.write(strconv.FormatInt(monitorSlack.Nanoseconds(), 10))
	return m
}

// wake ends what calmMonitor has begun: should a goroutine be in a system call that takes
// long, it is the monitor that lets the others have its CPU.
func (m monitor) wake() { m.write("0") } // the thread's default

func (m monitor) write(ns string) {
	fd, err := unix.Open(string(m), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // it costs what it costs
	}
	_, _ = unix.Write(fd, []byte(ns)) // as well
	unix.Close(fd)
}

// withSlack calls f with a timer slack of this thread that a helper made there inherits,
// and its monitor from it. (Its command gets the usual one.)
func withSlack(f func() error) error {
	own, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return f()
	}
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(monitorSlack), 0, 0, 0)
	defer unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(own), 0, 0, 0)
	return f()
}
