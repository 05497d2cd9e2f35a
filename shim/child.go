package shim

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// child is the process that we cloned: init, then the command. Signals go
// through its pidfd, so that they never hit a process that got its pid later; where a filter
// forbids that, to its pid, which is its own as long as it has not been waited for.
type child struct {
	pid   int
	pidfd *os.File
	raw   syscall.RawConn
	// reaping is held while the process is waited for, and by whoever relies on it that it
	// was not; reaped is set then.
	reaping sync.Mutex
	reaped  bool
	// stat is /proc/PID/stat, open since before the process could end.
	stat *os.File
	// mounts is its mount namespace, or -1. As long as that is open, the kernel does
	// not take it apart while the process ends, but when it is closed.
	mounts int
	// program is the file that init is executed from.
	program os.FileInfo
}

func newChild(pid, pidfd int, b birth) (*child, error) {
	c := &child{pid: pid, mounts: -1, program: b.program.info}
	var err error
	if c.pidfd, c.raw, err = polled(pidfd, "pidfd"); err == nil {
		c.stat, err = os.Open(procFile(pid, "stat"))
	}
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL) // our own child, not waited for: the pid is its
		_, _ = unix.Wait4(pid, nil, 0, nil)
		c.pidfd.Close()
		c.stat.Close()
		return nil, fmt.Errorf("clone: %w", err)
	}
	if b.holdMounts {
		c.mounts, err = unix.Open(procFile(pid, "ns/mnt"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil { // it has ended already, or its end takes longer
			c.mounts = -1
		}
	}
	return c, nil
}

func (c *child) id() int { return c.pid }

// signal sends a signal. A process that has ended is no error.
func (c *child) signal(signal syscall.Signal) error {
	var err error
	if closed := c.raw.Control(func(fd uintptr) {
		err = unix.PidfdSendSignal(int(fd), signal, nil, 0)
	}); closed != nil {
		return closed
	}
	if err != nil && err != unix.ESRCH { // where a filter forbids it
		c.reaping.Lock()
		defer c.reaping.Unlock()
		if c.reaped {
			return nil
		}
		err = unix.Kill(c.pid, signal)
	}
	if err == unix.ESRCH {
		return nil
	}
	return os.NewSyscallError("kill", err)
}

// wait is the goroutine, or the end of a failed start, that waits for the end
// of the process and reaps it. There is one, once for each child.
func (c *child) wait() (unix.WaitStatus, error) {
	if err := c.pidfd.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	return c.reap()
}

func (c *child) reap() (unix.WaitStatus, error) {
	var status unix.WaitStatus
	var pid int
	var err error
	waited := c.raw.Read(func(uintptr) bool {
		c.reaping.Lock()
		defer c.reaping.Unlock()
		for {
			pid, err = unix.Wait4(c.pid, &status, unix.WNOHANG, nil)
			if err != unix.EINTR {
				c.reaped = pid != 0 || err != nil
				return c.reaped
			}
		}
	})
	return status, errors.Join(waited, err)
}

// waitFor is wait with a deadline, which it counts like an alarm.
func (c *child) waitFor(d time.Duration) (status unix.WaitStatus, err error) {
	for range 2 {
		if err := c.pidfd.SetReadDeadline(time.Now().Add(d / 2)); err != nil {
			return 0, err
		}
		if status, err = c.reap(); !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return status, err
}

func (c *child) close() {
	c.pidfd.Close()
	c.stat.Close()
	if c.mounts >= 0 {
		unix.Close(c.mounts)
	}
}

// procFile is a file of a process in proc(5).
func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// procStat is what we need of proc_pid_stat(5).
type procStat struct {
	name    string
	state   byte
	flags   uint64
	pending uint64
	caught  uint64
	exit    uint64 // as wait(2) will tell it; from Linux 5.17 on, as soon as the signal is sent
}

// readStat reads the process's entry; a process that has been reaped gives ESRCH.
func (c *child) readStat() (procStat, error) {
	buf := make([]byte, 1024)
	n, err := c.stat.ReadAt(buf, 0)
	if n == 0 {
		return procStat{}, err
	}
	return parseStat(string(buf[:n]))
}

// parseStat parses a line of proc_pid_stat(5). The name stands between the first
// "(" and the last ")"; the fields behind it are numbered from 3.
func parseStat(line string) (procStat, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("stat: no name in %.64q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 50 {
		return procStat{}, fmt.Errorf("stat: %d fields in %.64q", len(fields)+2, line)
	}
	stat := procStat{name: line[open+1 : end], state: fields[0][0]}
	for _, field := range []struct {
		number int
		name   string
		value  *uint64
	}{
		{9, "flags", &stat.flags}, {31, "signal", &stat.pending}, {34, "sigcatch", &stat.caught}, {52, "exit_code", &stat.exit},
	} {
		value, err := strconv.ParseUint(fields[field.number-3], 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("stat: %s: %w", field.name, err)
		}
		*field.value = value
	}
	return stat, nil
}

// dead reports whether the process is a zombie or more than that.
func (s procStat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// heeds reports whether the process has a handler for a signal. If it is pid 1 the kernel
// drops what has none there (pid_namespaces(7)): at once, or when it is blocked no more, as it
// is in a shell that executes another program. (Who waits for a signal that stays blocked
// gets it, and never has a handler.)
func (s procStat) heeds(signal syscall.Signal) bool { return s.caught&bit(signal) != 0 }

// bit is a signal's in a mask of proc_pid_stat(5).
func bit(signal syscall.Signal) uint64 { return 1 << (uint(signal) - 1) }

// killed reports whether SIGKILL is pending, or has been taken as the exit status.
func (s procStat) killed() bool {
	return s.pending&bit(unix.SIGKILL) != 0 || s.exit&0x7f == uint64(unix.SIGKILL)
}

// dying reports whether the process has ended, or is on its way to the end: it has been
// killed, or the kernel's PF_EXITING is set.
func (s procStat) dying() bool {
	const exiting = 0x4
	return s.dead() || s.flags&exiting != 0 || s.killed()
}

// isInit reports whether the process, which has been told to proceed, has not
// executed the command yet. Its name says so; the command may give itself that
// very name, but it is not executed from init's file. (A zombie has none: one
// that has used its life to take the name counts as init, which is its own fault.)
func (c *child) isInit(stat procStat) bool {
	if stat.name != syncpipe.ExecName {
		return false
	}
	file, err := os.Stat(procFile(c.pid, "exe"))
	return err != nil || os.SameFile(file, c.program)
}
