package shim

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestWatched: late is told of a step that hangs, once, and of no other; and that is its error.
func TestWatched(t *testing.T) {
	for took, want := range map[time.Duration]int{0: 0, stepTimeout() - 1: 0, stepTimeout() + 1: 1, 10 * stepTimeout(): 1} {
		synctest.Test(t, func(t *testing.T) {
			told := make(chan string, 10)
			late := func(name string) { told <- name }
			hang := func() error {
				<-time.After(took)
				return io.EOF
			}
			err := watched("x", late, hang)
			<-time.After(2 * stepTimeout()) // nor is it told later
			if (err == io.EOF) != (want == 0) || len(told) != want {
				t.Errorf("watched(a step of %v) = %v and told late %d times, want %d", took, err, len(told), want)
			}
		})
	}
}

// TestAlarm: it comes when the whole time is over, unless it was stopped, in whichever half.
func TestAlarm(t *testing.T) {
	const d = time.Minute
	for _, test := range []struct {
		stop, look time.Duration
		want       bool
	}{{2 * d, d - 1, false}, {2 * d, d + 1, true}, {d / 4, 3 * d, false}, {d * 3 / 4, 3 * d, false}} {
		synctest.Test(t, func(t *testing.T) {
			rung := make(chan bool, 2)
			a := newAlarm(d, func() { rung <- true })
			stop := time.AfterFunc(test.stop, func() { a.stop() })
			<-time.After(test.look)
			if got := len(rung) > 0; got != test.want {
				t.Errorf("after %v of %v, stopped after %v: rung = %v", test.look, d, test.stop, got)
			}
			stop.Stop()
			a.stop()
		})
	}
}

// TestWithin: it waits for the whole time, and no longer.
func TestWithin(t *testing.T) {
	const d = time.Minute
	for after, want := range map[time.Duration]bool{0: true, d / 4: true, d * 3 / 4: true, d + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			c, begin := make(chan int, 1), time.Now()
			time.AfterFunc(after, func() { c <- 7 })
			value, ok := within(d, c)
			if took := time.Since(begin); ok != want || ok && (value != 7 || took != after) || !ok && took != d {
				t.Errorf("within(%v) of what comes after %v = %d, %v after %v", d, after, value, ok, took)
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
