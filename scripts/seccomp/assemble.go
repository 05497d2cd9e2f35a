package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// Where the program finds its input, struct seccomp_data (seccomp(2)). Both
// machines are little-endian: the lower half of an argument comes first.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16
)

// instruction is one of the program, with what it says to a reader.
type instruction struct {
	unix.SockFilter
	comment string
}

// grant is an instruction whose answer is to be "allow" if the command has the
// capability.
type grant struct {
	capability int
	at         int // index in the program
}

// assembler builds a program from its end, so that every jump, which can only go
// forward, finds its target in place. A position counts from the end.
type assembler struct {
	reversed []instruction
	shared   map[string]int // positions of answers and conditions, by what they are
	grants   []grant        // with positions
	err      error
}

// span is a run of values with one target; it reaches to the next span's first.
type span struct {
	first  uint32
	target int
	name   string // of the first, for the comment
}

// assemble returns the filter for a machine: its audit architecture (linux/audit.h)
// and the numbers of its system calls.
func assemble(arch uint32, numbers map[string]uint32) ([]instruction, []grant, error) {
	a := &assembler{shared: map[string]int{}}
	unknown := a.answer(notThere, nil)
	calls := []span{{target: unknown}}
	for _, name := range slices.SortedFunc(maps.Keys(numbers), func(x, y string) int { return cmp.Compare(numbers[x], numbers[y]) }) {
		number := numbers[name]
		calls = append(calls, span{number, a.call(name), name}, span{number + 1, unknown, "unknown"})
	}
	tree := a.tree("nr", calls)
	if tree != len(a.reversed)-1 {
		return nil, nil, fmt.Errorf("the program does not begin with the tree")
	}
	a.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offsetNumber, 0, 0, "nr")
	a.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, arch, len(a.reversed)-1, unknown, "another machine's calls")
	a.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offsetArch, 0, 0, "arch")
	slices.Reverse(a.reversed)
	for i := range a.grants {
		a.grants[i].at = len(a.reversed) - 1 - a.grants[i].at
	}
	slices.SortFunc(a.grants, func(x, y grant) int { return cmp.Or(cmp.Compare(x.capability, y.capability), cmp.Compare(x.at, y.at)) })
	return a.reversed, a.grants, a.err
}

// add puts an instruction before all others. The targets of a jump are positions.
func (a *assembler) add(code uint16, k uint32, jt, jf int, comment string) int {
	i := instruction{unix.SockFilter{Code: code, K: k}, comment}
	position := len(a.reversed)
	if code&7 == unix.BPF_JMP {
		i.Jt, i.Jf = a.skip(position-jt-1), a.skip(position-jf-1)
	}
	a.reversed = append(a.reversed, i)
	return position
}

// skip is the number of instructions that a jump leaves out; it has 8 bits.
func (a *assembler) skip(n int) uint8 {
	if n < 0 || n > 255 {
		a.err = fmt.Errorf("a jump over %d instructions", n)
	}
	return uint8(n)
}

// answer returns the position of the instruction that gives this answer.
func (a *assembler) answer(value uint32, caps []int) int {
	if value != forbid {
		caps = nil
	}
	key := fmt.Sprint(value, caps)
	if position, found := a.shared[key]; found {
		return position
	}
	names := map[uint32]string{allow: "allow", forbid: "EPERM", notThere: "ENOSYS"}
	position := a.add(unix.BPF_RET|unix.BPF_K, value, 0, 0, names[value])
	for _, capability := range caps {
		a.grants = append(a.grants, grant{capability, position})
	}
	a.shared[key] = position
	return position
}

// call returns the position of what answers a system call.
func (a *assembler) call(name string) int {
	if c, found := conditional[name]; found {
		return a.condition(c)
	}
	for _, group := range privileged {
		if slices.Contains(group.names, name) {
			return a.answer(forbid, group.caps)
		}
	}
	switch {
	case slices.Contains(allowed, name):
		return a.answer(allow, nil)
	case slices.Contains(forbidden, name):
		return a.answer(forbid, nil)
	}
	return a.answer(notThere, nil)
}

// condition returns the position of the code that looks at an argument.
func (a *assembler) condition(c condition) int {
	key := fmt.Sprintf("%+v", c)
	if position, found := a.shared[key]; found {
		return position
	}
	var listed int
	if c.also != nil {
		listed = a.condition(*c.also)
	} else {
		listed = a.answer(c.listed, c.caps)
	}
	others := a.answer(c.others, c.caps)
	spans := []span{{target: others}}
	for _, value := range slices.Sorted(slices.Values(c.values)) {
		spans = append(spans, span{value, listed, ""})
		if value != 0xffffffff {
			spans = append(spans, span{value + 1, others, ""})
		}
	}
	variable := fmt.Sprintf("arg %d", c.arg)
	a.tree(variable, spans)
	if c.mask != 0 {
		a.add(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, c.mask, 0, 0, "the flags that count")
	}
	a.shared[key] = a.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, uint32(offsetArgs+8*c.arg), 0, 0, variable+", lower half")
	return a.shared[key]
}

// tree returns the position of a binary search for the span that a value is in.
func (a *assembler) tree(variable string, spans []span) int {
	spans = merge(spans)
	if len(spans) == 1 {
		return spans[0].target
	}
	middle := len(spans) / 2
	right := a.tree(variable, spans[middle:])
	left := a.tree(variable, spans[:middle])
	from := spans[middle]
	comment := fmt.Sprintf("%s >= %#x", variable, from.first)
	if from.name != "" {
		comment = fmt.Sprintf("%s >= %d, %s", variable, from.first, from.name)
	}
	return a.add(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, from.first, right, left, comment)
}

// merge joins neighbours with one target. Of spans with the same first value the
// last one counts: the others are empty.
func merge(spans []span) []span {
	var merged []span
	for i, s := range spans {
		if i+1 < len(spans) && spans[i+1].first == s.first {
			continue
		}
		if n := len(merged); n == 0 || merged[n-1].target != s.target {
			merged = append(merged, s)
		}
	}
	return merged
}
