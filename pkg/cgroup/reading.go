package cgroup

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A source is a file that holds figures.
type source struct {
	controller string // that has the file; any, on v2, if empty
	name       string
	figures    []figure
}

// A figure is where a value is found in the file's text, and what of: it is so
// many of the Field's unit.
type figure struct {
	field Field
	scale uint64
	find  func(text []byte, key string) (uint64, bool)
	key   string
}

const ioServiced = "blkio.throttle.io_service_bytes"

// Kernel documents cgroup-v1/memory.rst, cpuacct.rst, blkio-controller.rst and
// pids.rst, and scheduler/sched-bwc.rst.
var sourcesV1 = [...]source{
	{"cpuacct", "cpuacct.usage", []figure{{CPUTime, 1, parse, ""}}},
	{"cpu", "cpu.stat", []figure{{CPUThrottled, 1, parse, "throttled_time"}}},
	{"memory", "memory.usage_in_bytes", []figure{{MemoryUsage, 1, parse, ""}}},
	{"memory", "memory.limit_in_bytes", []figure{{MemoryLimit, 1, parse, ""}}},
	{"memory", "memory.max_usage_in_bytes", []figure{{MemoryPeak, 1, parse, ""}}},
	{"memory", "memory.oom_control", []figure{{OOMKills, 1, parse, "oom_kill"}}},
	{"memory", "memory.failcnt", []figure{{MemoryMax, 1, parse, ""}}},
	{"pids", "pids.current", []figure{{PIDs, 1, parse, ""}}},
	{"blkio", ioServiced, []figure{
		{IORead, 1, operations, "Read"},
		{IOWrite, 1, operations, "Write"},
	}},
}

// Kernel documents cgroup-v2.rst and accounting/psi.rst. Each group has cpu.stat
// and the pressure files, whatever controllers are enabled; but without one
// nothing holds the group back that is not everybody's.
var sourcesV2 = [...]source{
	{"", "cpu.stat", []figure{
		{CPUTime, 1000, parse, "usage_usec"},
		{CPUThrottled, 1000, parse, "throttled_usec"},
	}},
	{"memory", "memory.current", []figure{{MemoryUsage, 1, parse, ""}}},
	{"memory", "memory.max", []figure{{MemoryLimit, 1, parse, ""}}},
	{"memory", "memory.peak", []figure{{MemoryPeak, 1, parse, ""}}},
	{"memory", "memory.events", []figure{
		{MemoryHigh, 1, parse, "high"},
		{MemoryMax, 1, parse, "max"},
		{MemoryOOM, 1, parse, "oom"},
		{OOMKills, 1, parse, "oom_kill"},
	}},
	{"pids", "pids.current", []figure{{PIDs, 1, parse, ""}}},
	{"io", "io.stat", []figure{
		{IORead, 1, attributes, "rbytes"},
		{IOWrite, 1, attributes, "wbytes"},
	}},
	{"", "cpu.pressure", []figure{
		{CPUSomeAvg10, 1, attributes, "some avg10"},
		{CPUSomeTotal, 1, attributes, "some total"},
		{CPUFullAvg10, 1, attributes, "full avg10"},
		{CPUFullTotal, 1, attributes, "full total"},
	}},
	{"", "memory.pressure", []figure{
		{MemorySomeAvg10, 1, attributes, "some avg10"},
		{MemorySomeTotal, 1, attributes, "some total"},
		{MemoryFullAvg10, 1, attributes, "full avg10"},
		{MemoryFullTotal, 1, attributes, "full total"},
	}},
	{"", "io.pressure", []figure{
		{IOSomeAvg10, 1, attributes, "some avg10"},
		{IOSomeTotal, 1, attributes, "some total"},
		{IOFullAvg10, 1, attributes, "full avg10"},
		{IOFullTotal, 1, attributes, "full total"},
	}},
}

// A reading is a source and the open file.
type reading struct {
	*source
	fd int // -1 until it is opened, unopenable if it never will be
}

const unopenable = -2

func (r *reading) holds(f Field) bool {
	return slices.ContainsFunc(r.figures, func(fig figure) bool { return fig.field == f })
}

// openReadings returns the sources that the group has, at the first use: a start
// is not delayed by those that it does not need.
func (g *Group) openReadings() []reading {
	if g.readings != nil || g.lock < 0 {
		return g.readings
	}
	sources := sourcesV1[:]
	if g.version == V2 {
		sources = sourcesV2[:]
	}
	g.buf = make([]byte, usualContent)
	g.readings = make([]reading, 0, len(sources))
	for i := range sources {
		if g.offers(sources[i].controller) {
			g.readings = append(g.readings, reading{&sources[i], -1})
		}
	}
	return g.readings
}

func (g *Group) offers(controller string) bool {
	return controller == "" || slices.Contains(g.controllers, controller)
}

// open opens the file, if it is not open yet.
func (g *Group) open(r *reading) error {
	switch {
	case r.fd >= 0:
		return nil
	case r.fd == unopenable:
		return unix.ENOENT
	}
	name, err := g.file(r.controller, r.name)
	if err != nil {
		return err
	}
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	switch err {
	case nil:
		r.fd = fd
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM: // it may work the next time
	default:
		r.fd = unopenable
	}
	return err
}

func (g *Group) closeReadings() {
	for i := range g.readings {
		if r := &g.readings[i]; r.fd >= 0 {
			_ = unix.Close(r.fd)
			r.fd = unopenable
		}
	}
}
