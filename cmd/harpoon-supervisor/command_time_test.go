package main_test

import (
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// setMark is where passed measures from. What is timed begins after it: a test that is
// late would find it shorter than it was.
func (b *bed) setMark(*testscript.TestScript, []string) error {
	b.mark = time.Now()
	return nil
}

// passed checks a time against a lower bound, which is exact, and an upper one,
// which is stretched on slow machines.
func (b *bed) passed(_ *testscript.TestScript, args []string) error {
	took := time.Since(b.mark)
	least, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	most, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	if took < least || took > scaled(most) {
		return fmt.Errorf("took %v, want %v to %v", took, least, scaled(most))
	}
	return nil
}

// stepClock sets the machine's clock, until the end of the script.
func (b *bed) stepClock(ts *testscript.TestScript, args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	ts.Defer(func() { ts.Check(stepClock(-d)) })
	return stepClock(d)
}

func stepClock(d time.Duration) error {
	now := unix.NsecToTimeval(time.Now().Add(d).UnixNano())
	return unix.Settimeofday(&now)
}
