package syncpipe

import "golang.org/x/sys/unix"

// ProgramFD is the file that the helper process, init, is executed from; it is made
// with that, its end of the pipe, FD, and the standard streams. That it is one of
// its own descriptors is what makes /proc/self/fd/4 its path, whatever happens to
// descriptors between clone and execve.
const ProgramFD = FD + 1

// HelperName is argv[0] of the helper process, init. It is the whole command
// line, so that nothing of the configuration shows in ps.
const HelperName = "harpoon-init"

// ExecName is the thread name of init from the moment when it says ready.
const ExecName = "/exec"

// Monotonic returns the time of CLOCK_MONOTONIC (clock_gettime(2)) in
// nanoseconds. Both halves share it: time.Time's own reading is private to a
// process.
func Monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return ts.Nano()
}
