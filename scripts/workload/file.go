package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// outcome names an errno as errno(3) does; nil is ok, and so is the errno 0.
func outcome(err error) string {
	errno, isErrno := errors.AsType[unix.Errno](err)
	switch {
	case err == nil, isErrno && errno == 0:
		return "ok"
	case isErrno:
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// openFor opens a file and closes it again.
func openFor(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// reportDescriptors goes without package os, which opens descriptors of its own.
func reportDescriptors([]string) {
	dir, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	check(err)
	buf := make([]byte, 64<<10)
	n, err := unix.ReadDirent(dir, buf)
	check(err)
	unix.Close(dir)
	_, _, names := unix.ParseDirent(buf[:n], -1, nil)
	slices.Sort(names)
	link := make([]byte, unix.PathMax)
	for _, name := range names {
		n, err := unix.Readlink("/proc/self/fd/"+name, link)
		if err == unix.ENOENT { // dir itself
			continue
		}
		check(err)
		report("fd "+name, string(link[:n]))
	}
}

// reportMounts prints the mount table, or the lines of the given mount points.
func reportMounts(points []string) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	check(err)
	for line := range strings.Lines(string(text)) {
		// proc_pid_mountinfo(5): ID, parent, device, root, mount point, options,
		// optional fields, -, type, source, super options.
		mount, super, _ := strings.Cut(strings.TrimSpace(line), " - ")
		f := strings.Fields(mount)
		if len(points) == 0 || slices.Contains(points, f[4]) {
			fmt.Printf("mount %s: %s %s (%s) from %s\n", f[4], strings.Fields(super)[0], f[5], strings.Join(strings.Fields(super)[1:], " "), f[3])
		}
	}
}

func reportContent(paths []string) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			report("cat "+path, outcome(err))
		}
		os.Stdout.Write(text)
	}
}

func reportDirectory(paths []string) {
	for _, path := range paths {
		entries, err := os.ReadDir(path)
		if err != nil {
			report("list "+path, outcome(err))
			continue
		}
		names := []string{}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		report("list "+path, strings.Join(names, " "))
	}
}

// fileTypes by the type bits of st_mode, inode(7).
var fileTypes = map[uint32]string{
	unix.S_IFDIR: "dir", unix.S_IFREG: "file", unix.S_IFLNK: "link", unix.S_IFCHR: "char",
	unix.S_IFBLK: "block", unix.S_IFIFO: "fifo", unix.S_IFSOCK: "socket",
}

func reportStat(paths []string) {
	for _, path := range paths {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			report("stat "+path, outcome(err))
			continue
		}
		text := fmt.Sprintf("%s %04o %d:%d", fileTypes[st.Mode&unix.S_IFMT], st.Mode&0o7777, st.Uid, st.Gid)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			check(err)
			text += " -> " + target
		case unix.S_IFCHR, unix.S_IFBLK:
			text += fmt.Sprintf(" device %d,%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		}
		report("stat "+path, text)
	}
}

func reportStatfs(paths []string) {
	for _, path := range paths {
		var st unix.Statfs_t
		check(unix.Statfs(path, &st))
		report("statfs "+path, fmt.Sprintf("%d KiB", st.Blocks*uint64(st.Bsize)>>10))
	}
}

func tryOpen(paths []string) {
	for _, path := range paths {
		report("open "+path, outcome(openFor(path, unix.O_RDONLY)))
	}
}

// tryWrite creates a file, or opens an existing one, and writes to it.
func tryWrite(args []string) {
	fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o644)
	if err == nil && len(args) > 1 {
		_, err = unix.Write(fd, []byte(strings.Join(args[1:], " ")+"\n"))
	}
	if err == nil {
		err = unix.Close(fd)
	}
	report("write "+args[0], outcome(err))
}

func tryMkdir(paths []string) {
	for _, path := range paths {
		report("mkdir "+path, outcome(unix.Mkdir(path, 0o755)))
	}
}

func tryChown(args []string) {
	report("chown "+args[0], outcome(unix.Chown(args[0], number(args[1]), -1)))
}

// tryFill writes a file of some MiB, or as much as fits.
func tryFill(args []string) {
	f, err := os.Create(args[0])
	check(err)
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range number(args[1]) {
		if _, err := f.Write(block); err != nil {
			report("fill "+args[0], outcome(err)+" after "+strconv.Itoa(i)+" MiB")
			return
		}
	}
	report("fill "+args[0], "ok")
}

// trySync waits until a file is on the disk.
func trySync(args []string) {
	f, err := os.Open(args[0])
	check(err)
	defer f.Close()
	report("sync "+args[0], outcome(f.Sync()))
}

// tryLock waits for the lock of a file or directory, and keeps it.
func tryLock(args []string) {
	fd, err := unix.Open(args[0], unix.O_RDONLY, 0)
	check(err)
	fmt.Println("locking")
	report("lock "+args[0], outcome(unix.Flock(fd, unix.LOCK_EX)))
}

// tryPty opens a new terminal and says how its other end is called.
func tryPty([]string) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		report("pty", outcome(err))
		return
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	check(err)
	check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	name := fmt.Sprintf("/dev/pts/%d", n)
	report("pty", name+" "+outcome(openFor(name, unix.O_RDWR|unix.O_NOCTTY)))
	unix.Close(fd)
}
