package shim

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// closeInherited closes what the agent leaked, so that the supervisor does not
// hold on to it for the container's life: its listening sockets, its log pipes.
// The Go runtime's own descriptors, an epoll instance and an eventfd, may be
// open already and stay.
func closeInherited() {
	list, err := openDescriptors()
	if errors.Is(err, unix.EMFILE) { // so many have been leaked that not even the list can be had
		closeAll(belowLimit())
		list, err = openDescriptors()
	}
	if err == nil { // without /proc the clone will say so
		closeAll(list)
	}
}

func closeAll(list []string) {
	for _, name := range list {
		fd, err := strconv.Atoi(name)
		if err != nil || fd <= 2 {
			continue
		}
		what, err := os.Readlink("/proc/self/fd/" + name)
		if err != nil || strings.HasPrefix(what, "anon_inode:[event") {
			continue // closed already: the listing's own; or the runtime's
		}
		unix.Close(fd)
	}
}

func openDescriptors() ([]string, error) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
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

// belowLimit lists what can be open.
func belowLimit() []string {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil
	}
	list := make([]string, min(limit.Cur, math.MaxUint16))
	for fd := range list {
		list[fd] = strconv.Itoa(fd)
	}
	return list
}
