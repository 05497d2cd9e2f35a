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
}

// newBackoff takes a valid configuration.
func newBackoff(config agent.RestartBackoff) backoff {
	config = config.WithDefaults()
	b := backoff{factor: config.Factor, jitter: *config.Jitter, limit: int(config.Limit)}
	b.initial, _ = config.Initial.Parse()
	b.longest, _ = config.Max.Parse()
	b.reset, _ = config.Reset.Parse()
	return b
}

// after returns the delay after a run that lasted so long, and false if the
// limit has been reached.
func (b *backoff) after(ran time.Duration) (time.Duration, bool) {
	if ran >= b.reset {
		b.unhealthy = 0
	}
	if b.limit > 0 && b.unhealthy >= b.limit {
		return 0, false
	}
	delay := float64(b.initial)
	for range b.unhealthy {
		if delay *= b.factor; delay >= float64(b.longest) {
			delay = float64(b.longest)
			break
		}
	}
	if b.unhealthy > 0 {
		// Evenly from the shortest to the longest, and not cut off there: at
		// the maximum, too, those who failed together come apart.
		least, most := delay*(1-b.jitter), min(delay*(1+b.jitter), float64(b.longest))
		delay = least + rand.Float64()*(most-least)
	}
	b.unhealthy++
	return max(time.Duration(delay), minBetweenStarts-ran), true
}
