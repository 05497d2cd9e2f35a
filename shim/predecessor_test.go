package shim

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPredecessor: the next supervisor finds the cgroup of the last one, whatever bytes it
// has.
func TestPredecessor(t *testing.T) {
	t.Chdir(t.TempDir())
	if got := readPredecessor(); got.ID != "" {
		t.Errorf("in an empty directory: %q", got)
	}
	for _, want := range []cgroupName{
		{Parent: "/harpoon", ID: "id"}, {Parent: "self", ID: "a \" b", Own: map[string]string{"unified": "/a"}}, {Parent: "/", ID: "\xff"},
		{Parent: "/a\xfe/b", ID: strings.Repeat("\xff", 255)}, {Parent: "/\xff", ID: "ü"}, {Parent: "self", ID: "\xff", Own: map[string]string{"memory": "/a", "cpu": "/"}},
	} {
		if err := os.WriteFile(resolvedName, (&container{}).describe(Options{}, want), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, readPredecessor()); diff != "" {
			t.Error(diff)
		}
	}
}
