// Command floor is the least that a supervisor in Go costs which re-executes
// itself: a cgroup, one clone, the mounts and the identity of a lean container,
// and nothing else. It is what floor.c is in C, and takes the same arguments:
//
//	floor ROOTFS LIMIT v1|v2 DIRECTORY... -- COMMAND [ARG...]
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// insideName is the name by which the half inside is executed.
const insideName = "floor-inside"

// The thread that enters the cgroup and drops its identity is the one that execs.
func init() { runtime.LockOSThread() }

func main() {
	var err error
	if os.Args[0] == insideName {
		err = inside(os.Args[1], os.Args[2], os.Args[3:])
	} else {
		err = outside(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// outside makes the cgroup, starts the half inside, waits, and clears up.
func outside(args []string) error {
	at := slices.Index(args, "--")
	rootfs, limit, version, directories, command := args[0], args[1], args[2], args[3:at], args[at+1:]
	attr := &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &unix.SysProcAttr{
			Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		},
	}
	for _, directory := range directories {
		if err := makeCgroup(directory, version == "v2", attr); err != nil {
			return err
		}
	}
	if err := os.WriteFile(limit, []byte("268435456"), 0); err != nil {
		return err
	}
	tasks := fmt.Sprint(len(attr.Files) - 3)
	child, err := os.StartProcess("/proc/self/exe", append([]string{insideName, rootfs, tasks}, command...), attr)
	if err != nil {
		return err
	}
	if _, err := child.Wait(); err != nil {
		return err
	}
	for _, directory := range directories {
		if err := unix.Rmdir(directory); err != nil {
			return fmt.Errorf("remove %s: %w", directory, err)
		}
	}
	return nil
}

// makeCgroup makes a cgroup. On v2 the child is born in it; on v1 it gets the
// tasks file and enters by itself.
func makeCgroup(directory string, v2 bool, attr *os.ProcAttr) error {
	if err := os.Mkdir(directory, 0o755); err != nil {
		return err
	}
	if v2 {
		fd, err := unix.Open(directory, unix.O_PATH|unix.O_CLOEXEC, 0)
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, fd
		return err
	}
	tasks, err := os.OpenFile(directory+"/tasks", os.O_WRONLY, 0)
	attr.Files = append(attr.Files, tasks)
	return err
}
