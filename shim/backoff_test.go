package shim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"harpoon-supervisor/pkg/agent"
)

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		name   string
		config agent.RestartBackoff
		ran    time.Duration
		want   []time.Duration // the last one again and again
		jitter float64
	}{
		{"default", agent.RestartBackoff{}, 0, seconds(1, 2, 4, 8, 16, 30, 30), 0.1},
		{"default, healthy", agent.RestartBackoff{}, 10 * time.Second, seconds(1, 1, 1), 0},
		{"configured", agent.RestartBackoff{Initial: "3s", Factor: new(3.0), Max: "20s", Jitter: new(0.0)}, 0, seconds(3, 9, 20, 20), 0},
		{"constant", agent.RestartBackoff{Factor: new(1.0), Jitter: new(0.0)}, 0, seconds(1, 1, 1), 0},
		{"none", agent.RestartBackoff{Initial: "0", Max: "0"}, 0, []time.Duration{minBetweenStarts, minBetweenStarts}, 0},
		{"none, long runs", agent.RestartBackoff{Initial: "0", Max: "0"}, time.Minute, []time.Duration{0, 0}, 0},
		{"as long as can be", agent.RestartBackoff{Max: forever, Factor: new(1e300)}, 0, []time.Duration{time.Second, math.MaxInt64, math.MaxInt64}, 0.1},
		{"always healthy", agent.RestartBackoff{Reset: "0"}, 0, seconds(1, 1, 1), 0},
	} {
		b := newBackoff(test.config)
		for i, want := range test.want {
			least, most := want, want
			if i > 0 { // never on the first
				least = time.Duration(float64(want) * (1 - test.jitter))
				most = max(b.longest, want)
				if more := float64(want) * (1 + test.jitter); more < float64(most) {
					most = time.Duration(more)
				}
			}
			if got, ok := b.after(test.ran); got < least || got > most || !ok {
				t.Errorf("%s: delay %d = %v, %v, want %v to %v", test.name, i, got, ok, least, most)
			}
		}
	}
}

// forever is the longest duration that there is.
const forever = "2562047h47m16.854775807s"

// TestBackoffBounds: whatever is configured, the first delay after a healthy run
// is exactly the initial one, the others are never below the floor or beyond the
// maximum, and starts are 100 ms apart (promises E1, E4).
func TestBackoffBounds(t *testing.T) {
	pick := func(list ...time.Duration) agent.Duration { return agent.Duration(list[rand.IntN(len(list))].String()) }
	for range 2000 {
		config := agent.RestartBackoff{
			Initial: pick(0, 1, time.Millisecond, time.Second), Max: pick(time.Second, time.Hour, math.MaxInt64),
			Reset:  pick(0, 50*time.Millisecond, time.Second, math.MaxInt64),
			Factor: new(1 + rand.ExpFloat64()), Jitter: new(rand.Float64()),
		}
		if rand.IntN(2) == 0 {
			config.Factor, config.Jitter = new(1.0), new(1.0)
		}
		b := newBackoff(config)
		healthy := true
		for i := range 100 {
			ran := time.Duration(rand.ExpFloat64() * float64(100*time.Millisecond))
			healthy = healthy || ran >= b.reset
			got, ok := b.after(ran)
			floor := minBetweenStarts - ran
			if !ok || ran+got < minBetweenStarts || got < 0 || got > max(b.longest, floor) || healthy && got != max(b.initial, floor) {
				t.Fatalf("%+v: delay %d after %v = %v, %v (healthy = %v)", config, i, ran, got, ok, healthy)
			}
			healthy = false
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
	for i := range 3 { // none of which that was
		if _, ok := b.after(0); !ok {
			t.Errorf("restart %d after a healthy run and others refused", i+1)
		}
	}
	if _, ok := b.after(0); ok {
		t.Error("restart 4 after a healthy run and others granted")
	}
}

// TestBackoffFromNothing: a delay of one nanosecond grows like any other.
func TestBackoffFromNothing(t *testing.T) {
	b := newBackoff(agent.RestartBackoff{Initial: "1ns", Factor: new(1.9), Jitter: new(0.0)})
	for range 40 { // 1.9 to the power of 38 is more than 30e9
		b.after(minBetweenStarts)
	}
	if got, _ := b.after(minBetweenStarts); got != 30*time.Second {
		t.Errorf("delay 41 = %v, want the longest", got)
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
