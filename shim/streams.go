package shim

import "golang.org/x/sys/unix"

// stream is what a command can change of a standard stream, which it shares with
// whoever has opened it, and with the runs after it.
type stream struct {
	flags int // O_NONBLOCK and others (fcntl(2), F_SETFL)
	size  int // of a pipe, in bytes; else -1
}

// streams are stdin and stdout as the agent has given them.
type streams [2]stream

func lookAtStreams() (s streams) {
	for fd := range s {
		s[fd].flags, _ = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0) // it is open
		s[fd].size, _ = unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	}
	return s
}

// restore takes back what a run has done. Many a program sets O_NONBLOCK for itself,
// and the next run, which knows nothing of it, would lose its output.
func (s streams) restore() {
	now := lookAtStreams()
	for fd, was := range s {
		if was.flags != now[fd].flags {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFL, was.flags)
		}
		if was.size != now[fd].size {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, was.size) // not while it holds more
		}
	}
}
