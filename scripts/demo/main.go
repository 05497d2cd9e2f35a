// Command demo plays a container's life for a person to watch: it starts the
// supervisor in a throw-away run directory, drives it over its control socket
// as an agent would, and says in words what is happening. It needs root and
// nothing that is not in this repository.
//
// Usage: demo SUPERVISOR, where SUPERVISOR is the path of the binary.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// limit is how long the demo may take. It takes about twenty seconds.
const limit = 55 * time.Second

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo SUPERVISOR")
		os.Exit(2)
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "demo: needs root, for namespaces and cgroups")
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1])
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run plays all scenes in a directory that is gone afterwards.
func run(ctx context.Context, supervisor string) error {
	supervisor, err := filepath.Abs(supervisor)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "harpoon-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	rootfs := filepath.Join(dir, "rootfs")
	if err := buildRootfs(ctx, rootfs); err != nil {
		return fmt.Errorf("build rootfs: %w", err)
	}
	fmt.Printf("A root file system with one program in it: %s/bin/workload\n", rootfs)
	for i, s := range scenes {
		if err := s.run(ctx, i+1, dir, supervisor); err != nil {
			return fmt.Errorf("scene %d: %w", i+1, err)
		}
	}
	fmt.Println("\nThat was all: no socket, cgroup or mount is left. Next: README.md.")
	return nil
}

// buildRootfs makes a directory that holds /bin/workload and nothing else:
// what the command needs besides (/proc, /dev, ...) the supervisor mounts.
func buildRootfs(ctx context.Context, rootfs string) error {
	target := filepath.Join(rootfs, "bin", "workload")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", target, "./scripts/workload")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // static: there is no libc in there
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	// MkdirTemp and the umask may have closed what uid 1 must be able to enter.
	for _, path := range []string{rootfs, filepath.Dir(target), target} {
		if err := os.Chmod(path, 0o755); err != nil {
			return err
		}
	}
	return nil
}
