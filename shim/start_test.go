package shim

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
)

// TestCreateWaits: no cgroup is made while a signal may still end the supervisor, for
// it would be left.
func TestCreateWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caught, made := make(chan struct{}), make(chan error, 1)
		s := &starter{caught: caught, host: &cgroup.Host{}, container: &container{}}
		go func() {
			_, err := s.createGroup() // no ID: an error at once, when its turn comes
			made <- err
		}()
		synctest.Wait()
		if len(made) > 0 {
			t.Fatal("createGroup() does not wait for the signals to be caught")
		}
		close(caught)
		if err := <-made; err == nil {
			t.Error("createGroup() without an ID: no error")
		}
	})
}

// TestExplainThaws: an init that somebody has frozen is not only killed, but ends.
func TestExplainThaws(t *testing.T) {
	p := &frozen{}
	err := new(starter).explain(&run{number: 1, group: p, child: p}, p, errAborted)
	if err != errAborted || p.signals == nil {
		t.Errorf("explain() = %v, after signals %v, want %v after a KILL", err, p.signals, errAborted)
	}
}

// frozen is a process of cgroup v1 that dies when it is thawed, and its cgroup.
type frozen struct {
	fakeProcess
	thawed bool
}

func (p *frozen) Thaw() error {
	p.thawed = true
	return nil
}

func (p *frozen) waitFor(time.Duration) (unix.WaitStatus, error) {
	if !p.thawed {
		return 0, os.ErrDeadlineExceeded
	}
	return unix.WaitStatus(unix.SIGKILL), nil
}
