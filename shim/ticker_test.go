package shim

import (
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestTicker: it ticks on, and after stop no more.
func TestTicker(t *testing.T) {
	ticker := newTicker(time.Millisecond)
	for range 5 {
		<-ticker.ticks
	}
	ticker.stop() // TestMain sees whether the goroutine and the descriptor are gone
}

// TestTickerWithoutDescriptors: it ticks nevertheless.
func TestTickerWithoutDescriptors(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
			t.Fatal(err)
		}
		ticker := newTicker(time.Hour)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for n := range 3 {
			<-ticker.ticks
			if took, want := time.Since(start), time.Duration(n+1)*time.Hour; took != want {
				t.Errorf("tick %d after %v, want %v", n, took, want)
			}
		}
		ticker.stop()
		<-time.After(3 * time.Hour)
		select {
		case <-ticker.ticks:
			t.Error("a tick after stop")
		default:
		}
	})
}
