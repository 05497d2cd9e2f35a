package shim

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
)

// TestWatchOOM: a kernel need not notify, for the counter is looked at anyway.
func TestWatchOOM(t *testing.T) {
	for _, test := range []struct{ watch, want error }{
		{cgroup.ErrNoController, nil},
		{unix.EOPNOTSUPP, nil},
		{unix.EMFILE, unix.EMFILE},
	} {
		process := &fakeProcess{killed: 3}
		r := run{group: unwatched{process, fmt.Errorf("watch memory: %w", test.watch)}}
		if err := r.watchOOM(); !errors.Is(err, test.want) {
			t.Errorf("watchOOM() = %v without a watch for %v, want %v", err, test.watch, test.want)
		}
		if want := uint64(3); test.watch == unix.EOPNOTSUPP && r.kills.others != want {
			t.Errorf("%d kills before the run, want %d", r.kills.others, want)
		}
	}
}

// unwatched is a group that cannot be watched.
type unwatched struct {
	*fakeProcess
	why error
}

func (u unwatched) WatchOOM() (*cgroup.OOMWatch, error) { return nil, u.why }

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
				k.look(func() (uint64, error) { return l.value, nil }, func() bool { return l.well }, func() bool { return false })
			}
			if got := test.final > k.others; got != test.want {
				t.Errorf("%s: killed for memory = %v, want %v", test.name, got, test.want)
			}
		})
	}
}

// TestKillerWaitsForCPU: for as long as the kernel's killer may be waiting for a CPU a
// kill may be that of the command.
func TestKillerWaitsForCPU(t *testing.T) {
	const never = time.Hour
	for _, test := range []struct {
		dies, idle time.Duration // from the kill on
		took       time.Duration
		others     uint64
	}{
		{never, 0, settleTime, 1},
		{never, 60 * time.Millisecond, 60 * time.Millisecond, 1},
		{never, never, settleMost, 1},
		{60 * time.Millisecond, never, 60 * time.Millisecond, 0},
		{60 * time.Millisecond, 0, settleTime, 1},
		{0, never, settlePause, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var k killCounter
			k.look(func() (uint64, error) { return 1, nil },
				func() bool { return time.Since(begin) < test.dies }, func() bool { return time.Since(begin) < test.idle })
			if took := time.Since(begin); took != test.took || k.others != test.others {
				t.Errorf("%+v: took %v, others %d", test, took, k.others)
			}
		})
	}
}
