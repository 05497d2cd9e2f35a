//go:build !faults

package nsinit

// fault is where a test makes a step fail; here nothing does.
func fault(string) error { return nil }

// early: the helper begins before any package that is not its own.
const early = true
