package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryCgroupMount makes a user namespace, in which it may do everything, and
// mounts each kind of cgroup filesystem on a directory. Where that works it tries to
// run a program on the host by it (cgroups(7), release_agent), and to leave its
// own limits. It reports everything that was refused, or that was not.
func tryCgroupMount(args []string) {
	cmd := exec.Command("/proc/self/exe", "cgroup-mount-inside", args[0])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	id := func(host int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: host, Size: 1}} }
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP,
		UidMappings: id(os.Getuid()), GidMappings: id(os.Getgid()),
	}
	report("user namespace", outcome(cmd.Run()))
}

func cgroupMountInside(args []string) {
	dir := args[0]
	for _, kind := range []struct{ fs, options string }{{"cgroup", "memory"}, {"cgroup", "cpu"}, {"cgroup", "none,name=systemd"}, {"cgroup2", ""}} {
		name := kind.fs + " " + kind.options
		err := unix.Mount(kind.fs, dir, kind.fs, 0, kind.options)
		if err != nil {
			report("mount "+name, outcome(err))
			continue
		}
		tryToLeave(name, dir)
		check(unix.Unmount(dir, 0))
	}
}

// tryToLeave writes to what the host reads.
func tryToLeave(name, dir string) {
	for _, file := range []string{"release_agent", "notify_on_release", "cgroup.procs", "memory.limit_in_bytes", "memory.max", "cpu.max"} {
		fd, err := unix.Open(filepath.Join(dir, file), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			_, err = unix.Write(fd, []byte("0"))
			unix.Close(fd)
		}
		report("write "+name+" "+file, outcome(err))
	}
	report("mkdir "+name, outcome(unix.Mkdir(filepath.Join(dir, "escaped"), 0o755)))
}

// tryLoosen tries to take off mounts, and to take from them what restricts their use:
// read-only, nosuid, nodev and noexec.
func tryLoosen(points []string) {
	for _, point := range points {
		report("remount "+point, outcome(unix.Mount("", point, "", unix.MS_REMOUNT|unix.MS_BIND, "")))
		report("umount "+point, outcome(unix.Unmount(point, unix.MNT_DETACH)))
	}
}
