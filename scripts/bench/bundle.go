package main

import (
	"encoding/json"
	"os"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// bundle is what an OCI runtime is asked for.
type bundle int

const (
	lean        bundle = iota // /proc and /dev, no seccomp
	full                      // the mounts and masks of "runc spec", no seccomp
	fullSeccomp               // the same, with our own seccomp profile
)

// String is the part of a subject's name.
func (b bundle) String() string {
	return [...]string{"lean", "default mounts", "default mounts, seccomp"}[b]
}

// architectures are those that the engines' default profile has for a machine.
var architectures = map[string][]specs.Arch{
	"amd64": {specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
	"arm64": {specs.ArchAARCH64, specs.ArchARM},
}

// writeBundle writes the bundle for a container.
func (w *world) writeBundle(dir, id, mode string, b bundle) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	spec := w.leanSpec(id, mode)
	if b != lean {
		furnishSpec(spec)
	}
	if b == fullSeccomp {
		text, err := os.ReadFile(w.path("seccomp.json"))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &spec.Linux.Seccomp); err != nil {
			return err
		}
		spec.Linux.Seccomp.Architectures = architectures[runtime.GOARCH]
	}
	return writeJSON(dir+"/config.json", spec)
}

// leanSpec has what ours has without asking, and as little else as can be.
func (w *world) leanSpec(id, mode string) *specs.Spec {
	limit := int64(memoryLimit)
	return &specs.Spec{
		Version:  "1.0.0",
		Hostname: "bench",
		Root:     &specs.Root{Path: w.path("rootfs"), Readonly: true},
		Process: &specs.Process{
			Args:            []string{"/bin/command", mode},
			Env:             []string{"PATH=/bin"},
			Cwd:             "/",
			User:            specs.User{UID: 1, GID: 1},
			NoNewPrivileges: true,
			Capabilities:    &specs.LinuxCapabilities{},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		},
		Linux: &specs.Linux{
			CgroupsPath: w.parent + "/" + id,
			Resources:   &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}},
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace},
			},
		},
	}
}

// furnishSpec adds what "runc spec" has more than that, but for a network of its own.
func furnishSpec(s *specs.Spec) {
	s.Mounts = append(s.Mounts,
		specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		specs.Mount{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"}},
	)
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	s.Linux.MaskedPaths = []string{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}
	s.Linux.ReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}
