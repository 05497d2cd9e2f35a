package shim

import (
	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
)

// meter collects metrics. Each run has a cgroup of its own, so what counts on
// from run to run is summed here.
type meter struct {
	last   agent.ContainerMetrics // as announced
	before cgroup.Stats           // of the runs that have ended
	stats  cgroup.Stats           // of this run, at the last sample

	// What the optional fields of last point to.
	peak, pids, kills uint64
}

// sample reads everything once. What cannot be read keeps its last value if it
// is always announced, and is left out if it is not.
func (m *meter) sample(r *run) {
	m.sampleCgroup(r)
	m.last.Network = nil
	if r.links != nil {
		m.last.Network, _ = r.links.count() // nil with an error
	}
}

// sampleCgroup leaves the network as it was: the kernel may let a request for
// links wait, while others make and remove theirs.
func (m *meter) sampleCgroup(r *run) {
	if err := r.group.Stats(&m.stats); err != nil {
		m.stats.Has = 0 // and so below
	}
	if m.stats.Has&cgroup.CPUTime != 0 {
		m.last.CPUTime = max(m.last.CPUTime, m.before.CPUTime+m.stats.CPUTime)
	}
	if m.stats.Has&cgroup.MemoryUsage != 0 {
		m.last.MemoryUsage = m.stats.MemoryUsage
	}
	if m.stats.Has&cgroup.MemoryLimit != 0 {
		m.last.MemoryLimit = m.stats.MemoryLimit
	}
	m.peak = max(m.before.MemoryPeak, m.stats.MemoryPeak)
	m.pids = m.stats.PIDs
	m.kills = m.before.OOMKills + m.stats.OOMKills
	m.last.MemoryPeak = m.optional(cgroup.MemoryPeak, &m.peak)
	m.last.PIDs = m.optional(cgroup.PIDs, &m.pids)
	m.last.OOMKills = m.optional(cgroup.OOMKills, &m.kills)
}

func (m *meter) optional(field cgroup.Field, value *uint64) *uint64 {
	if m.stats.Has&field == 0 {
		return nil
	}
	return value
}

// ended adds a run that has been sampled for the last time to those before.
func (m *meter) ended() {
	m.before.CPUTime += m.stats.CPUTime
	m.before.OOMKills += m.stats.OOMKills
	m.before.MemoryPeak = max(m.before.MemoryPeak, m.stats.MemoryPeak)
	m.stats = cgroup.Stats{}
}
