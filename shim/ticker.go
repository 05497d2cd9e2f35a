package shim

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ticker is a time.Ticker for a process that sleeps in between. A timer of the
// runtime's wakes it several times at each tick: the poller counts in whole
// milliseconds and comes too early, and the monitor is a thread that gets up for
// each timer, too. A timerfd wakes the poller once, and is read without the
// monitor's knowing; see sendNow.
type ticker struct {
	ticks <-chan struct{} // one that is not taken stands for all
	stop  func()
}

// channel may be called without a ticker.
func (t *ticker) channel() <-chan struct{} {
	if t == nil {
		return nil
	}
	return t.ticks
}

// newTicker never fails: without a timerfd, for which a descriptor may be
// lacking, it is the runtime's timer after all.
func newTicker(d time.Duration) *ticker {
	ticks := make(chan struct{}, 1)
	file, raw, err := openTimer(d)
	if err == nil {
		go awaitTicks(raw, ticks)
		return &ticker{ticks, func() { file.Close() }}
	}
	timer, stopped := time.NewTicker(d), make(chan struct{})
	go func() { // tick
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
				wake(ticks)
			case <-stopped:
				return
			}
		}
	}()
	return &ticker{ticks, func() { close(stopped) }}
}

func openTimer(d time.Duration) (*os.File, syscall.RawConn, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, nil, os.NewSyscallError("timerfd_create", err)
	}
	each := unix.NsecToTimespec(d.Nanoseconds())
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: each, Value: each}, nil); err != nil {
		unix.Close(fd)
		return nil, nil, os.NewSyscallError("timerfd_settime", err)
	}
	return polled(fd, "timerfd")
}

// awaitTicks is the goroutine that passes on what the timer tells, until the file
// is closed.
func awaitTicks(timer syscall.RawConn, ticks chan<- struct{}) {
	var expired uint64 // how often, since it was read last
	read := func(fd uintptr) bool {
		_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&expired)), unsafe.Sizeof(expired))
		return errno != unix.EAGAIN
	}
	for timer.Read(read) == nil {
		wake(ticks)
	}
}
