package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// insideArg makes this program the half of the floor that is inside.
const insideArg = "inside"

// measureFloor runs the command in namespaces, with nothing around it. Its end
// is known when it has been waited for.
func measureFloor(ctx context.Context, dir string) (s sample, err error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", insideArg, filepath.Join(dir, "rootfs"))
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	r, err := launch(cmd)
	if err != nil {
		return s, err
	}
	defer r.clear()
	if s.start, err = r.started(); err != nil {
		return s, err
	}
	r.stdin.Close()
	told := time.Now()
	err = cmd.Wait()
	s.exit = time.Since(told)
	return s, err
}

// inside makes the root of the container and becomes the command.
func inside(rootfs string) {
	err := enter(rootfs)
	if err == nil {
		err = unix.Exec("/bin/bench", []string{"/bin/bench", commandArg}, nil)
	}
	fmt.Fprintln(os.Stderr, "bench: floor:", err)
	os.Exit(1)
}

func enter(rootfs string) error {
	mounts := []struct {
		source, target, fstype string
		flags                  uintptr
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{rootfs, rootfs, "", unix.MS_BIND | unix.MS_REC},
		{"proc", rootfs + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"tmpfs", rootfs + "/dev", "tmpfs", unix.MS_NOSUID},
	}
	for _, m := range mounts {
		if err := unix.Mount(m.source, m.target, m.fstype, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
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
