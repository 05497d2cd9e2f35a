package shim

import "golang.org/x/sys/unix"

// streams are the flags of stdin and stdout (fcntl(2), F_SETFL) as the agent has given
// them. A command shares the open file descriptions with the runs after it.
type streams [2]int

func lookAtStreams() (s streams) {
	for fd := range s {
		s[fd], _ = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0) // it is open
	}
	return s
}

// restore takes back what a run has done. Many a program sets O_NONBLOCK for itself,
// and the next run, which knows nothing of it, would lose its output. What else there is
// stays: O_ASYNC, and the size of a pipe, are changed under the pipe's lock, which
// whoever reads it may hold for as long as he likes (splice(2)).
func (s streams) restore() {
	for fd, now := range lookAtStreams() {
		if flags := s[fd]&^unix.O_ASYNC | now&unix.O_ASYNC; flags != now {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
		}
	}
}
