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
	// Names of functions and files, and texts; and variables, of which a stripped binary
	// holds no names.
	traces := []string{"HARPOON_FAULT", "/fault_o", "/faults.go", "fault: "}
	var variables []string
	for _, pkg := range []string{"harpoon-supervisor/init", "syncpipe", "cgroup", "shim"} {
		traces, variables = append(traces, pkg+".fault"), append(variables, pkg+".Fault")
	}
	withFaults, err := faultsBuild()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		binary string
		traces []string
		want   int
	}{{bench.supervisor, append(variables, traces...), 0}, {withFaults, traces, len(traces)}} {
		program, err := os.ReadFile(test.binary)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, trace := range test.traces {
			if bytes.Contains(program, []byte(trace)) {
				found = append(found, trace)
			}
		}
		if len(found) != test.want {
			t.Errorf("%s holds %q, want %d of %q", test.binary, found, test.want, test.traces)
		}
	}
}
