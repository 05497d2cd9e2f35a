package shim

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
)

// TestSignalsFirst: nothing is made that would be left while a signal may still end the
// supervisor.
func TestSignalsFirst(t *testing.T) {
	for name, f := range map[string]func(*supervisor) error{
		"createGroup()": func(s *supervisor) error {
			return s.starter.createGroup(&run{}) // no ID: an error, when its turn comes
		},
		"appear()": func(s *supervisor) error {
			return s.appear(nil) // no directory
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			caught, made := make(chan struct{}), make(chan error, 1)
			s := &supervisor{starter: &starter{caught: caught, host: &cgroup.Host{}, container: &container{}}}
			go func() { made <- f(s) }()
			synctest.Wait()
			if len(made) > 0 {
				t.Fatalf("%s does not wait for the signals to be caught", name)
			}
			close(caught)
			if err := <-made; err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
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
