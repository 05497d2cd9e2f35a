// Command bench measures what a container's start and exit cost, ours against
// a floor: a bare Go program that makes the same kind of namespaces and mounts
// by re-executing itself, and nothing else. Only the ratio means something:
// absolute figures drift by a quarter with the machine's other work.
//
// Usage: bench [-rounds N] SUPERVISOR, as root. It runs within a minute and
// leaves nothing behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// limit is how long the whole run may take.
const limit = time.Minute

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case insideArg:
			inside(os.Args[2])
		case commandArg:
			command()
		}
	}
	rounds := flag.Int("rounds", 50, "how often each is measured")
	flag.Parse()
	if flag.NArg() != 1 || *rounds < 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [-rounds N] SUPERVISOR")
		os.Exit(2)
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "bench: needs root, for namespaces and cgroups")
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	err := bench(ctx, flag.Arg(0), *rounds)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench measures both in turn, in a directory that is gone afterwards.
func bench(ctx context.Context, supervisor string, rounds int) error {
	supervisor, err := filepath.Abs(supervisor)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "harpoon-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := makeRunDirectory(dir); err != nil {
		return err
	}
	ours, floor := subject{name: "ours"}, subject{name: "floor in Go"}
	for range rounds {
		if err := floor.measure(func() (sample, error) { return measureFloor(ctx, dir) }); err != nil {
			return err
		}
		if err := ours.measure(func() (sample, error) { return measureOurs(ctx, dir, supervisor) }); err != nil {
			return err
		}
	}
	printTable(os.Stdout, rounds, ours, floor)
	return nil
}

// makeRunDirectory makes a run directory whose rootfs holds this very program,
// as the command to be started, and the mount points that the floor needs.
func makeRunDirectory(dir string) error {
	for _, name := range []string{"rootfs/bin", "rootfs/proc", "rootfs/dev"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs", "bin", "bench"), self, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "agent.json"), []byte(`{"restart":"no","resources":{"mem":256}}`), 0o600)
}
