package main_test

import (
	"bytes"
	"os"
	"testing"
)

// TestNoFaultsInRelease: the binary that is shipped holds nothing of the faults,
// neither a symbol nor a string; the one for tests does, so they would be found.
func TestNoFaultsInRelease(t *testing.T) {
	needRoot(t)
	// Variables, names of functions and files, and texts.
	traces := []string{"HARPOON_FAULT", "/fault_o", "/faults.go", "fault: "}
	for _, pkg := range []string{"harpoon-supervisor/init", "syncpipe", "cgroup", "shim"} {
		traces = append(traces, pkg+".fault", pkg+".Fault")
	}
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
		var found []string
		for _, trace := range traces {
			if bytes.Contains(program, []byte(trace)) {
				found = append(found, trace)
			}
		}
		if (found != nil) != test.want {
			t.Errorf("%s holds %q, want any: %v", test.binary, found, test.want)
		}
	}
}
