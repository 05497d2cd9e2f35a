package agent

import (
	"cmp"
	"time"
)

// ContainerConfig is the content of agent.json: one container as the agent
// wants it. Decode it with ParseConfig, which also validates it.
type ContainerConfig struct {
	// Labels. The supervisor does nothing with them.
	Product     string `json:"product"`
	Environment string `json:"environment"`
	Job         string `json:"job"`

	// HealthChecks are the agent's business.
	HealthChecks []HealthCheck `json:"health_checks"`
	// ArtifactURL is where the agent took the rootfs from.
	ArtifactURL string `json:"artifact_url"`
	// Ports are the TCP ports assigned to the container, by name. The agent
	// has put each into Env already, as PORT_NAME.
	Ports map[string]uint16 `json:"ports"`

	// Env is the command's whole environment but for HOME and PATH, which
	// the supervisor adds where they are absent. A key is not empty and has
	// neither '=' nor NUL; a value has no NUL.
	Env map[string]string `json:"env"`

	Command   Command   `json:"command"`
	Resources Resources `json:"resources"`
	Storage   Storage   `json:"storage"`
	Grace     Grace     `json:"grace"`
	Restart   Restart   `json:"restart"`

	// RestartBackoff spaces the restarts. Optional.
	RestartBackoff RestartBackoff `json:"restart_backoff,omitzero"`
	// Network chooses the network namespace. Optional.
	Network Network `json:"network,omitempty"`
	// Seccomp chooses the filter of system calls. Optional.
	Seccomp Seccomp `json:"seccomp,omitempty"`
	// User is who the command runs as. Optional.
	User User `json:"user,omitempty"`
	// Capabilities are what the command has, in every set, whoever it runs
	// as; each more than once is as good as once. Optional: none.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// UserNS maps the container's IDs away from the host's. Optional: they
	// are the same.
	UserNS *UserNS `json:"userns,omitempty"`
}

// Command says where the command runs. What runs is on the supervisor's own
// command line, behind "--".
type Command struct {
	// WorkingDir is a path inside the container; empty means "/". It must
	// exist there and is not created.
	WorkingDir string `json:"working_dir"`
	// Exec is not used by the supervisor.
	Exec []string `json:"exec"`
}

// Resources are the container's limits.
type Resources struct {
	// Mem is the memory limit in MiB, up to 4398046511103, 0 for none. Memory and
	// swap together are limited to twice as much, where the kernel accounts swap.
	Mem uint64 `json:"mem"`
	// CPU is a hard quota in CPUs (0.5 is half of one CPU), up to 16777216, 0 for
	// none. The smallest quota is 1 ms in each period of 100 ms (kernel document
	// scheduler/sched-bwc.rst).
	CPU float64 `json:"cpu"`
	// FD is RLIMIT_NOFILE, hard and soft (getrlimit(2)), from 3 up to fs.nr_open
	// (proc_sys_fs(5)); 0 means DefaultFD.
	FD uint64 `json:"fd"`
	// PIDs is how many processes and threads there may be at a time, up to
	// 4194304; 0 is no limit (kernel document cgroup-v1/pids.rst). A program in
	// Go or Java needs a dozen. Optional.
	PIDs uint64 `json:"pids,omitempty"`
	// OOMGroup makes the kernel kill all of the container's processes or none
	// when its memory runs out (kernel document cgroup-v2.rst,
	// memory.oom.group). An error with cgroup v1. Optional.
	OOMGroup bool `json:"oom_group,omitempty"`
}

// DefaultFD is the RLIMIT_NOFILE of a container whose configuration names none.
const DefaultFD = 4069

// Storage lists what is mounted into the container, keyed by absolute paths
// inside it. Mounts are made parents first; where links of the rootfs make one hide
// another, the start fails.
type Storage struct {
	// Tmp are tmpfs mounts (tmpfs(5): mode 1777, nosuid, nodev, noexec) with
	// their size in MiB, up to 8796093022207; zero or less means no limit.
	Tmp map[string]int64 `json:"tmp"`
	// Volumes are bind mounts (nosuid, nodev) of absolute host paths, each a
	// directory or a file.
	Volumes map[string]string `json:"volumes"`
}

// Grace is how long the agent waits for the container. The supervisor runs no
// timer for it.
type Grace struct {
	Startup  Duration `json:"startup"`
	Shutdown Duration `json:"shutdown"`
}

// HealthCheck is a check that the agent makes. The supervisor looks at nothing but
// that the durations are some, of 0 or more.
type HealthCheck struct {
	Protocol     string   `json:"protocol"`
	Port         string   `json:"port"`          // a name in Ports
	InitialDelay Duration `json:"initial_delay"` // from the start to the first check
	Timeout      Duration `json:"timeout"`       // of one check
	Interval     Duration `json:"interval"`      // between two checks
	HTTPPath     string   `json:"http_path"`
	// HTTPAcceptableResponses are status codes (RFC 9110, section 15).
	HTTPAcceptableResponses []int `json:"http_acceptable_responses"`
}

// Duration is a duration as time.ParseDuration reads it; empty is zero.
type Duration string

// Parse returns the duration, or time.ParseDuration's error.
func (d Duration) Parse() (time.Duration, error) {
	if d == "" {
		return 0, nil
	}
	return time.ParseDuration(string(d))
}

// Restart is the restart policy: after which exits the command is run again.
type Restart string

// The restart policies.
const (
	RestartNo        Restart = "no"         // never
	RestartOnFailure Restart = "on-failure" // after an exit status other than 0, a signal, out of memory
	RestartAlways    Restart = "always"     // after any exit
)

// RestartBackoff is how long the supervisor waits between the end of a run and
// the next start: Initial after the first failure, exactly, and Factor times as
// long after each further one, up to Max. Two starts are never less than 100 ms
// apart. What is absent has its default.
type RestartBackoff struct {
	// Initial is the first delay. Default "1s".
	Initial Duration `json:"initial,omitempty"`
	// Factor is at least 1. Default 2.
	Factor *float64 `json:"factor,omitempty"`
	// Max is the longest delay, at least Initial. Default "30s".
	Max Duration `json:"max,omitempty"`
	// Jitter is the part, 0 to 1, by which each delay but the first may be
	// longer (but never than Max) or shorter at random, so that containers
	// which fail together do not start together. Default 0.1.
	Jitter *float64 `json:"jitter,omitempty"`
	// Reset is how long a run must last to count as healthy: after it, the
	// delays begin anew. Default "10s".
	Reset Duration `json:"reset,omitempty"`
	// Limit is how many restarts in a row may follow runs that were not
	// healthy; then the container is down for good, with an Err. 0 is no limit.
	Limit uint32 `json:"limit,omitempty"`
}

// WithDefaults returns b with its absent fields filled in.
func (b RestartBackoff) WithDefaults() RestartBackoff {
	b.Initial = cmp.Or(b.Initial, "1s")
	b.Factor = cmp.Or(b.Factor, new(2.0))
	b.Max = cmp.Or(b.Max, "30s")
	b.Jitter = cmp.Or(b.Jitter, new(0.1))
	b.Reset = cmp.Or(b.Reset, "10s")
	return b
}

// Network chooses the container's network namespace (network_namespaces(7)):
// NetworkHost, NetworkNone, or the absolute path of an existing namespace to
// join. Empty is NetworkHost.
type Network string

// The networks that are not paths.
const (
	NetworkHost Network = "host" // the supervisor's own
	NetworkNone Network = "none" // a new one, with nothing but loopback up
)

// Path returns the path of the network namespace to join, or "".
func (n Network) Path() string {
	if len(n) > 0 && n[0] == '/' {
		return string(n)
	}
	return ""
}
