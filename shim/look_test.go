package shim

import (
	"testing"
	"testing/synctest"
	"time"

	"harpoon-supervisor/pkg/agent"
)

// TestAcknowledgedBeforeWatched: the run directory is not watched before an agent
// has had the time to acknowledge the end, which a watch would delay; then it is.
func TestAcknowledgedBeforeWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartNo, agent.RestartBackoff{}, func(p *fakeProcess) { p.life = time.Second })
		<-time.After(time.Second + dirInterval/2)
		if got := w.look(); got.state != down || w.watches() {
			t.Errorf("%v; want down, and no watch yet", got.state)
		}
		<-time.After(dirInterval)
		if !w.watches() {
			t.Error("no watch of the run directory")
		}
		w.end()
	})
}

// TestDeadDirectory: a run directory that cannot be looked at, as on a dead file server,
// does not keep a supervisor that is down from its end.
func TestDeadDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartNo, agent.RestartBackoff{}, func(p *fakeProcess) { p.life = time.Second })
		looks, back := 0, make(chan struct{})
		w.s.look = func(func()) dirLook {
			looks++
			<-back
			return dirLook{}
		}
		w.ask("look") // the loop sees that from here on
		<-time.After(time.Second + 3*dirInterval)
		if got := w.look(); got.state != down || looks != 1 {
			t.Errorf("%v, %d looks; want down, and one", got.state, looks)
		}
		w.end()
		close(back)
	})
}

// TestUnwatchedDirectory: a run directory that cannot be watched is looked at by the clock,
// so that its deletion ends a supervisor that is down all the same.
func TestUnwatchedDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartNo, agent.RestartBackoff{}, func(p *fakeProcess) { p.life = time.Second })
		deleted := time.Now().Add(time.Minute)
		w.s.look = func(func()) dirLook {
			gone := time.Now().After(deleted)
			return dirLook{deleted: gone, published: !gone}
		}
		w.ask("look") // the loop sees that from here on
		<-time.After(time.Minute + 2*dirInterval)
		select {
		case <-w.served:
		default:
			t.Errorf("%v after its directory has been deleted, want the end", w.look().state)
		}
		w.end()
	})
}
