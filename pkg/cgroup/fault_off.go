//go:build !faults

package cgroup

// fault is where a test makes an operation on a group fail; here nothing does.
func fault(string, ...string) error { return nil }
