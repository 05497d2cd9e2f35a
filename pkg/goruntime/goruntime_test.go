package goruntime

import (
	"testing"
	"unsafe"
)

// TestGrowStack: a stack that has grown stays where it is while 4 KiB more are used; one that
// has not is copied to a larger one.
func TestGrowStack(t *testing.T) {
	for grow, want := range map[bool]bool{true: false, false: true} {
		moved := make(chan bool)
		go func() {
			if grow {
				GrowStack()
			}
			var here byte
			before := uintptr(unsafe.Pointer(&here))
			use(40)
			moved <- uintptr(unsafe.Pointer(&here)) != before
		}()
		if got := <-moved; got != want {
			t.Errorf("with GrowStack %v: moved %v, want %v", grow, got, want)
		}
	}
}

// use needs at least 100 bytes of stack a level.
//
//go:noinline
func use(levels int) byte {
	var room [100]byte
	if levels == 0 {
		return 0
	}
	room[levels] = use(levels - 1)
	return room[levels/2]
}
