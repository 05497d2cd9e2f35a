//go:build !faults

package shim

// fault is where a test makes a step fail; here nothing does.
func fault(string) error { return nil }
