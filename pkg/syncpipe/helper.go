package syncpipe

import "golang.org/x/sys/unix"

// HelperName is argv[0] of the helper process, init. It is the whole command
// line, so that nothing of the configuration shows in ps.
const HelperName = "harpoon-init"

// ExecName is the thread name of init from the moment when it waits for proceed.
const ExecName = "/exec"

// Monotonic returns the time of CLOCK_MONOTONIC (clock_gettime(2)) in
// nanoseconds. Both halves share it: time.Time's own reading is private to a
// process.
func Monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return ts.Nano()
}
