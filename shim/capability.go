package shim

import (
	"fmt"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// checkCapabilities refuses what nobody below this process can have.
func checkCapabilities(names []agent.Capability) error {
	for _, name := range names {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(name.Number()), 0, 0, 0)
		switch {
		case err != nil:
			return fmt.Errorf("capabilities: %s: this kernel does not have it", name)
		case has == 0:
			return fmt.Errorf("capabilities: %s: not in the supervisor's own bounding set", name)
		}
	}
	return nil
}

// capabilitySet returns the names, which have been checked, as a bit set.
func capabilitySet(names []agent.Capability) (set uint64) {
	for _, name := range names {
		set |= 1 << name.Number()
	}
	return set
}
