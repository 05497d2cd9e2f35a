// Package stack grows the stacks of goroutines in one step.
//
// A goroutine begins with 2 KiB, and gets twice that whenever it needs more. The first
// stack of each size costs a page fault for every page of the 32 KiB that the Go runtime
// cuts up for stacks of that size (stackpoolalloc in package runtime), and each step a
// copy. Whatever does system calls with paths needs more than 4 KiB: with 8 KiB at once
// there are none of 4.
//
// The main goroutine grows when this package is initialised, which imports nothing and so
// comes before all that needs a stack.
package stack

func init() { Grow() }

// size is what is asked for, in bytes: too much for a stack of 4 KiB.
const size = 4 << 10

// Grow grows the calling goroutine's stack to 8 KiB, if it is smaller.
func Grow() { need(false) }

// need has its room on the stack, which the runtime sees to when it is called. It touches
// none of it: that is, in the compiler's eyes, for another time.
//
//go:noinline
func need(now bool) byte {
	if !now {
		return 0
	}
	var room [size]byte
	return last(room[:])
}

//go:noinline
func last(b []byte) byte { return b[len(b)-1] }
