package cgroup

import (
	"errors"
	"fmt"
	"strings"
)

// maxID is NAME_MAX, in bytes.
const maxID = 255

// ValidID returns why id cannot be the name of a cgroup, or nil. An ID is 1 to
// 255 arbitrary bytes, but not "." or "..", without slash, NUL and newline (it
// would break the lines of /proc/PID/cgroup), and not the name of a file that a
// kernel puts into the directory, now or later: "tasks", "notify_on_release",
// "release_agent", and what begins with "cgroup." or with the name of a
// controller and a dot. That is the rule of systemd's cg_needs_escape
// (src/basic/cgroup-util.c).
func ValidID(id string) error {
	switch {
	case id == "":
		return errors.New("ID is empty")
	case len(id) > maxID:
		return fmt.Errorf("ID is longer than %d bytes", maxID)
	case id == "." || id == "..":
		return fmt.Errorf("ID %q is not a name", id)
	case strings.ContainsAny(id, "/\x00\n"):
		return fmt.Errorf("ID %q holds a slash, NUL or newline", id)
	case kernelFile(id):
		return fmt.Errorf("ID %q may be the name of a kernel file", id)
	}
	return nil
}

// kernelFile reports whether a kernel may have a file of that name in a cgroup.
func kernelFile(name string) bool {
	prefix, _, dotted := strings.Cut(name, ".")
	if !dotted {
		switch name {
		case "tasks", "notify_on_release", "release_agent":
			return true
		}
		return false
	}
	switch prefix {
	case "cgroup",
		// Every controller that a kernel has had (include/linux/cgroup_subsys.h),
		// and irq, whose pressure file stands alone.
		"cpu", "cpuacct", "cpuset", "blkio", "io", "memory", "devices", "freezer",
		"net_cls", "net_prio", "perf_event", "hugetlb", "pids", "rdma", "misc",
		"dmem", "debug", "irq":
		return true
	}
	return false
}
