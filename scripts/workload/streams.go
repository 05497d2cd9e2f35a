package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reportStreams says what stdin and stdout are.
func reportStreams([]string) {
	for fd := range 2 {
		var st, null unix.Stat_t
		check(unix.Fstat(fd, &st))
		check(unix.Stat("/dev/null", &null))
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		check(err)
		text := fmt.Sprintf("%s %04o flags %#o", fileTypes[st.Mode&unix.S_IFMT], st.Mode&0o7777, flags&(unix.O_NONBLOCK|unix.O_ASYNC|unix.O_APPEND))
		if st.Dev == null.Dev && st.Ino == null.Ino {
			text += ", the own null device"
		}
		report(fmt.Sprintf("stream %d", fd), text)
	}
	var out, errors unix.Stat_t
	check(unix.Fstat(1, &out))
	check(unix.Fstat(2, &errors))
	// Not all of them: whoever reads a pipe changes its times.
	report("stderr is stdout", out.Dev == errors.Dev && out.Ino == errors.Ino)
}

// spoilStreams changes of stdin and stdout what others may see.
func spoilStreams([]string) {
	for fd := range 2 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		check(err)
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_NONBLOCK|unix.O_ASYNC)
		check(err)
		var st unix.Stat_t
		check(unix.Fstat(fd, &st))
		mode := st.Mode & 0o7777
		if st.Mode&unix.S_IFMT == unix.S_IFIFO {
			mode = 0
		}
		report(fmt.Sprintf("chmod stream %d", fd), outcome(unix.Fchmod(fd, mode)))
	}
}
