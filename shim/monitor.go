package shim

import (
	"slices"
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

// monitor is what it takes to wake it up. It is empty if it could not be calmed.
type monitor struct {
	thread string // its ID
	last   string // that of the youngest thread there was then
	slack  string // the timer slack that all had, in ns
}

// calmMonitor lets the runtime's monitor sleep. It is the second thread of the process:
// the first that the runtime makes, which are listed in that order.
func calmMonitor() monitor {
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return monitor{}
	}
	var m monitor
	if list := threads(); len(list) > 1 && setSlack(list[1], strconv.FormatInt(monitorSlack.Nanoseconds(), 10)) == nil {
		m = monitor{thread: list[1], last: list[len(list)-1], slack: strconv.Itoa(slack)}
	}
	return m
}

// wake ends what calmMonitor has begun: should a goroutine be in a system call that takes
// long, it is the monitor that lets the others have its CPU. It may have made a thread
// for them, which then has its slack.
func (m monitor) wake() {
	if m.thread == "" {
		return
	}
	_ = setSlack(m.thread, m.slack) // first, so that there will be no more of them
	list := threads()
	for _, thread := range list[slices.Index(list, m.last)+1:] { // all, if that one has ended
		_ = setSlack(thread, m.slack) // it may have ended, too
	}
}

// threads returns the IDs of this process's threads, the oldest first.
func threads() (list []string) {
	fd, err := unix.Open("/proc/self/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var buffer [512]byte
	for {
		n, err := unix.Getdents(fd, buffer[:])
		if err != nil || n <= 0 {
			return list
		}
		_, _, list = unix.ParseDirent(buffer[:n], -1, list)
	}
}

// setSlack sets a thread's timer slack, in ns (proc(5), /proc/pid/timerslack_ns). It
// needs CAP_SYS_NICE.
func setSlack(thread, ns string) error {
	fd, err := unix.Open("/proc/"+thread+"/timerslack_ns", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(ns))
	return err
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
