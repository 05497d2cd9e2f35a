package agent

import "time"

// ContainerProcessState is the data of a state event: all there is to know
// about the container at one moment.
//
// Both Up and Restarting false is the final state; it is sent exactly once on
// each connection, and nothing after it.
type ContainerProcessState struct {
	// Up: the command is running.
	Up bool `json:"up"`
	// Restarting: there will be another run after this one. While up, it is
	// what the restart policy says for a failure, and false after a stop.
	Restarting bool `json:"restarting"`
	// Err says why a start failed, or that the restart limit was reached.
	// With it, Up and Restarting are false.
	Err string `json:"err,omitempty"`
	// ContainerExitStatus is how the last run ended; present only while not
	// up, after a run.
	ContainerExitStatus *ContainerExitStatus `json:"container_exit_status,omitempty"`
	// Restarts counts the runs after the first whose exec succeeded.
	Restarts uint64 `json:"restarts"`
	// OOMs counts the runs that ended because the command itself was killed
	// for exceeding the memory limit.
	OOMs uint64 `json:"ooms"`

	ContainerMetrics ContainerMetrics `json:"container_metrics"`

	// PID is the command's process ID in the supervisor's pid namespace.
	// Present only while up.
	PID int `json:"pid,omitempty"`
	// StartedAt is when the current run's exec had succeeded, RFC 3339, UTC.
	// Present only while up.
	StartedAt time.Time `json:"started_at,omitzero"`
	// ExitedAt is when the supervisor saw the last run end, RFC 3339, UTC.
	// Present exactly when ContainerExitStatus is.
	ExitedAt time.Time `json:"exited_at,omitzero"`
	// NextRestartAt is when the next run is due, RFC 3339, UTC. Present only
	// while the supervisor waits for that moment.
	NextRestartAt time.Time `json:"next_restart_at,omitzero"`
}

// Final reports whether the container is down for good.
func (s *ContainerProcessState) Final() bool { return !s.Up && !s.Restarting }

// ContainerExitStatus is how a run ended; exactly one of Exited, Signaled and
// OOMed is true.
type ContainerExitStatus struct {
	// Exited: the command called exit with ExitStatus, 0 to 255.
	Exited     bool `json:"exited,omitempty"`
	ExitStatus int  `json:"exit_status,omitempty"`
	// Signaled: the command was killed by Signal (signal(7)), which is never
	// folded into an exit status of 128 and more.
	Signaled bool `json:"signaled,omitempty"`
	Signal   int  `json:"signal,omitempty"`
	// OOMed: the kernel killed the command for exceeding the memory limit.
	OOMed bool `json:"oomed,omitempty"`
}

// Failure reports whether the run counts as failed: anything but exit 0.
func (s ContainerExitStatus) Failure() bool { return !s.Exited || s.ExitStatus != 0 }

// ContainerMetrics is what the container uses, from its cgroup and its network
// namespace. The first three fields are always present, 0 if never read; the
// others are absent when they cannot be read. While the container is not up
// they are the last values read.
type ContainerMetrics struct {
	// CPUTime is the CPU time used since the first run, in nanoseconds; it
	// never goes down. v1: cpuacct.usage; v2: usage_usec of cpu.stat.
	CPUTime uint64 `json:"cpu_time"`
	// MemoryUsage is the memory charged now, in bytes, page cache included.
	// v1: memory.usage_in_bytes; v2: memory.current.
	MemoryUsage uint64 `json:"memory_usage"`
	// MemoryLimit is the limit in bytes, 0 for none. v1:
	// memory.limit_in_bytes; v2: memory.max.
	MemoryLimit uint64 `json:"memory_limit"`

	// MemoryPeak is the largest MemoryUsage of all runs, in bytes. v1:
	// memory.max_usage_in_bytes; v2: memory.peak (Linux 5.19).
	MemoryPeak *uint64 `json:"memory_peak,omitempty"`
	// PIDs is the number of processes and threads now. pids.current.
	PIDs *uint64 `json:"pids,omitempty"`
	// OOMKills counts the processes of all runs that the kernel killed for
	// memory, the command itself or not. v1: oom_kill of memory.oom_control
	// (Linux 4.13); v2: oom_kill of memory.events.
	OOMKills *uint64 `json:"oom_kills,omitempty"`
	// Network is absent with the host's network.
	Network *NetworkMetrics `json:"network,omitempty"`
}

// NetworkMetrics are the counters of the current run's network namespace,
// summed over its links but loopback (rtnetlink(7), IFLA_STATS64).
type NetworkMetrics struct {
	RxBytes   uint64 `json:"rx_bytes"`
	TxBytes   uint64 `json:"tx_bytes"`
	RxPackets uint64 `json:"rx_packets"`
	TxPackets uint64 `json:"tx_packets"`
	RxDropped uint64 `json:"rx_dropped"`
	TxDropped uint64 `json:"tx_dropped"`
}

// The event types of the control socket (package eventstream). The data of
// the commands is ignored.
const (
	EventState = "state" // to the client: data is a ContainerProcessState

	EventStop = "stop" // to the supervisor: TERM to the command, no restart
	EventKill = "kill" // to the supervisor: KILL to the command, no restart
	EventExit = "exit" // to the supervisor: end, if the container is down for good
)
