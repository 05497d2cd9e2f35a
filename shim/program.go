package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// program is this supervisor's own file, in the form in which init executes it.
//
// As long as init has not become the command, /proc/PID/exe leads to the file
// that it was executed from; a command "/proc/self/exe", or a script with that
// interpreter, is that file, and whoever can see such a process can keep a
// descriptor of it. Opened for writing when nothing executes it any more, it
// would be the host's, and the next container's start would run what has been
// written (CVE-2019-5736). That the file is busy while it is executed is no
// protection: it ends with the process, and Linux 6.11 did without it.
//
// So init is executed from a mount of that one file which is attached nowhere
// and is read-only: every path and descriptor that a process can make of its
// /proc/PID/exe stays on that mount, and is refused with EROFS, root's too.
//
// What was considered, with what it takes once for each supervisor, where a
// start takes 5 ms:
//
//   - this clone of the mount: 0.02 ms, and 0.004 ms for each start. The text's
//     page cache is that of the shim and of every other supervisor, so it costs
//     no memory.
//   - a sealed copy in memory: some ms, and the size of the binary, charged to the
//     supervisor's cgroup and shared with nobody. It may be opened for writing,
//     but not written to.
//   - a read-only bind mount in a mount namespace that is made for it: 0.24 ms. It
//     does without the new mount calls, but needs the file's path, which may be
//     another file's by now.
//   - an init that is not dumpable: that does not keep out root.
//
// Before Linux 5.12, under filters that forbid the new mount calls, and for a
// file that is on no mount of this namespace, it is the copy. It is made once,
// so that the binary may be replaced or deleted.
//
// Once init is there, nobody may execute the file (forbid): a container has no
// use for it, and would only run a supervisor that says how it is used.
type program struct {
	file *os.File
	// info identifies the file that init's /proc/PID/exe leads to.
	info os.FileInfo
	// setExecutable lets the file be executed, or not.
	setExecutable func(fd int, executable bool) error
}

// programPath is the program's path in the child that executes it.
var programPath = fdPath(syncpipe.ProgramFD)

func openProgram() (*program, error) {
	p, err := cloneProgram()
	if err != nil {
		var uncopied error
		if p, uncopied = copyProgram(); uncopied != nil {
			return nil, fmt.Errorf("%w; %w", err, uncopied)
		}
	}
	if p.info, err = p.file.Stat(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

const ownProgram = "/proc/self/exe"

// cloneProgram makes the read-only mount.
func cloneProgram() (*program, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, ownProgram, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("open_tree", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("mount_setattr", err)
	}
	return &program{file: os.NewFile(uintptr(fd), "program"), setExecutable: setMountExecutable}, nil
}

func setMountExecutable(fd int, executable bool) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOEXEC}
	if executable {
		attr = unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NOEXEC}
	}
	return os.NewSyscallError("mount_setattr", unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr))
}

// copyProgram makes the sealed copy (memfd_create(2), fcntl(2) F_ADD_SEALS).
func copyProgram() (*program, error) {
	own, err := os.Open(ownProgram)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("harpoon-supervisor", flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 all are executable
		fd, err = unix.MemfdCreate("harpoon-supervisor", flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	p := &program{file: os.NewFile(uintptr(fd), "program"), setExecutable: setModeExecutable}
	if err = sendAll(fd, own); err == nil {
		const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
		_, err = unix.FcntlInt(p.file.Fd(), unix.F_ADD_SEALS, seals)
		err = os.NewSyscallError("seal", err)
	}
	if err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// sendAll copies a file within the kernel (sendfile(2)), in two thirds of the time
// of io.Copy, whose copy_file_range(2) does not go from one filesystem to another.
func sendAll(to int, from *os.File) error {
	for {
		n, err := unix.Sendfile(to, int(from.Fd()), nil, math.MaxInt32)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("sendfile", err)
		case n == 0:
			return nil
		}
	}
}

func setModeExecutable(fd int, executable bool) error {
	mode := uint32(0)
	if executable {
		mode = 0o555
	}
	return os.NewSyscallError("fchmod", unix.Fchmod(fd, mode))
}

// protectProgram makes the file that init is executed from, at the first start.
func (s *starter) protectProgram() (err error) {
	if s.program == nil {
		s.program, err = openProgram()
	}
	return err
}

// runsIn reports whether a process executes this program, or is about to.
func (p *program) runsIn(pid int) bool {
	executed, err := os.Stat(procFile(pid, "exe"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // it has not ended, and may not be looked at
	}
	own, err := os.Stat(ownProgram)
	return os.SameFile(executed, p.info) || err == nil && os.SameFile(executed, own)
}

// allow lets the program be executed.
func (p *program) allow() error { return p.setExecutable(int(p.file.Fd()), true) }

// forbid keeps the program from being executed, which init must have been by
// then for good: the kernel maps it a moment after it has closed what is to be
// closed on exec, by which the cloning shim knows of it, and does not map what
// may not be executed.
func (p *program) forbid() error { return p.setExecutable(int(p.file.Fd()), false) }
