package shim

import (
	"testing"
	"testing/synctest"

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
