package shim

import (
	"testing"
	"time"

	"harpoon-supervisor/pkg/agent"
)

// TestNext walks the whole matrix: states by events. It is written as a person
// would tell it, not as the table is, so that one checks the other.
func TestNext(t *testing.T) {
	type cell struct {
		from state
		on   event
	}
	want := map[cell]state{
		{starting, started}:     up,
		{starting, startFailed}: down,
		{starting, stopAsked}:   aborting,

		{aborting, started}:     stopping,
		{aborting, startFailed}: down,
		{aborting, stopAsked}:   aborting,

		{up, endedForGood}:   down,
		{up, endedToRestart}: backingOff,
		{up, stopAsked}:      stopping,

		{stopping, endedForGood}:   down,
		{stopping, endedToRestart}: down,
		{stopping, stopAsked}:      stopping,

		{backingOff, stopAsked}:  down,
		{backingOff, restartDue}: restarting,

		{restarting, started}:     up,
		{restarting, startFailed}: down,
		{restarting, stopAsked}:   aborting,

		{down, stopAsked}: down,
	}
	for from := range states {
		for on := range events {
			got, possible := next(from, on)
			wanted, wantPossible := want[cell{from, on}]
			if !wantPossible {
				wanted = from
			}
			if got != wanted || possible != wantPossible {
				t.Errorf("next(%v, %v) = %v, %v, want %v, %v", from, on, got, possible, wanted, wantPossible)
			}
		}
	}
}

// TestNoStartAfterStop follows every path from every state after a stop: none
// leads to up, to a back-off or to another start.
func TestNoStartAfterStop(t *testing.T) {
	for from := range states {
		first, _ := next(from, stopAsked)
		reached := map[state]bool{}
		var walk func(state)
		walk = func(s state) {
			if reached[s] {
				return
			}
			reached[s] = true
			for on := range events {
				if to, possible := next(s, on); possible {
					walk(to)
				}
			}
		}
		walk(first)
		for _, bad := range []state{starting, up, backingOff, restarting} {
			if reached[bad] {
				t.Errorf("from %v, after a stop, %v can be reached", from, bad)
			}
		}
	}
}

// TestByWallClock: a time to come is told by the clock as it has been set meanwhile.
func TestByWallClock(t *testing.T) {
	set := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct{ step, want time.Duration }{
		{0, 8 * time.Second}, {time.Millisecond, 8 * time.Second}, {-time.Millisecond, 8 * time.Second},
		{time.Hour, time.Hour + 8*time.Second}, {-24 * time.Hour, -24*time.Hour + 8*time.Second},
	} {
		now := set.Add(3*time.Second + test.step)
		if got := byWallClock(set.Add(8*time.Second), 5*time.Second, now); !got.Equal(set.Add(test.want)) {
			t.Errorf("after a step of %v: %v, want %v", test.step, got, set.Add(test.want))
		}
	}
}

func TestWantsRestart(t *testing.T) {
	exits := map[string]agent.ContainerExitStatus{
		"exit 0":        {Exited: true},
		"exit 1":        {Exited: true, ExitStatus: 1},
		"exit 137":      {Exited: true, ExitStatus: 137},
		"signal":        {Signaled: true, Signal: 9},
		"out of memory": {OOMed: true},
	}
	for _, test := range []struct {
		exit                  string
		no, onFailure, always bool
	}{
		{"exit 0", false, false, true},
		{"exit 1", false, true, true},
		{"exit 137", false, true, true},
		{"signal", false, true, true},
		{"out of memory", false, true, true},
	} {
		for policy, want := range map[agent.Restart]bool{
			agent.RestartNo: test.no, agent.RestartOnFailure: test.onFailure, agent.RestartAlways: test.always,
		} {
			if got := wantsRestart(policy, exits[test.exit]); got != want {
				t.Errorf("wantsRestart(%s, %s) = %v, want %v", policy, test.exit, got, want)
			}
		}
	}
}
