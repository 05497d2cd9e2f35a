package main

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// inside enters the cgroups whose tasks files it was given, from descriptor 3 on,
// makes root and identity, and becomes the command.
func inside(rootfs, tasks string, command []string) error {
	n, err := strconv.Atoi(tasks)
	if err != nil {
		return err
	}
	for fd := 3; fd < 3+n; fd++ {
		if _, err := unix.Write(fd, []byte("0")); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
		unix.CloseOnExec(fd)
	}
	if err := makeRoot(rootfs); err != nil {
		return err
	}
	if err := makeIdentity(); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return unix.Exec(command[0], command, []string{"PATH=/bin"})
}

// makeRoot makes /proc and /dev, and the rootfs the root.
func makeRoot(rootfs string) error {
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
		data                   string
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{rootfs, rootfs, "", unix.MS_BIND | unix.MS_REC, ""},
		{"proc", rootfs + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"tmpfs", rootfs + "/dev", "tmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=755"},
	} {
		if err := unix.Mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	unix.Umask(0)
	for _, node := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		device := int(unix.Mkdev(node.major, node.minor))
		if err := unix.Mknod(rootfs+"/dev/"+node.name, unix.S_IFCHR|0o666, device); err != nil {
			return fmt.Errorf("mknod %s: %w", node.name, err)
		}
	}
	unix.Umask(0o022)
	if err := unix.Chdir(rootfs); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the old root: %w", err)
	}
	return unix.Chdir("/")
}

// makeIdentity takes all powers from this thread, the only one that matters:
// package syscall would do it to all of them.
func makeIdentity() error {
	if err := unix.Sethostname([]byte("bench")); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	for capability := uintptr(0); unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0) == nil; capability++ {
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, 1, 1, 1); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 1, 1, 1); errno != 0 {
		return errno
	}
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}
