package shim

import (
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/goruntime"
)

// The Go runtime has a thread, its monitor, that looks after the others (sysmon in
// package runtime). While any of them has something to do it looks every 20 us, at
// first; that is throughout a start, in both halves, where there is nothing to find. How
// late the kernel may wake a thread is the thread's timer slack (prctl(2),
// PR_SET_TIMERSLACK): with a large one the monitor sleeps instead, which saves a tenth of
// a start.

const (
	// monitorSlack is as long as the monitor itself sleeps at most.
	monitorSlack = 10 * time.Millisecond
	// usualSlack is what the kernel gives pid 1.
	usualSlack = 50 * time.Microsecond
)

// monitor is the thread's ID. It is empty if it could not be calmed.
type monitor string

// calmMonitor lets the runtime's monitor sleep. It is the second thread of the process:
// the first that the runtime makes.
//
// It is called on the main thread, which gets the usual slack, whatever the agent's is: to
// the kernel the slack of a thread is the usual one of the processes that it makes, the
// command's in the end, to which PR_SET_TIMERSLACK with 0 returns.
func calmMonitor() monitor {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(usualSlack), 0, 0, 0) // cannot fail
	second := secondThread(strconv.Itoa(os.Getpid() + 1))
	if second == "" || setSlack(second, monitorSlack) != nil {
		return ""
	}
	return monitor(second)
}

// secondThread returns the ID of the second thread, or nothing. It is guessed first: IDs
// are given in a row, to whoever makes a thread. To list all threads takes a fiftieth of a
// start, most of it for code and memory that nothing has used before.
func secondThread(guess string) string {
	if unix.Access("/proc/self/task/"+guess, unix.F_OK) == nil {
		return guess
	}
	if list := threads(); len(list) > 1 {
		return list[1]
	}
	return "" // this /proc is not of this process
}

// calmHelper does the same for a helper that has just been made. Its runtime has yet to
// make its monitor, which inherits from the main thread; if it should be faster, so be it.
// The helper takes this back on its main thread, once it has its configuration, which it
// gets later than this.
func calmHelper(pid int) {
	_ = setSlack(strconv.Itoa(pid), monitorSlack)
	leaveCPU(pid)
}

// leaveCPU keeps a helper off the CPU of the calling thread, if there are others. What
// comes first in a Go program goes from one thread to a new one and back, twice. The
// kernel may put that one where this thread is at work, and it waits there for the rest of
// a time slice, in every third start on a host of two CPUs, beside one that is idle.
func leaveCPU(pid int) {
	var cpu uint32
	var set unix.CPUSet
	if _, _, err := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); err != 0 || unix.SchedGetaffinity(0, &set) != nil {
		return
	}
	set.Clear(int(cpu))
	_ = unix.SchedSetaffinity(pid, &set) // none is left: EINVAL
}

// wake ends what calmMonitor has begun: should a goroutine be in a system call that takes
// long, it is the monitor that lets the others have its CPU, until then as late as its
// slack. It may have made a thread for them, which then has its slack.
func (m monitor) wake() {
	if m == "" {
		return
	}
	goruntime.GrowStack()
	_ = setSlack(string(m), usualSlack) // first, so that there will be no more of them
	for _, thread := range threads() {
		_ = setSlack(thread, usualSlack) // it may have ended
	}
}

// threads returns the IDs of this process's threads, the oldest first.
func threads() []string {
	list, _ := entries("/proc/self/task") // without /proc none is known
	return list
}

// setSlack sets the timer slack of a thread, or of a process's main thread (proc(5),
// /proc/pid/timerslack_ns). It needs CAP_SYS_NICE.
func setSlack(thread string, slack time.Duration) error {
	fd, err := unix.Open("/proc/"+thread+"/timerslack_ns", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, strconv.AppendInt(nil, slack.Nanoseconds(), 10))
	return err
}
