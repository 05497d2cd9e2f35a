package main

import (
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// numbers are the system calls that have a name here; the others go by number.
var numbers = map[string]uintptr{
	"add_key":         unix.SYS_ADD_KEY,
	"bpf":             unix.SYS_BPF,
	"chroot":          unix.SYS_CHROOT,
	"clone":           unix.SYS_CLONE,
	"clone3":          unix.SYS_CLONE3,
	"getpid":          unix.SYS_GETPID,
	"init_module":     unix.SYS_INIT_MODULE,
	"io_uring_setup":  unix.SYS_IO_URING_SETUP,
	"kexec_load":      unix.SYS_KEXEC_LOAD,
	"keyctl":          unix.SYS_KEYCTL,
	"mount":           unix.SYS_MOUNT,
	"move_mount":      unix.SYS_MOVE_MOUNT,
	"perf_event_open": unix.SYS_PERF_EVENT_OPEN,
	"personality":     unix.SYS_PERSONALITY,
	"pivot_root":      unix.SYS_PIVOT_ROOT,
	"ptrace":          unix.SYS_PTRACE,
	"setns":           unix.SYS_SETNS,
	"socket":          unix.SYS_SOCKET,
	"umount2":         unix.SYS_UMOUNT2,
	"unshare":         unix.SYS_UNSHARE,
	"userfaultfd":     unix.SYS_USERFAULTFD,
}

// trySyscalls makes raw system calls: NAME or a number, and arguments behind
// commas. Those that are not given are 0.
func trySyscalls(calls []string) {
	for _, call := range calls {
		var words [7]uintptr
		for i, word := range strings.Split(call, ",") {
			if number, known := numbers[word]; known && i == 0 {
				words[0] = number
			} else {
				words[i] = value(word)
			}
		}
		_, _, errno := unix.Syscall6(words[0], words[1], words[2], words[3], words[4], words[5], words[6])
		report("syscall "+call, outcome(errno))
	}
}

// value reads a number of up to 64 bits, in any base of Go's.
func value(word string) uintptr {
	n, err := strconv.ParseUint(word, 0, 64)
	check(err)
	return uintptr(n)
}

// tryIoctls makes requests of a terminal that is this process's own, each with a
// pointer to a letter. The terminal stays open: to close it is to hang up.
func tryIoctls(requests []string) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check(err)
	n, err := unix.IoctlGetUint32(master, unix.TIOCGPTN)
	check(err)
	check(unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0))
	// The session's leader opens it, so that it becomes the session's.
	terminal, err := unix.Open("/dev/pts/"+strconv.Itoa(int(n)), unix.O_RDWR|unix.O_CLOEXEC, 0)
	check(err)
	for _, request := range requests {
		var letters [64]byte
		letters[0] = 'x'
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(terminal), value(request), uintptr(unsafe.Pointer(&letters)))
		report("ioctl "+request, outcome(errno))
	}
}

// tryInt80 makes system calls of i386, by number and without arguments.
func tryInt80(calls []string) {
	for _, call := range calls {
		report("int80 "+call, int80Outcome(value(call)))
	}
}

// int80Outcome says what becomes of one; where the kernel does not know them at
// all, it is a fault.
func int80Outcome(number uintptr) (text string) {
	defer func() {
		if recover() != nil {
			text = "SIGSEGV"
		}
	}()
	if result := int32(int80(number)); result < 0 {
		return outcome(unix.Errno(-result))
	}
	return "ok"
}
