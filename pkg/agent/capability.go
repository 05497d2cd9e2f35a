package agent

import (
	"fmt"
	"slices"
)

// Capability is the name of a Linux capability as capabilities(7) spells it:
// "CAP_NET_BIND_SERVICE".
type Capability string

// capabilityNames by number (linux/capability.h). Plain data: a table in a
// library costs each start its initialisation, in both halves.
var capabilityNames = [...]Capability{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", // 0 to 5
	"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", // to 10
	"CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", // to 15
	"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", // to 20
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", // to 25
	"CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", // to 30
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", // to 35
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE", // to 40
}

// Number returns the kernel's number of the capability, or -1. Whether the
// running kernel has it is another question: cap_last_cap of proc_sys_kernel(5).
func (c Capability) Number() int { return slices.Index(capabilityNames[:], c) }

func (c *ContainerConfig) validateCapabilities() error {
	for _, name := range c.Capabilities {
		if name.Number() < 0 {
			return fmt.Errorf("capabilities: %q: want a name of capabilities(7), like CAP_NET_BIND_SERVICE", string(name))
		}
	}
	return nil
}
