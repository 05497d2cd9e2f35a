package nsinit

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// lookUp finds the command's file as execvp(3) does: a name with a slash is
// taken as it is, another one is looked for in the directories of PATH. The root
// and the user are the container's by now, so that paths need no care: they lead
// to nothing that the command could not reach by itself.
func (c *container) lookUp() error {
	name := string(c.Argv[0])
	if strings.Contains(name, "/") {
		c.path = name
		return nil
	}
	found := error(unix.ENOENT)
	for _, dir := range strings.Split(c.searchPath(), ":") {
		if dir == "" {
			dir = "."
		}
		path := dir + "/" + name
		var st unix.Stat_t
		if err := unix.Stat(path, &st); name == "" || err != nil {
			if err == unix.EACCES {
				found = err
			}
			continue
		}
		if st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Access(path, unix.X_OK) == nil {
			c.path = path
			return nil
		}
		found = unix.EACCES
	}
	// The directories are a value of the environment: not shown.
	return fmt.Errorf("find command %s: %w (in the directories of PATH)", visible(name), found)
}

// searchPath returns the value of PATH, which the shim has made sure of.
func (c *container) searchPath() string {
	for _, entry := range c.Env {
		if value, ok := bytes.CutPrefix(entry, []byte("PATH=")); ok {
			return string(value)
		}
	}
	return ""
}

// allowHugePages undoes what the shim has forbidden this process (prctl(2),
// PR_SET_THP_DISABLE): execve would leave it so.
func (c *container) allowHugePages() error {
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 0, 0, 0, 0) // a kernel without has none
	return nil
}

// resetSignals gives the command default dispositions and an empty mask. A
// signal that the agent ignored or blocked would stay so across execve
// (signal(7)). Go's own handlers go with the rest: from here on a signal finds
// the defaults.
func (c *container) resetSignals() error {
	var action [4]uintptr // struct kernel_sigaction: SIG_DFL, no flags, no mask
	const maskSize = 8    // bytes of the kernel's sigset_t
	for signal := uintptr(1); signal <= 64; signal++ {
		if signal == uintptr(unix.SIGKILL) || signal == uintptr(unix.SIGSTOP) {
			continue
		}
		_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0)
		if errno != 0 {
			return fmt.Errorf("signal %d: %w", signal, errno)
		}
	}
	var mask uint64
	_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, maskSize, 0, 0)
	if errno != 0 {
		return fmt.Errorf("mask: %w", errno)
	}
	return nil
}

// joinStderr makes stderr what stdout is.
func (c *container) joinStderr() error { return unix.Dup3(1, 2, 0) }

// mostFDs is far above what the shim hands to init, less than ten. What init has opened
// itself, a descriptor for each volume among it, is close-on-exec already.
const mostFDs = 1024

// closeDescriptors makes execve close whatever is open but the standard streams.
// Nothing is closed before: another thread of the runtime may be waiting on its
// epoll instance, and would end the process. The sync pipe, too, closes at the
// execve that succeeds.
func (c *container) closeDescriptors() error {
	// From Linux 5.11 on, and where no filter forbids it.
	if unix.CloseRange(syncpipe.FD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	dir, err := unix.Openat(c.proc, "self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.EMFILE { // the command may have fewer than init has: no list
		for fd := syncpipe.FD; fd < mostFDs; fd++ {
			unix.CloseOnExec(fd) // where there is one
		}
		return nil
	}
	if err != nil {
		return pathError("open", "/proc/self/fd", err)
	}
	list := os.NewFile(uintptr(dir), "/proc/self/fd")
	defer list.Close()
	names, err := list.Readdirnames(-1)
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd >= syncpipe.FD {
			unix.CloseOnExec(fd)
		}
	}
	return err
}

// exec becomes the command. It returns only an error.
func (c *container) exec() error {
	path, err := unix.BytePtrFromString(c.path)
	if err != nil {
		return err
	}
	argv, env := pointers(c.Argv), pointers(c.Env)
	err = call(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	return explainExec(c.path, err)
}

// pointers returns the NULL-terminated array of C strings that execve takes.
func pointers(list [][]byte) []*byte {
	array := make([]*byte, len(list)+1)
	for i, s := range list {
		array[i] = unsafe.SliceData(append(s, 0))
	}
	return array
}
