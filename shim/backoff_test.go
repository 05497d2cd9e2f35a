package shim

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	var b backoff
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		want *= time.Second
		least, most := want-want/10, min(want+want/10, backoffMax)
		if i == 0 {
			least, most = want, want // no jitter on the first
		}
		if got := b.after(0); got < least || got > most {
			t.Errorf("delay %d = %v, want %v to %v", i, got, least, most)
		}
	}
	if got := b.after(backoffReset); got != backoffInitial {
		t.Errorf("after a healthy run: %v, want %v", got, backoffInitial)
	}
}

func TestBackoffSpreads(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 200 {
		var b backoff
		b.after(0)
		seen[b.after(0)] = true
	}
	if len(seen) < 100 {
		t.Errorf("200 second delays have %d values, want them spread", len(seen))
	}
}
