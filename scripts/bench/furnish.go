package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sources are the parts that are in C.
//
//go:embed c
var sources embed.FS

// furnish fills the directory: programs, a rootfs, a seccomp profile. It returns
// what is missing.
func furnish(ctx context.Context, dir, supervisor string) ([]leftOut, error) {
	if err := os.Chmod(dir, 0o755); err != nil { // a user namespace's root goes through it
		return nil, err
	}
	for _, name := range []string{"bin", "rootfs/bin", "rootfs/proc", "rootfs/dev", "rootfs/sys", "rootfs/etc"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs/etc/resolv.conf"), nil, 0o644); err != nil {
		return nil, err
	}
	bin := filepath.Join(dir, "bin")
	if err := copyFile(filepath.Join(bin, "harpoon-supervisor"), supervisor); err != nil {
		return nil, err
	}
	if err := exec.CommandContext(ctx, filepath.Join(bin, "harpoon-supervisor"), "--version").Run(); err != nil {
		return nil, fmt.Errorf("%s --version: %w", supervisor, err)
	}
	install()
	missing := lacking(everybody())
	if err := buildGo(ctx, bin, "floor", "ticker"); err != nil {
		return nil, err
	}
	if err := buildC(ctx, filepath.Join(bin, "floor-c"), "floor.c"); err != nil {
		missing = append(missing, leftOut{Subject: "floor in C", Error: err.Error()})
	}
	command := filepath.Join(bin, "command")
	if err := buildC(ctx, command, "command.c", "-nostdlib"); err != nil {
		missing = append(missing, leftOut{Subject: "the command in C", Error: "its place is taken by one in Go, whose first stamp is late"})
		if err := buildGo(ctx, bin, "command"); err != nil {
			return nil, err
		}
	}
	if err := writeSeccomp(ctx, filepath.Join(dir, "seccomp.json")); err != nil {
		return nil, err
	}
	return missing, copyFile(filepath.Join(dir, "rootfs/bin/command"), command)
}

// tool is a command that builds. Its temporary files are below dir. When ctx is done it
// is asked to end, not killed: what it has started would go on writing there.
func tool(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "TMPDIR="+dir, "GOTMPDIR="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGINT) }
	return cmd
}

// buildGo builds programs of this module, static and stripped.
func buildGo(ctx context.Context, bin string, names ...string) error {
	for _, name := range names {
		path := "harpoon-supervisor/scripts/bench/" + name
		cmd := tool(ctx, bin, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", built(filepath.Join(bin, name)), path)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", name, err, out)
		}
		if err := installBuilt(filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	return nil
}

// built is where a program is built, before it is copied to its place. All programs
// have been copied, as by a package manager: what a linker has written piece by piece
// is in smaller pieces in the page cache, too, and takes a seventh more to start.
func built(program string) string { return program + ".built" }

func installBuilt(program string) error {
	if err := copyFile(program, built(program)); err != nil {
		return err
	}
	return os.Remove(built(program))
}

// buildC compiles one of the sources into a static program.
func buildC(ctx context.Context, program, source string, flags ...string) error {
	text, err := sources.Open("c/" + source)
	if err != nil {
		return err
	}
	defer text.Close()
	args := append([]string{"-O2", "-Wall", "-static", "-s", "-x", "c", "-o", built(program)}, flags...)
	cmd := tool(ctx, filepath.Dir(program), "gcc", append(args, "-")...)
	cmd.Stdin = text
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gcc: %w %s", err, out)
	}
	return installBuilt(program)
}

// writeSeccomp writes our own profile in OCI's form, for the others.
func writeSeccomp(ctx context.Context, name string) error {
	text, err := tool(ctx, filepath.Dir(name), "go", "run", "-buildvcs=false", "harpoon-supervisor/scripts/seccomp", "-oci").Output()
	if err != nil {
		return fmt.Errorf("seccomp profile: %w", err)
	}
	return os.WriteFile(name, text, 0o644)
}

// copyFile copies a program, so that everybody may execute it wherever it was.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
