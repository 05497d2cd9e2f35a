package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// filter is what is assembled for one machine.
type filter struct {
	goarch  string
	arch    uint32
	numbers map[string]uint32
	program []instruction
	grants  []grant
}

// assembled returns the filters of all machines.
func assembled(t *testing.T) []filter {
	t.Helper()
	all, err := assembleAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var assembleAll = sync.OnceValues(func() (all []filter, err error) {
	for _, machine := range machines {
		f := filter{goarch: machine.goarch, arch: machine.arch}
		if f.numbers, err = readNumbers(machine.goarch); err != nil {
			return nil, err
		}
		if f.program, f.grants, err = assemble(f.arch, f.numbers); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
})

// number returns that of a call, which the machine has.
func (f filter) number(t *testing.T, name string) uint32 {
	t.Helper()
	number, found := f.numbers[name]
	if !found {
		t.Fatalf("%s has no %s", f.goarch, name)
	}
	return number
}

// with returns the filter of a command with some capabilities.
func (f filter) with(caps ...int) filter {
	f.program = slices.Clone(f.program)
	for _, g := range f.grants {
		if slices.Contains(caps, g.capability) {
			f.program[g.at].K = allow
		}
	}
	return f
}

func word(answer uint32) string {
	switch answer {
	case allow:
		return "allow"
	case forbid:
		return "EPERM"
	case notThere:
		return "ENOSYS"
	}
	return fmt.Sprintf("%#x", answer)
}

// TestGenerated: the filters in package nsinit are those of this profile.
func TestGenerated(t *testing.T) {
	for _, machine := range machines {
		want, err := generate(machine.goarch, machine.arch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "init", fileName(machine.goarch)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the profile says (%v): go generate ./init", fileName(machine.goarch), err)
		}
	}
}

// TestProfileIsComplete: each call has one place, and each name is a call's.
func TestProfileIsComplete(t *testing.T) {
	lists := [][]string{allowed, forbidden, missing}
	for _, group := range privileged {
		lists = append(lists, group.names)
	}
	places := map[string]int{}
	for name := range conditional {
		places[name]++
	}
	for _, name := range slices.Concat(lists...) {
		places[name]++
	}
	known := map[string]bool{}
	for _, f := range assembled(t) {
		for name := range f.numbers {
			known[name] = true
		}
	}
	for name := range known {
		if places[name] != 1 {
			t.Errorf("%s is in %d lists, want 1", name, places[name])
		}
	}
	for name := range places {
		if !known[name] {
			t.Errorf("%s is no system call", name)
		}
	}
}

// TestNumbers compares some numbers with the kernel's headers (asm/unistd_64.h,
// asm-generic/unistd.h): the tables are read as text.
func TestNumbers(t *testing.T) {
	want := map[string]map[string]uint32{
		"amd64": {"read": 0, "ioctl": 16, "clone": 56, "ptrace": 101, "mount": 165, "keyctl": 250, "setns": 308, "bpf": 321, "clone3": 435, "mseal": 462},
		"arm64": {"read": 63, "ioctl": 29, "clone": 220, "ptrace": 117, "mount": 40, "keyctl": 219, "setns": 268, "bpf": 280, "clone3": 435, "mseal": 462},
	}
	for _, f := range assembled(t) {
		for name, number := range want[f.goarch] {
			if f.numbers[name] != number {
				t.Errorf("%s on %s = %d, want %d", name, f.goarch, f.numbers[name], number)
			}
		}
	}
}

// TestProgram: what the kernel demands of any (seccomp(2), BPF_MAXINSNS), and
// that a call costs few steps: the tree is balanced.
func TestProgram(t *testing.T) {
	for _, f := range assembled(t) {
		if len(f.program) > 4096 {
			t.Errorf("%s: %d instructions", f.goarch, len(f.program))
		}
		if last := f.program[len(f.program)-1]; last.Code != unix.BPF_RET|unix.BPF_K {
			t.Errorf("%s: the last instruction is %+v, want a return", f.goarch, last)
		}
		for at, i := range f.program {
			if next := at + 1 + int(max(i.Jt, i.Jf)); i.Code&7 == unix.BPF_JMP && next >= len(f.program) {
				t.Errorf("%s: %d: jump to %d of %d", f.goarch, at, next, len(f.program))
			}
		}
		if longest := f.depth(0); longest > 18 {
			t.Errorf("%s: %d steps, want 18 at most", f.goarch, longest)
		}
	}
}

// depth is the number of steps of the longest way from an instruction on.
func (f filter) depth(at int) int {
	switch i := f.program[at]; i.Code & 7 {
	case unix.BPF_RET:
		return 1
	case unix.BPF_JMP:
		return 1 + max(f.depth(at+1+int(i.Jt)), f.depth(at+1+int(i.Jf)))
	}
	return 1 + f.depth(at+1)
}
