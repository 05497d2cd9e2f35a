package main_test

import (
	"os"
	"regexp"
	"testing"
)

// TestNoFaultsInRelease: the binary that is shipped holds nothing of the faults,
// neither a symbol nor a string; the one for tests does, so they would be found.
func TestNoFaultsInRelease(t *testing.T) {
	needRoot(t)
	faults := regexp.MustCompile(`HARPOON_FAULT|(harpoon-supervisor/init|syncpipe|cgroup|shim)\.[Ff]ault\b|\bfaults?_o[nf]|fault: `)
	withFaults, err := faultsBuild()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		binary string
		want   bool
	}{{bench.supervisor, false}, {withFaults, true}} {
		program, err := os.ReadFile(test.binary)
		if err != nil {
			t.Fatal(err)
		}
		if found := faults.FindAll(program, -1); (found != nil) != test.want {
			t.Errorf("%s holds %q, want any: %v", test.binary, found, test.want)
		}
	}
}
