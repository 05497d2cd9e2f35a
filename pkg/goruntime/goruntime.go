// Package goruntime has the Go runtime spend less on a process that does little, one
// thing after another. What it does when it is initialised comes before nearly all else:
// it needs no other package to be.
package goruntime

import "runtime"

func init() {
	GrowStack()
	// The runtime has lists of free memory for each CPU that it uses, one for each of
	// some 50 sizes. While it starts it takes the main goroutine to another CPU, in two
	// of three processes, where each list that is begun anew is two page faults, and one
	// when that CPU is given up. With one CPU it comes back to the first. Whatever has a
	// use for two says so, with runtime.GOMAXPROCS.
	runtime.GOMAXPROCS(1)
}

// room is what GrowStack asks for, in bytes: too much for a stack of 4 KiB.
const room = 4 << 10

// GrowStack gives the calling goroutine a stack of 8 KiB, if it has a smaller one.
//
// A goroutine begins with 2 KiB, and gets twice what it has whenever it needs more. That
// is a copy each time; and the first stack of each size is a page fault for every page of
// the 32 KiB that the runtime cuts up for stacks of that size (stackpoolalloc). Whatever
// does system calls with paths needs more than 4 KiB, so that size is left out.
func GrowStack() { need(false) }

// need has the room on its stack, which the runtime sees to when it is called. It touches
// none of it: that is, in the compiler's eyes, for another time.
//
//go:noinline
func need(now bool) byte {
	if !now {
		return 0
	}
	var bytes [room]byte
	return last(bytes[:])
}

//go:noinline
func last(b []byte) byte { return b[len(b)-1] }
