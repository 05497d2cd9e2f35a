package agent

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// leastFD is the smallest limit with which a command has its standard streams.
const leastFD = 3

// The largest values that the kernel and this program can hold.
const (
	maxMem = math.MaxInt64 >> 21 // MiB; twice as much in bytes, for memory and swap, fits an int64
	maxTmp = math.MaxInt64 >> 20 // MiB
	maxCPU = 1 << 24             // CPUs; the kernel's quota is below 1<<44 microseconds
	// PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h); pids.max takes no more.
	maxPIDs = 4 << 20
)

// Validate returns the first fault of the configuration, or nil. Its error
// begins with the name of the field.
func (c *ContainerConfig) Validate() error {
	return cmp.Or(
		c.validateEnv(),
		c.Resources.validate(),
		c.Storage.validate(),
		c.Command.validate(),
		c.validateDurations(),
		c.Restart.validate(),
		c.RestartBackoff.validate(),
		c.Network.validate(),
		c.Seccomp.validate(),
		c.User.validate(),
		c.validateCapabilities(),
		c.UserNS.validate(c.User),
	)
}

func (c *ContainerConfig) validateEnv() error {
	for _, key := range slices.Sorted(maps.Keys(c.Env)) {
		switch {
		case key == "":
			return errors.New("env: empty key")
		case strings.ContainsAny(key, "=\x00"):
			// What comes behind a '=' is a value by mistake: {"NAME=value": ""}.
			name, _, found := strings.Cut(key, "=")
			if found {
				return fmt.Errorf("env: key that begins with %q: holds '='", name+"=")
			}
			return fmt.Errorf("env: key %q: holds NUL", key)
		case strings.Contains(c.Env[key], "\x00"):
			return fmt.Errorf("env: value of %q: holds NUL", key)
		}
	}
	return nil
}

func (r Resources) validate() error {
	switch {
	case r.Mem > maxMem:
		return fmt.Errorf("resources.mem: %d MiB: beyond %d", r.Mem, uint64(maxMem))
	case r.CPU < 0:
		return fmt.Errorf("resources.cpu: %v: negative", r.CPU)
	case r.CPU > maxCPU:
		return fmt.Errorf("resources.cpu: %v: beyond %d", r.CPU, maxCPU)
	case r.PIDs > maxPIDs:
		return fmt.Errorf("resources.pids: %d: beyond the kernel's %d", r.PIDs, maxPIDs)
	}
	if r.FD > 0 {
		if r.FD < leastFD {
			return fmt.Errorf("resources.fd: %d: below the %d that the standard streams take", r.FD, leastFD)
		}
		if limit := nrOpen(); r.FD > limit {
			return fmt.Errorf("resources.fd: %d: beyond the kernel's %d (fs.nr_open)", r.FD, limit)
		}
	}
	return nil
}

// nrOpen returns the kernel's upper bound of RLIMIT_NOFILE (proc_sys_fs(5)),
// or its default where it cannot be read.
func nrOpen() uint64 {
	text, _ := os.ReadFile("/proc/sys/fs/nr_open")
	if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil {
		return n
	}
	return 1 << 20
}

func (s Storage) validate() error {
	seen := map[string]string{}
	destination := func(field, dest string) error {
		clean := path.Clean(dest)
		switch {
		case strings.Contains(dest, "\x00"):
			return fmt.Errorf("%s: destination %q: holds NUL", field, dest)
		case !path.IsAbs(dest):
			return fmt.Errorf("%s: destination %q: not absolute", field, dest)
		case clean == "/":
			return fmt.Errorf("%s: destination %q: the root itself", field, dest)
		case seen[clean] != "":
			return fmt.Errorf("%s: destination %q: also in %s", field, dest, seen[clean])
		}
		seen[clean] = field
		return nil
	}
	for _, dest := range slices.Sorted(maps.Keys(s.Tmp)) {
		if err := destination("storage.tmp", dest); err != nil {
			return err
		}
		if s.Tmp[dest] > maxTmp {
			return fmt.Errorf("storage.tmp: size of %q: %d MiB: beyond %d", dest, s.Tmp[dest], int64(maxTmp))
		}
	}
	for _, dest := range slices.Sorted(maps.Keys(s.Volumes)) {
		if err := destination("storage.volumes", dest); err != nil {
			return err
		}
		switch source := s.Volumes[dest]; {
		case strings.Contains(source, "\x00"):
			return fmt.Errorf("storage.volumes: source %q of %q: holds NUL", source, dest)
		case !path.IsAbs(source):
			return fmt.Errorf("storage.volumes: source %q of %q: not absolute", source, dest)
		}
	}
	return nil
}

func (c Command) validate() error {
	if strings.Contains(c.WorkingDir, "\x00") {
		return fmt.Errorf("command.working_dir: %q: holds NUL", c.WorkingDir)
	}
	return nil
}

func (d Duration) validate(field string) error {
	if v, err := d.Parse(); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	} else if v < 0 {
		return fmt.Errorf("%s: %s: negative", field, d)
	}
	return nil
}

func (c *ContainerConfig) validateDurations() error {
	err := cmp.Or(c.Grace.Startup.validate("grace.startup"), c.Grace.Shutdown.validate("grace.shutdown"))
	for i, h := range c.HealthChecks {
		at := fmt.Sprintf("health_checks[%d].", i)
		err = cmp.Or(err, h.InitialDelay.validate(at+"initial_delay"), h.Timeout.validate(at+"timeout"), h.Interval.validate(at+"interval"))
	}
	return err
}

func (b RestartBackoff) validate() error {
	b = b.WithDefaults()
	if err := cmp.Or(
		b.Initial.validate("restart_backoff.initial"),
		b.Max.validate("restart_backoff.max"),
		b.Reset.validate("restart_backoff.reset"),
	); err != nil {
		return err
	}
	initial, _ := b.Initial.Parse() // validated above
	longest, _ := b.Max.Parse()
	switch {
	case *b.Factor < 1:
		return fmt.Errorf("restart_backoff.factor: %v: less than 1", *b.Factor)
	case *b.Jitter < 0 || *b.Jitter > 1:
		return fmt.Errorf("restart_backoff.jitter: %v: not from 0 to 1", *b.Jitter)
	case longest < initial:
		return fmt.Errorf("restart_backoff.max: %s: less than the initial %s", b.Max, b.Initial)
	}
	return nil
}

func (r Restart) validate() error {
	switch r {
	case RestartNo, RestartOnFailure, RestartAlways:
		return nil
	case "":
		return fmt.Errorf("restart: missing: want %q, %q or %q", RestartNo, RestartOnFailure, RestartAlways)
	}
	return fmt.Errorf("restart: %q: want %q, %q or %q", string(r), RestartNo, RestartOnFailure, RestartAlways)
}

func (n Network) validate() error {
	switch {
	case n == "" || n == NetworkHost || n == NetworkNone:
		return nil
	case n.Path() == "" || strings.Contains(string(n), "\x00"):
		return fmt.Errorf("network: %q: want %q, %q or an absolute path", string(n), NetworkHost, NetworkNone)
	}
	return nil
}
