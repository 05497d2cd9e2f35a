package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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
