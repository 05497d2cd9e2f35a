package shim

import (
	"testing"
	"time"

	"harpoon-supervisor/pkg/agent"
)

func TestBackoff(t *testing.T) {
	none := 0.0
	for _, test := range []struct {
		name   string
		config agent.RestartBackoff
		ran    time.Duration
		want   []time.Duration // the last one again and again
		jitter float64
	}{
		{"default", agent.RestartBackoff{}, 0, seconds(1, 2, 4, 8, 16, 30, 30), 0.1},
		{"default, healthy", agent.RestartBackoff{}, 10 * time.Second, seconds(1, 1, 1), 0},
		{"configured", agent.RestartBackoff{Initial: "3s", Factor: 3, Max: "20s", Jitter: &none}, 0, seconds(3, 9, 20, 20), 0},
		{"constant", agent.RestartBackoff{Factor: 1, Jitter: &none}, 0, seconds(1, 1, 1), 0},
		{"none", agent.RestartBackoff{Initial: "0", Max: "0"}, 0, []time.Duration{minBetweenStarts, minBetweenStarts}, 0},
		{"none, long runs", agent.RestartBackoff{Initial: "0", Max: "0"}, time.Minute, []time.Duration{0, 0}, 0},
		{"always healthy", agent.RestartBackoff{Reset: "0"}, 0, seconds(1, 1, 1), 0},
	} {
		b := newBackoff(test.config)
		for i, want := range test.want {
			least, most := want, want
			if i > 0 { // never on the first
				least = time.Duration(float64(want) * (1 - test.jitter))
				most = min(time.Duration(float64(want)*(1+test.jitter)), max(b.longest, want))
			}
			if got, ok := b.after(test.ran); got < least || got > most || !ok {
				t.Errorf("%s: delay %d = %v, %v, want %v to %v", test.name, i, got, ok, least, most)
			}
		}
	}
}

func seconds(list ...int) (durations []time.Duration) {
	for _, n := range list {
		durations = append(durations, time.Duration(n)*time.Second)
	}
	return durations
}

func TestBackoffLimit(t *testing.T) {
	b := newBackoff(agent.RestartBackoff{Limit: 3})
	for i := range 3 {
		if _, ok := b.after(0); !ok {
			t.Errorf("restart %d refused, want 3 in a row", i+1)
		}
	}
	if _, ok := b.after(0); ok {
		t.Error("restart 4 granted, want 3 in a row")
	}
	if _, ok := b.after(10 * time.Second); !ok {
		t.Error("restart after a healthy run refused")
	}
}

// TestBackoffSpreads: containers that fail together do not start together, not
// even when all wait for the longest time.
func TestBackoffSpreads(t *testing.T) {
	for _, failures := range []int{1, 20} {
		seen := map[time.Duration]bool{}
		for range 200 {
			b := newBackoff(agent.RestartBackoff{})
			for range failures {
				b.after(0)
			}
			delay, _ := b.after(0)
			seen[delay.Round(time.Millisecond)] = true
		}
		if len(seen) < 100 {
			t.Errorf("200 delays after %d failures have %d values, want them spread", failures, len(seen))
		}
	}
}
