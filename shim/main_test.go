package shim

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

// The main thread is TestMain's alone. Threads that are changed for good end with
// their goroutines; the main one would stay.
func init() { runtime.LockOSThread() }

// TestMain fails the run if goroutines or descriptors are left. It plays the
// peers of TestIdentify as well.
func TestMain(m *testing.M) {
	if address := os.Getenv(peerVariable); address != "" {
		playPeer(address)
		return
	}
	r, w, err := os.Pipe() // the runtime's poller has descriptors of its own from here on
	if err != nil {
		panic(err)
	}
	r.Close()
	w.Close()
	signals := make(chan os.Signal, 1) // fuzzing waits for some, and the goroutine that does so stays
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
	goroutines, files := runtime.NumGoroutine(), descriptors()
	status := m.Run()
	deadline := time.After(5 * time.Second)
	for runtime.NumGoroutine() > goroutines || descriptors() > files {
		select {
		case <-time.After(10 * time.Millisecond):
			continue
		case <-deadline:
		}
		fmt.Fprintf(os.Stderr, "left: %d goroutines, before %d; %d descriptors, before %d\n", runtime.NumGoroutine(), goroutines, descriptors(), files)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		status = 1
		break
	}
	os.Exit(status)
}

func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}
