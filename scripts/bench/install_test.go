package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestLacking: whoever is left out is named, with all that he lacks.
func TestLacking(t *testing.T) {
	dir := t.TempDir()
	for _, program := range []string{"runc", "conmon", "containerd", "containerd-shim-runc-v2", "bwrap"} {
		if err := os.WriteFile(filepath.Join(dir, program), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	want := []leftOut{
		{Subject: "crun, lean", Error: "not installed: crun"},
		{Subject: "crun, default mounts", Error: "not installed: crun"},
		{Subject: "crun, default mounts, seccomp", Error: "not installed: crun"},
		{Subject: "conmon + crun", Error: "not installed: crun"},
		{Subject: "containerd (ctr run)", Error: "not installed: ctr"},
		{Subject: "conmon", Error: "not installed: crun"},
		{Subject: "containerd-shim-runc-v2", Error: "not installed: ctr"},
	}
	if got := lacking(everybody()); !slices.Equal(got, want) {
		t.Errorf("lacking = %+v, want %+v", got, want)
	}
	if got := lacking([]subject{{name: "ours"}, {name: "two", needs: []string{"a", "runc", "b"}}}); len(got) != 1 || got[0].Error != "not installed: a, b" {
		t.Errorf("lacking = %+v, want one without a and b", got)
	}
}
