package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// call is what the kernel shows a filter, struct seccomp_data (seccomp(2)).
type call struct {
	arch, number uint32
	args         [6]uint64
}

// word returns the 32 bits at an offset, as on a little-endian machine.
func (c call) word(offset uint32) uint32 {
	switch {
	case offset == offsetNumber:
		return c.number
	case offset == offsetArch:
		return c.arch
	}
	arg := c.args[(offset-offsetArgs)/8]
	return uint32(arg >> (offset % 8 * 8))
}

// run interprets a program as the kernel does (classic BPF), and fails the test
// where the kernel would have refused it.
func run(t *testing.T, program []instruction, c call) uint32 {
	t.Helper()
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		taken := false
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if i.K%4 != 0 || i.K >= offsetArgs+6*8 {
				t.Fatalf("%d: load from %d", pc, i.K)
			}
			a = c.word(i.K)
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
			continue
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			taken = a == i.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			taken = a >= i.K
		default:
			t.Fatalf("%d: unknown code %#x", pc, i.Code)
		}
		if taken {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	t.Fatalf("the program ends without an answer to %+v", c)
	return 0
}
