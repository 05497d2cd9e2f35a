//go:build !faults

package syncpipe

import "time"

// Timeout bounds each wait of either half for the other.
const Timeout = 10 * time.Second

// fault is where a test makes a call fail; here nothing does.
func fault(bool, string, []byte) error { return nil }
