package shim

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// TestAbortIsNotForgotten: a start that is aborted while nobody waits for init
// does not wait for it afterwards, whatever deadline the next call sets.
func TestAbortIsNotForgotten(t *testing.T) {
	conn, theirs, err := syncpipe.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	defer theirs.Close()
	ctx, abort := context.WithCancelCause(t.Context())
	stop := context.AfterFunc(ctx, func() { _ = conn.Interrupt() })
	defer stop()
	abort(errAborted)
	p := &pipe{ctx: ctx, conn: conn, run: &run{number: 1}, timeout: syncpipe.Timeout}
	if _, err := p.receive(); !errors.Is(err, context.Canceled) {
		t.Errorf("receive() = %v, want %v", err, context.Canceled)
	}
	if err := p.send(syncpipe.Message{Type: syncpipe.TypeProceed}, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("send() = %v, want %v", err, context.Canceled)
	}
}

// TestAbortMeetsDeadline: nor one that is aborted at the moment when that deadline is set.
func TestAbortMeetsDeadline(t *testing.T) {
	p, _ := testPipe(t)
	ctx, abort := context.WithCancelCause(t.Context())
	p.ctx = abortedOnLook{ctx, func() {
		abort(errAborted)
		_ = p.conn.Interrupt()
	}}
	begin := time.Now()
	if _, err := p.receive(); !errors.Is(err, context.Canceled) || time.Since(begin) > p.timeout/4 {
		t.Errorf("receive() = %v after %v, want %v at once", err, time.Since(begin), context.Canceled)
	}
}

// abortedOnLook is aborted when it has just been looked at.
type abortedOnLook struct {
	context.Context
	abort func()
}

func (c abortedOnLook) Err() error {
	defer c.abort()
	return c.Context.Err()
}

func TestStepOf(t *testing.T) {
	s := &starter{container: &container{init: syncpipe.Config{Mounts: []syncpipe.Mount{{Dest: "/a", Source: "/source"}, {Dest: "/var/lib/data"}}}}}
	for name, want := range map[string]string{
		"/mount 1":      "mount /var/lib/data",
		"/mount 2":      "mount 2", // no such mount
		"/volume 0":     "mount /a: open /source",
		"/mount /proc":  "mount /proc",
		"/mount resolv": "mount resolv",
		"/exec":         "exec",
		"4":             "start", // of its path, /proc/self/fd/4
		"":              "start",
	} {
		if got := s.stepOf(procStat{name: name}); got != want {
			t.Errorf("stepOf(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestUnexpectedMessages: what does not belong ends in an error that says so.
func TestUnexpectedMessages(t *testing.T) {
	const ready, step = `{"type":"ready"}`, `{"type":"step","step":{"name":"x"}}`
	for _, test := range []struct {
		name    string
		packets []string
		proceed bool // it has been ready, and is told to proceed
		want    string
	}{
		{"step without a trace", []string{step}, false, `got message "step", want "ready"`},
		{"proceed", []string{`{"type":"proceed"}`}, false, `got message "proceed", want "ready"`},
		{"config", []string{`{"type":"config","config":{}}`}, false, `got message "config", want "ready"`},
		{"short", []string{ready[:10]}, false, "packet of 10 bytes"},
		{"garbage", []string{"\x00\xff"}, false, "packet of 2 bytes"},
		{"oversized", []string{strings.Repeat(" ", 70<<10)}, false, "packet larger than"},
		{"empty", []string{""}, false, errDied.Error()},
		{"failed", []string{`{"type":"failed","failed":{"step":"x","text":"x: no"}}`}, false, "init: x: no"},
		{"ready again", []string{ready}, true, `got message "ready", want the end`},
		{"garbage instead of the end", []string{"x"}, true, "packet of 1 bytes"},
		{"failed instead of the end", []string{`{"type":"failed","failed":{"step":"exec","text":"exec: no"}}`}, true, "init: exec: no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, theirs := testPipe(t)
			for _, packet := range test.packets {
				if err := unix.Send(int(theirs.Fd()), []byte(packet), 0); err != nil {
					t.Fatal(err)
				}
			}
			wait := p.awaitReady
			if test.proceed {
				wait = p.proceed
			}
			if err := wait(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// TestStepsWithoutEnd: init goes on reporting steps, and is given up all the same.
func TestStepsWithoutEnd(t *testing.T) {
	p, theirs := testPipe(t)
	p.trace, p.timeout = &tracer{over: true}, 100*time.Millisecond
	p.run.child = &child{pid: 1}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for unix.Send(int(theirs.Fd()), []byte(`{"type":"step","step":{"name":"x"}}`), unix.MSG_NOSIGNAL) == nil {
			// until nobody listens
		}
	}()
	if err := p.awaitReady(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("awaitReady() = %v, want a timeout", err)
	}
	p.conn.Close()
	<-ended
}

// testPipe returns the shim's end of a pipe, and init's.
func testPipe(t *testing.T) (*pipe, *os.File) {
	t.Helper()
	conn, theirs, err := syncpipe.Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); theirs.Close() })
	return &pipe{ctx: t.Context(), conn: conn, run: &run{number: 1}, timeout: syncpipe.Timeout}, theirs
}
