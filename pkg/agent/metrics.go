package agent

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
	// CPUThrottled is for how long processes that could have run were held up
	// by the CPU limit, of all runs, in nanoseconds. v1: throttled_time, v2:
	// throttled_usec of cpu.stat.
	CPUThrottled *uint64 `json:"cpu_throttled,omitempty"`
	// MemoryEvents counts, over all runs, what came of the memory limit.
	MemoryEvents MemoryEvents `json:"memory_events,omitzero"`
	// IO is what all runs have read from and written to block devices. v1:
	// blkio.throttle.io_service_bytes, which leaves out what the kernel writes
	// back later, and which Linux counts only before 6.9; v2: io.stat.
	IO IOMetrics `json:"io,omitzero"`
	// Pressure is how much the container waits for resources (kernel document
	// accounting/psi.rst). v2 with PSI; the kernel may want to be told psi=1.
	Pressure Pressure `json:"pressure,omitzero"`
	// Network is absent with the host's network.
	Network *NetworkMetrics `json:"network,omitempty"`
}

// NetworkMetrics are the counters of the current run's network namespace, summed
// over its links but lo: net/dev of proc_pid_net(5), kernel document
// networking/statistics.rst.
type NetworkMetrics struct {
	RxBytes   uint64 `json:"rx_bytes"`
	TxBytes   uint64 `json:"tx_bytes"`
	RxPackets uint64 `json:"rx_packets"`
	TxPackets uint64 `json:"tx_packets"`
	// RxDropped includes what a device had no room for (rx_missed_errors).
	RxDropped uint64 `json:"rx_dropped"`
	TxDropped uint64 `json:"tx_dropped"`
}

// MemoryEvents are the counters of v2's memory.events (kernel document
// cgroup-v2.rst). v1 has OOMKill and Max alone.
type MemoryEvents struct {
	// OOM is how often memory could not be had at the limit, whether or not a
	// process was killed for it.
	OOM *uint64 `json:"oom,omitempty"`
	// OOMKill is the number of processes killed, as in OOMKills.
	OOMKill *uint64 `json:"oom_kill,omitempty"`
	// Max is how often the limit was hit. v1: memory.failcnt.
	Max *uint64 `json:"max,omitempty"`
	// High is how often processes were throttled at memory.high, which the
	// supervisor does not set.
	High *uint64 `json:"high,omitempty"`
}

// IOMetrics are in bytes, summed over the devices.
type IOMetrics struct {
	ReadBytes  *uint64 `json:"read_bytes,omitempty"`
	WriteBytes *uint64 `json:"write_bytes,omitempty"`
}

// Pressure is the pressure stall information of each resource.
type Pressure struct {
	CPU    ResourcePressure `json:"cpu,omitzero"`
	Memory ResourcePressure `json:"memory,omitzero"`
	IO     ResourcePressure `json:"io,omitzero"`
}

// ResourcePressure tells how much of the time some processes of the current run
// have waited for the resource, and how much of it all of them that had something
// to do. The kernel has told the latter of the CPU since Linux 5.13.
type ResourcePressure struct {
	// SomeAvg10 and FullAvg10 are the part of the last 10 s, in hundredths of a
	// per cent, 0 to 10000.
	SomeAvg10 *uint64 `json:"some_avg10,omitempty"`
	FullAvg10 *uint64 `json:"full_avg10,omitempty"`
	// SomeTotal and FullTotal are the time of all runs, in microseconds.
	SomeTotal *uint64 `json:"some_total_us,omitempty"`
	FullTotal *uint64 `json:"full_total_us,omitempty"`
}
