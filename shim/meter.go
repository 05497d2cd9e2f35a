package shim

import (
	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
)

// meter collects metrics. Each run has a cgroup of its own, so what counts on
// from run to run is summed here.
type meter struct {
	last   agent.ContainerMetrics // as announced; its optional parts are in total
	before cgroup.Stats           // of the runs that have ended
	stats  cgroup.Stats           // of this run
	total  cgroup.Stats
	// network is of this run alone, whose namespace it is.
	network agent.NetworkMetrics
}

// sample reads everything once. What cannot be read keeps its last value if it
// is always announced, and is left out if it is not. Of the kills those in question are
// left out. It allocates nothing.
func (m *meter) sample(r *run) {
	_ = r.group.Stats(&m.stats) // an error leaves all of them unread
	if kills, ok := m.stats.Get(cgroup.OOMKills); ok {
		m.stats.Set(cgroup.OOMKills, min(kills, r.kills.others))
	}
	m.total = m.stats
	m.total.Follow(&m.before)
	l, t := &m.last, &m.total
	l.CPUTime, _ = t.Get(cgroup.CPUTime)
	if usage, ok := t.Get(cgroup.MemoryUsage); ok {
		l.MemoryUsage = usage
	}
	if limit, ok := t.Get(cgroup.MemoryLimit); ok {
		l.MemoryLimit = limit
	}
	l.MemoryPeak = t.Optional(cgroup.MemoryPeak)
	l.PIDs = t.Optional(cgroup.PIDs)
	l.OOMKills = t.Optional(cgroup.OOMKills)
	l.CPUThrottled = t.Optional(cgroup.CPUThrottled)
	l.MemoryEvents = agent.MemoryEvents{
		OOM:     t.Optional(cgroup.MemoryOOM),
		OOMKill: t.Optional(cgroup.OOMKills),
		Max:     t.Optional(cgroup.MemoryMax),
		High:    t.Optional(cgroup.MemoryHigh),
	}
	l.IO = agent.IOMetrics{ReadBytes: t.Optional(cgroup.IORead), WriteBytes: t.Optional(cgroup.IOWrite)}
	l.Pressure.CPU = agent.ResourcePressure{
		SomeAvg10: t.Optional(cgroup.CPUSomeAvg10), SomeTotal: t.Optional(cgroup.CPUSomeTotal),
		FullAvg10: t.Optional(cgroup.CPUFullAvg10), FullTotal: t.Optional(cgroup.CPUFullTotal),
	}
	l.Pressure.Memory = agent.ResourcePressure{
		SomeAvg10: t.Optional(cgroup.MemorySomeAvg10), SomeTotal: t.Optional(cgroup.MemorySomeTotal),
		FullAvg10: t.Optional(cgroup.MemoryFullAvg10), FullTotal: t.Optional(cgroup.MemoryFullTotal),
	}
	l.Pressure.IO = agent.ResourcePressure{
		SomeAvg10: t.Optional(cgroup.IOSomeAvg10), SomeTotal: t.Optional(cgroup.IOSomeTotal),
		FullAvg10: t.Optional(cgroup.IOFullAvg10), FullTotal: t.Optional(cgroup.IOFullTotal),
	}
	l.Network = nil
	if r.links != nil && r.links.count(&m.network) == nil {
		l.Network = &m.network
	}
}

// ended adds a run that has been sampled for the last time to those before.
func (m *meter) ended() {
	m.before, m.stats = m.total, cgroup.Stats{}
}
