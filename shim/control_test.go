package shim

import (
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// TestTooLateToAbort: a command that is executed after all gets what has been asked for
// meanwhile, in one signal: a KILL is not taken back by what is asked for after it.
func TestTooLateToAbort(t *testing.T) {
	for _, test := range []struct {
		asked []string
		want  syscall.Signal
	}{
		{[]string{"stop"}, unix.SIGTERM},
		{[]string{"TERM"}, unix.SIGTERM},
		{[]string{"kill"}, unix.SIGKILL},
		{[]string{"stop", "kill"}, unix.SIGKILL},
		{[]string{"kill", "stop"}, unix.SIGKILL},
		{[]string{"kill", "TERM"}, unix.SIGKILL},
		{[]string{"INT", "TERM"}, unix.SIGKILL},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, agent.RestartAlways, agent.RestartBackoff{}, func(p *fakeProcess) {
				p.late, p.life, p.heeds = true, time.Hour, true
				<-time.After(abortPatience / 2) // it does not hear of the abort
			})
			synctest.Wait()
			for _, asked := range test.asked {
				w.ask(asked)
			}
			<-time.After(time.Minute)
			synctest.Wait()
			if _, runs := w.snapshot(); len(runs) != 1 {
				t.Errorf("after %q: %d runs, want 1", test.asked, len(runs))
			} else if p := runs[0]; !slices.Equal(p.signals, []syscall.Signal{test.want}) || !p.ended {
				t.Errorf("after %q: the command has got %v, ended = %v, want %v, and an end", test.asked, p.signals, p.ended, test.want)
			}
			w.end()
		})
	}
}

// TestLostStop: a TERM that comes before the command has a handler is sent again when it
// has one, within some seconds, and never twice to one that has.
func TestLostStop(t *testing.T) {
	const term, kill = unix.SIGTERM, unix.SIGKILL
	for _, test := range []struct {
		name   string
		start  time.Duration // how long it takes, if nobody asks for a stop
		heedAt time.Duration // after the stop
		more   string        // is asked for a second after the stop
		want   []syscall.Signal
	}{
		{"it has one", 0, 0, "", []syscall.Signal{term}},
		{"soon", 0, 3 * time.Millisecond, "", []syscall.Signal{term, term}},
		{"after seconds", 0, 4 * time.Second, "", []syscall.Signal{term, term}},
		{"too late", 0, time.Minute, "", []syscall.Signal{term}},
		{"in the start", time.Minute, 3 * time.Millisecond, "", []syscall.Signal{term, term}},
		{"after a second stop", 0, 4 * time.Second, "stop", []syscall.Signal{term, term, term}},
		{"just before a second stop", 0, 999 * time.Millisecond, "stop", []syscall.Signal{term, term}},
		{"killed before", 0, 4 * time.Second, "kill", []syscall.Signal{term, kill}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p *fakeProcess
				w := newWorld(t, agent.RestartNo, agent.RestartBackoff{}, func(next *fakeProcess) {
					p, next.startup, next.late, next.life, next.dying = next, test.start, true, time.Hour, time.Minute
				})
				synctest.Wait()
				p.setHeeds(test.heedAt == 0)
				time.AfterFunc(test.heedAt, func() { p.setHeeds(true) })
				w.ask("stop")
				<-time.After(time.Second)
				if test.more != "" {
					w.ask(test.more)
				}
				<-time.After(2 * time.Minute)
				synctest.Wait()
				if !slices.Equal(p.signals, test.want) {
					t.Errorf("signals %v, want %v", p.signals, test.want)
				}
				w.end()
			})
		})
	}
}
