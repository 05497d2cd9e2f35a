package nsinit

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call is a raw system call of this thread. Pointers among its arguments are
// kept alive, and where they are, until it returns.
//
//go:uintptrescapes
func call(trap, a, b, c uintptr) error {
	if _, _, errno := syscall.RawSyscall(trap, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// setLimits sets the one limit that is not inherited.
func (c *container) setLimits() error {
	limit := unix.Rlimit{Cur: c.NoFile, Max: c.NoFile}
	if err := call(unix.SYS_SETRLIMIT, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&limit)), 0); err != nil {
		hint := ""
		if err == unix.EPERM {
			hint = " (beyond the supervisor's own hard limit)"
		}
		return fmt.Errorf("open files %d: %w%s", c.NoFile, err, hint)
	}
	return nil
}

func (c *container) setUmask() error {
	unix.Umask(0o022)
	return nil
}

// givePipes makes the command's user the owner of the pipes among its standard
// streams, so that it can open /dev/stdout, whatever the run before has made of
// them. Files, named pipes among them, and terminals are the host's.
func (c *container) givePipes() error {
	for fd := range 2 {
		var fs unix.Statfs_t
		if err := unix.Fstatfs(fd, &fs); err != nil || fs.Type != unix.PIPEFS_MAGIC {
			continue
		}
		if err := unix.Fchown(fd, c.hostUID(c.UID), c.hostGID(c.GID)); err != nil {
			return fmt.Errorf("descriptor %d: %w", fd, err)
		}
		_ = unix.Fchmod(fd, 0o600) // it is so, if it was not changed; needs CAP_FOWNER
	}
	return nil
}

// ownStreams puts the container's null device in the place of the host's, which agents
// give as stdin: root in here could change its mode, for all the host, and anybody watch
// its use by inotify(7). A directory is refused: its ".." leads to the host's root
// (CVE-2024-21626), whatever has become of the descriptors above these.
func (c *container) ownStreams() error {
	for fd := range 2 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			continue
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return fmt.Errorf("descriptor %d: %w (it would lead the command out of its root)", fd, unix.EISDIR)
		}
		if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3) {
			continue
		}
		null, err := unix.Openat(c.dev, "null", unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Dup3(null, fd, 0)
			unix.Close(null)
		}
		if err != nil {
			return pathError("open", "/dev/null", err)
		}
	}
	return nil
}

func (c *container) noNewPrivs() error {
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// resetSecurebits takes back what the agent may have changed of what capabilities mean
// (capabilities(7)): that who gives up root keeps them, say. What is locked stays so.
func (c *container) resetSecurebits() error {
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, 0, 0, 0, 0); err != nil && err != unix.EPERM {
		return err
	}
	return nil
}

// dropBounding leaves in the capability bounding set what was asked for. The kernel
// knows which capabilities it has: it refuses the first that it has not
// (capabilities(7)).
func (c *container) dropBounding() error {
	for capability := uintptr(0); ; capability++ {
		if c.Capabilities&(1<<capability) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err == unix.EINVAL && capability > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("capability %d: %w", capability, err)
		}
	}
}

// setUser sets the credentials: the groups first, while they may still be changed,
// and always, for those of root would stay (CVE-2022-2989).
func (c *container) setUser() error {
	if c.Capabilities != 0 {
		// Else the change to a user who is not root clears them.
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("keep capabilities: %w", err)
		}
	}
	gid, uid := uintptr(c.GID), uintptr(c.UID)
	if err := call(unix.SYS_SETGROUPS, 0, 0, 0); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := call(unix.SYS_SETRESGID, gid, gid, gid); err != nil {
		return fmt.Errorf("gid %d: %w", gid, err)
	}
	if err := call(unix.SYS_SETRESUID, uid, uid, uid); err != nil {
		return fmt.Errorf("uid %d: %w", uid, err)
	}
	return c.armParentDeath()
}

// setCapabilities makes every set what was asked for. Those of the bounding set
// are the most that an execve can give, to root as well, whatever the securebits
// that are locked. Those of the ambient set, which must be
// inheritable for it, stay across the execve of a program without file
// capabilities, for whatever user.
func (c *container) setCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	for i := range sets {
		half := uint32(c.Capabilities >> (32 * i))
		sets[i] = unix.CapUserData{Effective: half, Permitted: half, Inheritable: half}
	}
	// What leaves the inheritable set leaves the ambient one: the agent's go.
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	for capability := range uintptr(64) {
		if c.Capabilities&(1<<capability) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, capability, 0, 0); err != nil {
			return fmt.Errorf("ambient capability %d: %w", capability, err)
		}
	}
	return c.armParentDeath()
}

// enterWorkingDir changes to the working directory and makes sure that it is
// below the root: a link to a descriptor that leads out of it would not be
// (CVE-2024-21626). The kernel shows such a directory with a path that does not
// begin with a slash (getcwd(2)).
func (c *container) enterWorkingDir() error {
	if err := unix.Chdir(c.WorkingDir); err != nil {
		if err == unix.EACCES && unix.Access("/", unix.X_OK) != nil {
			return fmt.Errorf("chdir %s: %w (uid %d may not enter the rootfs itself: chmod a+rx)", c.WorkingDir, err, c.UID)
		}
		return pathError("chdir", c.WorkingDir, err)
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buf)
	if err != nil {
		return pathError("getcwd", c.WorkingDir, err)
	}
	if !strings.HasPrefix(string(buf[:n]), "/") {
		return pathError("chdir", c.WorkingDir, os.ErrPermission)
	}
	return nil
}

// armParentDeath makes the kernel kill this process, and later the command, when the
// shim dies. A change of credentials takes that back, so it is called at once after one:
// the next step may hang, in a working directory on a dead server, say, and would
// outlive the shim.
func (c *container) armParentDeath() error {
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}
