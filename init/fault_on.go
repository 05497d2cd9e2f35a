//go:build faults

package nsinit

// Fault is called with the name of each step before it is done; an error is
// taken for the step's. It exists in builds for tests only.
var Fault = func(step string) error { return nil }

func fault(step string) error { return Fault(step) }

// early is not possible: whoever sets Fault calls Main then.
const early = false

// Main is main.
func Main() { main() }
