package shim

import (
	"context"
	"errors"
	"testing"

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
	p := &pipe{ctx: ctx, conn: conn, run: &run{number: 1}}
	if _, err := p.receive(); !errors.Is(err, context.Canceled) {
		t.Errorf("receive() = %v, want %v", err, context.Canceled)
	}
	if err := p.send(syncpipe.Message{Type: syncpipe.TypeProceed}, []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("send() = %v, want %v", err, context.Canceled)
	}
}

func TestStepOf(t *testing.T) {
	s := &starter{container: &container{init: syncpipe.Config{Mounts: []syncpipe.Mount{{Dest: "/a"}, {Dest: "/var/lib/data"}}}}}
	for name, want := range map[string]string{
		"/mount 1":      "mount /var/lib/data",
		"/mount 2":      "mount 2", // no such mount
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
