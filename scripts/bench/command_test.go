package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCommand: the command in C and the one in Go do the same: they take the time
// twice, and end when they are told.
func TestCommand(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	dir := t.TempDir()
	builds := map[string]func(program string) error{
		"in C":  func(program string) error { return buildC(t.Context(), program, "command.c", "-nostdlib", "-Werror") },
		"in Go": func(program string) error { return buildGo(t.Context(), filepath.Dir(program), "command") },
	}
	for name, build := range builds {
		program := filepath.Join(dir, name, "command")
		if err := os.Mkdir(filepath.Dir(program), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := build(program); err != nil {
			t.Fatal(err)
		}
		for mode, end := range map[string]func(*process) error{
			"wait": func(p *process) error { return p.stdin.Close() },
			"stay": func(p *process) error { return p.handle.Signal(unix.SIGTERM) },
			"once": func(*process) error { return nil },
		} {
			t.Run(name+" "+mode, func(t *testing.T) { testCommand(t, program, mode, end) })
		}
	}
}

func testCommand(t *testing.T, program, mode string, end func(*process) error) {
	p, err := spawn(order{argv: []string{program, mode}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.clear()
	first, err := p.next(firstStamp)
	if err != nil {
		t.Fatal(err)
	}
	if err := end(p); err != nil {
		t.Fatal(err)
	}
	last, err := p.next(lastStamp)
	if err != nil {
		t.Fatal(err)
	}
	if known := now(); !(p.spawned < first && first < last && last < known) {
		t.Errorf("spawned %d, first %d, last %d, known %d: want them in this order", p.spawned, first, last, known)
	}
	if _, err := p.wait(); (err != nil) != (mode == "once") {
		t.Errorf("wait() = %v", err)
	}
}

// TestFloorInC: it compiles, which only the bench would notice.
func TestFloorInC(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	if err := buildC(context.Background(), filepath.Join(t.TempDir(), "floor"), "floor.c", "-Werror"); err != nil {
		t.Error(err)
	}
}
