package shim

import (
	"testing"
	"testing/synctest"
)

func TestKillCounter(t *testing.T) {
	// Each look finds a value of the counter, and the command well or not a
	// moment later.
	type look struct {
		value uint64
		well  bool
	}
	for _, test := range []struct {
		name  string
		looks []look
		final uint64
		want  bool // the command itself was killed for memory
	}{
		{"never killed", nil, 0, false},
		{"killed before any look", nil, 1, true},
		{"a child, before", []look{{0, true}, {1, true}}, 1, false},
		{"a child, then the command", []look{{1, true}}, 2, true},
		{"two children, then the command by hand", []look{{1, true}, {2, true}}, 2, false},
		{"the command, seen while it died", []look{{0, true}, {1, false}, {1, false}}, 1, true},
		{"a child, and the command at once", []look{{1, false}}, 1, true},
	} {
		synctest.Test(t, func(t *testing.T) { // the waits take no time
			var k killCounter
			for _, l := range test.looks {
				k.look(func() (uint64, error) { return l.value, nil }, func() bool { return l.well })
			}
			if got := test.final > k.others; got != test.want {
				t.Errorf("%s: killed for memory = %v, want %v", test.name, got, test.want)
			}
		})
	}
}
