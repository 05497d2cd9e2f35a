package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestVolumeReleased: the supervisor does not keep a container's mounts when it tells
// the end, if there are volumes among them: an agent that unmounts the filesystem of
// one then, and detaches its device, would lose what has not been written. Without
// any they are kept, which makes the end known sooner.
func TestVolumeReleased(t *testing.T) {
	needRoot(t)
	for _, test := range []struct {
		config string
		kept   bool
	}{
		{fmt.Sprintf(`{"storage": {"volumes": {"/data": %q}}}`, t.TempDir()), false},
		{`{"storage": {"tmp": {"/tmp": -1}}}`, true},
	} {
		_, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}}, test.config)
		held, err := descriptors(s.cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		kept := slices.ContainsFunc(held, func(target string) bool { return strings.HasPrefix(target, "mnt:") })
		if kept != test.kept {
			t.Errorf("%s: mount namespace kept: %v, want %v: %q", test.config, kept, test.kept, held)
		}
		s.terminate(t)
	}
}

// TestRestartsHoldNothing: of a run that has ended the next one finds no descriptor open.
func TestRestartsHoldNothing(t *testing.T) {
	needRoot(t)
	c, s := started(t, launch{command: []string{"/bin/workload", "until-term", "0"}},
		`{"restart": "always", "restart_backoff": {"initial": "0s", "max": "0s"}, "network": "none", "storage": {"tmp": {"/tmp": -1}}}`)
	client := dialed(t, c)
	before := 0
	for i := range 4 {
		state, err := client.await("up=true", fmt.Sprintf("restarts=%d", i))
		if err != nil {
			t.Fatal(err)
		}
		open := s.openDescriptors(t)
		if i > 1 && open > before { // the first is told before its client has a ticker
			t.Errorf("%d descriptors after %d restarts, and %d before the last", open, i, before)
		}
		before = open
		if err := state.kill(unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	s.finish(t, client)
}
