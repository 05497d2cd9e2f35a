package shim

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestWatched: late is told of a step that hangs, once, and of no other.
func TestWatched(t *testing.T) {
	for took, want := range map[time.Duration]int{0: 0, stepTimeout() - 1: 0, stepTimeout() + 1: 1, 10 * stepTimeout(): 1} {
		synctest.Test(t, func(t *testing.T) {
			told := make(chan string, 10)
			err := watched("x", func(name string) { told <- name }, func() error {
				<-time.After(took)
				return io.EOF
			})
			<-time.After(2 * stepTimeout()) // nor is it told later
			if err != io.EOF || len(told) != want {
				t.Errorf("watched(a step of %v) = %v and told late %d times, want %v and %d", took, err, len(told), io.EOF, want)
			}
		})
	}
}

// TestNamed: an errno alone gets the step's name, other errors say more already.
func TestNamed(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{unix.EIO, "write limits: input/output error"},
		{errors.New("memory.max: no"), "memory.max: no"},
		{nil, ""},
	} {
		got := ""
		err := step("write limits", func() error { return test.err })
		if err != nil {
			got = err.Error()
		}
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("step(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}
