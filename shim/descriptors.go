package shim

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const descriptorsDir = "/proc/self/fd"

// fdPath names an open file for system calls that take only paths.
func fdPath(fd int) string { return descriptorsDir + "/" + strconv.Itoa(fd) }

// closeInherited closes what the agent leaked, so that the supervisor does not
// hold on to it for the container's life: its listening sockets, its log pipes.
//
// Go's runtime opens descriptors of its own with the first timer and the first file
// that is opened, with a standard stream that does not block, or with a collection, of
// which there may be one if the agent's GOMEMLIMIT asks for it. There is no timer and no
// file before this call; so all that is open is to be closed, which the list
// of it would take longer to say.
func closeInherited() {
	if !standardPolled() && os.Getenv("GOMEMLIMIT") == "" && unix.CloseRange(3, math.MaxUint32, 0) == nil { // from Linux 5.9 on
		return
	}
	names, err := entries(descriptorsDir)
	if err == unix.EMFILE { // so many have been leaked that not even the list can be had
		closeBelowLimit()
		names, _ = entries(descriptorsDir) // without /proc there is no start
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil {
			closeLeaked(fd)
		}
	}
}

// entries lists a directory without package os, which would want the runtime's poller.
func entries(dir string) (names []string, err error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var buffer [512]byte
	for {
		n, err := unix.Getdents(fd, buffer[:])
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
	}
}

// standardPolled reports whether package os has given a standard stream to the
// runtime to poll.
func standardPolled() bool {
	for fd := range uintptr(3) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err == nil && flags&unix.O_NONBLOCK != 0 {
			return true
		}
	}
	return false
}

// closeBelowLimit closes what can be open.
func closeBelowLimit() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		for fd := range min(limit.Cur, math.MaxUint16) {
			closeLeaked(int(fd))
		}
	}
}

// closeLeaked closes a descriptor, unless it is one of the standard ones or of the
// Go runtime's, an epoll instance and an eventfd, which may be open already.
func closeLeaked(fd int) {
	if fd <= 2 {
		return
	}
	const runtimes = "anon_inode:[event"
	var what [len(runtimes)]byte
	n, err := unix.Readlink(fdPath(fd), what[:])
	if err == nil && !bytes.Equal(what[:n], []byte(runtimes)) {
		unix.Close(fd)
	}
}

// polled makes a file of a descriptor, for which the runtime's poller waits and no thread.
// With an error it is closed.
func polled(fd int, name string) (*os.File, syscall.RawConn, error) {
	err := unix.SetNonblock(fd, true)
	f := os.NewFile(uintptr(fd), name)
	var raw syscall.RawConn
	if err == nil {
		raw, err = f.SyscallConn()
	}
	if err == nil {
		err = f.SetReadDeadline(time.Time{}) // which only a file takes that the poller has
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, raw, nil
}

// leastFDs are wanted: by a start, which takes about twenty at once, and by a
// client, who is to be told what came of it.
const leastFDs = 32

// checkLimit refuses a descriptor limit with which there would be a supervisor
// that nobody can talk to.
func checkLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < leastFDs {
		return fmt.Errorf("descriptor limit of %d: at least %d are needed (raise the agent's ulimit -n)", limit.Cur, leastFDs)
	}
	return nil
}
