//go:build faults

package syncpipe

import (
	"encoding/json"
	"time"
)

// Timeout bounds each wait of either half for the other.
var Timeout = 10 * time.Second

// Fault is called with the half and what it does, before it sends a message and
// after it has received one; an error is taken for the call's. It exists in
// builds for tests only.
var Fault = func(half, doing string) error { return nil }

func fault(inInit bool, doing string, packet []byte) error {
	half := "shim"
	if inInit {
		half = "init"
	}
	if packet == nil {
		return Fault(half, doing)
	}
	var m struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(packet, &m) != nil {
		m.Type = "EOF"
	}
	return Fault(half, doing+" "+m.Type)
}
