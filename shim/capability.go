package shim

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/syncpipe"
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

// checkKill refuses a command that this process could not kill, nor the kernel at the
// end of this process (kill(2), prctl(2) on PR_SET_PDEATHSIG). One in a user
// namespace it can, as that is its own (user_namespaces(7)). One with CAP_SETUID is
// whoever it wants to be.
func checkKill(c *syncpipe.Config) error {
	with := ""
	if c.Capabilities&(1<<unix.CAP_SETUID) != 0 {
		with = " with CAP_SETUID"
	}
	if c.UserNS != nil || int(c.UID) == unix.Geteuid() && with == "" {
		return nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	if caps[0].Effective&(1<<unix.CAP_KILL) == 0 {
		return fmt.Errorf("start container: user %d%s: the supervisor has no CAP_KILL: it could not end the command", c.UID, with)
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
