package shim

import (
	"testing"
	"testing/synctest"
	"time"

	"harpoon-supervisor/pkg/agent"
)

// TestNextRestartIsTold: the time of the next start is told while it is waited for, and not
// any more while that start is in progress; how the last run has ended is told all the time.
func TestNextRestartIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartAlways, agent.RestartBackoff{Initial: "10s"}, func(p *fakeProcess) {
			p.life, p.startup = time.Second, time.Minute
		})
		<-time.After(time.Minute + 2*time.Second)
		next := time.Now().Add(9 * time.Second)
		synctest.Wait()
		if got := w.s.wire(); w.s.state != backingOff || !got.NextRestartAt.Equal(next) || got.ContainerExitStatus == nil {
			t.Errorf("%v: next restart at %v, want %v; exit %+v", w.s.state, got.NextRestartAt, next, got.ContainerExitStatus)
		}
		w.ask("look")
		<-time.After(30 * time.Second)
		synctest.Wait()
		if got := w.s.wire(); w.s.state != restarting || !got.NextRestartAt.IsZero() || got.ContainerExitStatus == nil {
			t.Errorf("%v: next restart at %v, want none; exit %+v", w.s.state, got.NextRestartAt, got.ContainerExitStatus)
		}
		w.end()
	})
}
