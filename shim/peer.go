package shim

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Why a peer is refused.
var (
	errUser      = errors.New("neither root nor the supervisor's user")
	errNamespace = errors.New("its pid namespace is not the supervisor's")
	errEnded     = errors.New("its pid namespace is not known: it has ended")
)

// identify returns who has connected, and why it may not use the socket, or nil.
//
// The socket's mode keeps other users out. But its mode can be changed, its
// descriptor passed on; and a container that is given the run directory as a
// volume may be uid 0, which is root for the mode and for SO_PEERCRED, though
// not on the host (CVE-2020-15257). So whoever has a uid that is allowed must
// also be a process of the supervisor's own pid namespace, as agents are: no
// process of a container of ours is, nor is anything that it starts, and none of
// them can enter it.
//
// A peer that has connected, sent its command, ended and been reaped before this
// looks has no namespace any more: "printf | socat -u" is one now and then. It
// is obeyed if no process of this container can have a uid that is allowed; for
// then it is none of this container's. (Of another's it might be, whose root has
// been given this run directory, with agent.json and rootfs to write to.) Where
// the container's user is one that is allowed, it is refused: its children could
// be as quick. So that this is rare, accept looks at once, and not the loop,
// which may have other things to do.
func identify(socket int, rootInside bool) (peer unix.Ucred, refusal error) {
	cred, err := unix.GetsockoptUcred(socket, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return unix.Ucred{}, os.NewSyscallError("SO_PEERCRED", err)
	}
	if !allowed(cred.Uid) {
		return *cred, errUser
	}
	refusal = checkNamespace(socket, cred.Pid)
	if refusal == errEnded && !rootInside {
		refusal = nil
	}
	return *cred, refusal
}

// allowed reports whether a user may use the socket at all.
func allowed(uid uint32) bool { return uid == 0 || int(uid) == unix.Geteuid() }

// checkNamespace makes sure that the peer is in our own pid namespace. pid is
// its number there, or 0 if it has none; it has one in a namespace below ours,
// too, but then the kernel counts more levels: NSpid (proc_pid_status(5)) has one
// number for each.
func checkNamespace(socket int, pid int32) error {
	if pid <= 0 {
		return errNamespace
	}
	ours, err := ownLevels()
	if err != nil {
		return err
	}
	levels, err := peerLevels(socket, pid)
	switch {
	case err != nil:
		return err
	case levels != ours:
		return errNamespace
	}
	return nil
}

// own is what ownLevels has found, or 0. There is one goroutine at a time that identifies.
var own int

func ownLevels() (_ int, err error) {
	if own == 0 {
		own, err = readLevels("/proc/self/status")
	}
	return own, err
}

// peerLevels looks at the process itself, through SO_PEERPIDFD. Before Linux 6.5
// there are only numbers: one may have gone to another process between connect
// and accept, but not before all the others have been used in that time.
func peerLevels(socket int, pid int32) (int, error) {
	pidfd, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	switch {
	case err == unix.ENOPROTOOPT:
		return readLevels(procFile(int(pid), "status"))
	case err == unix.ESRCH || err == unix.EINVAL: // reaped
		return 0, errEnded
	case err != nil:
		return 0, os.NewSyscallError("SO_PEERPIDFD", err)
	}
	defer unix.Close(pidfd)
	return readLevels("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
}

// readLevels returns how many pid namespaces the process of a file in /proc is
// in. Package os would take longer than all the rest, for each client.
func readLevels(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	n, text := 0, make([]byte, 4096) // NSpid is in the first one
	if err == nil {
		n, err = unix.Read(fd, text)
		unix.Close(fd)
	}
	if err == unix.ENOENT || err == unix.ESRCH {
		return 0, errEnded
	}
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return parseLevels(string(text[:n]))
}

// parseLevels counts the numbers in the line NSpid, which says -1 of a process
// that has been reaped.
func parseLevels(text string) (int, error) {
	for line := range strings.Lines(text) {
		list, found := strings.CutPrefix(line, "NSpid:")
		if !found {
			continue
		}
		numbers := strings.Fields(list)
		for _, number := range numbers {
			if pid, err := strconv.Atoi(number); err != nil || pid <= 0 {
				return 0, errEnded
			}
		}
		if len(numbers) > 0 {
			return len(numbers), nil
		}
	}
	return 0, errors.New("its pid namespace is not known: no NSpid")
}
