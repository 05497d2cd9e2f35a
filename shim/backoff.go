package shim

import (
	"math/rand/v2"
	"time"
)

// The back-off between the end of a run and the start of the next.
const (
	backoffInitial = time.Second      // the first delay, exactly
	backoffFactor  = 2                // each further delay is so much longer
	backoffMax     = 30 * time.Second // but no longer than this
	backoffJitter  = 0.1              // and by up to this part longer or shorter
	backoffReset   = 10 * time.Second // a run that lasted so long starts over
)

// backoff counts the failures in a row.
type backoff struct {
	failures int
}

// after returns the delay after a run that lasted so long. The jitter, which
// keeps containers that failed together apart, is not on the first delay.
func (b *backoff) after(ran time.Duration) time.Duration {
	if ran >= backoffReset {
		b.failures = 0
	}
	b.failures++
	delay := backoffInitial
	for range b.failures - 1 {
		if delay *= backoffFactor; delay >= backoffMax {
			delay = backoffMax
			break
		}
	}
	if b.failures == 1 {
		return delay
	}
	return min(time.Duration(float64(delay)*(1+backoffJitter*(2*rand.Float64()-1))), backoffMax)
}
