package shim

import (
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
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // without /proc the clone will say so
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		what, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err != nil || strings.HasPrefix(what, "anon_inode:[event") {
			continue // closed already: the listing's own; or the runtime's
		}
		unix.Close(fd)
	}
}
