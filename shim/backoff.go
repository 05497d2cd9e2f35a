package shim

import (
	"math/rand/v2"
	"time"

	"harpoon-supervisor/pkg/agent"
)

// minBetweenStarts holds whatever is configured: a command that fails at once
// must not burn a core.
const minBetweenStarts = 100 * time.Millisecond

// backoff spaces the restarts, as agent.RestartBackoff says.
type backoff struct {
	initial, longest, reset time.Duration
	factor, jitter          float64
	limit                   int
	// unhealthy counts the restarts in a row after runs that were not healthy.
	unhealthy int
	// last is the last delay since the last healthy run, in nanoseconds, without jitter, or 0.
	last float64
}

// newBackoff takes a valid configuration.
func newBackoff(config agent.RestartBackoff) backoff {
	config = config.WithDefaults()
	b := backoff{factor: *config.Factor, jitter: *config.Jitter, limit: int(config.Limit)}
	b.initial, _ = config.Initial.Parse()
	b.longest, _ = config.Max.Parse()
	b.reset, _ = config.Reset.Parse()
	return b
}

// after returns the delay after a run that lasted so long, and false if the
// limit has been reached.
func (b *backoff) after(ran time.Duration) (time.Duration, bool) {
	switch {
	case ran >= b.reset:
		b.unhealthy, b.last = 0, 0
	case b.limit > 0 && b.unhealthy >= b.limit:
		return 0, false
	default:
		b.unhealthy++
	}
	delay := b.initial // exactly, the first one
	if b.last > 0 {
		delay = b.grow()
	} else {
		b.last = float64(b.initial)
	}
	return max(delay, minBetweenStarts-ran), true
}

// grow makes the delay longer and returns it with jitter.
func (b *backoff) grow() time.Duration {
	b.last = min(b.last*b.factor, float64(b.longest))
	// Evenly from the shortest to the longest, and not cut off there: at the
	// maximum, too, those who failed together come apart.
	least, most := b.last*(1-b.jitter), min(b.last*(1+b.jitter), float64(b.longest))
	if delay := least + rand.Float64()*(most-least); delay < float64(b.longest) {
		return time.Duration(delay)
	}
	return b.longest // a float64 may have rounded it up, beyond what an int64 holds
}
