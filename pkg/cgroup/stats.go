package cgroup

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A Field is one of the values of Stats, or a set of them.
type Field uint32

// The values of Stats, as they are named there.
const (
	CPUTime Field = 1 << iota
	MemoryUsage
	MemoryLimit
	MemoryPeak
	PIDs
	OOMKills
)

// Stats are a group's figures. Those that are not in Has could not be read, and
// are 0.
type Stats struct {
	Has         Field
	CPUTime     uint64 // ns, of all processes since the group was made
	MemoryUsage uint64 // bytes, the page cache included
	MemoryLimit uint64 // bytes; 0 is none
	MemoryPeak  uint64 // bytes, the highest MemoryUsage; v2 from Linux 5.19 on
	PIDs        uint64 // threads, not processes: what the pids controller counts
	OOMKills    uint64 // processes killed because the group was out of memory; v2 counts sub-cgroups in
}

// A metric is where a value is found: in a file that holds nothing else, or
// behind a key at the beginning of a line.
type metric struct {
	field      Field
	controller string
	file, key  string
	scale      uint64
}

// Kernel documents cgroup-v1/memory.rst, cpuacct.rst and pids.rst.
var metricsV1 = [...]metric{
	{CPUTime, "cpuacct", "cpuacct.usage", "", 1},
	{MemoryUsage, "memory", "memory.usage_in_bytes", "", 1},
	{MemoryLimit, "memory", "memory.limit_in_bytes", "", 1},
	{MemoryPeak, "memory", "memory.max_usage_in_bytes", "", 1},
	{PIDs, "pids", "pids.current", "", 1},
	{OOMKills, "memory", "memory.oom_control", "oom_kill", 1},
}

// Kernel document cgroup-v2.rst. The first file needs no controller.
var metricsV2 = [...]metric{
	{CPUTime, "", "cpu.stat", "usage_usec", 1000},
	{MemoryUsage, "memory", "memory.current", "", 1},
	{MemoryLimit, "memory", "memory.max", "", 1},
	{MemoryPeak, "memory", "memory.peak", "", 1},
	{PIDs, "pids", "pids.current", "", 1},
	{OOMKills, "memory", "memory.events", "oom_kill", 1},
}

// Stats reads all figures. It allocates nothing but at the first call. What
// cannot be read is left out; it is an error only if that is everything, as when
// the group has been removed.
func (g *Group) Stats(s *Stats) error {
	*s = Stats{}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.openReadings()
	var cause error
	for i := range g.readings {
		r := &g.readings[i]
		v, err := r.read(g.buf[:])
		if err != nil {
			cause = err
			continue
		}
		s.set(r.field, v)
	}
	if s.Has == 0 {
		return g.wrap(fmt.Errorf("read figures: %w", cause))
	}
	return nil
}

// OOMKills reads that one figure. The kernel raises it before the parent is told
// of the death: so once the exit is known it is final.
func (g *Group) OOMKills() (uint64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.openReadings()
	for i := range g.readings {
		r := &g.readings[i]
		if r.field == OOMKills {
			v, err := r.read(g.buf[:])
			if err != nil {
				err = g.wrap(fmt.Errorf("%s: %w", r.file, err))
			}
			return v, err
		}
	}
	return 0, g.wrap(fmt.Errorf("memory: %w", ErrNoController))
}

func (s *Stats) set(f Field, v uint64) {
	switch f {
	case CPUTime:
		s.CPUTime = v
	case MemoryUsage:
		s.MemoryUsage = v
	case MemoryLimit:
		s.MemoryLimit = limit(v)
	case MemoryPeak:
		s.MemoryPeak = v
	case PIDs:
		s.PIDs = v
	case OOMKills:
		s.OOMKills = v
	}
	s.Has |= f
}

// limit returns 0 for what means no limit: on v1 that is LONG_MAX rounded down
// to pages of 4 to 64 KiB.
func limit(v uint64) uint64 {
	if v >= 1<<62 {
		return 0
	}
	return v
}

// A reading is a metric and the open file.
type reading struct {
	metric
	fd int // -1 until it is opened, unopenable if it never will be
}

const unopenable = -2

// openReadings opens the files that are not open yet. It does so at the first
// use and not in Create, so that a start is not delayed by it.
func (g *Group) openReadings() {
	if g.readings == nil {
		metrics := metricsV1[:]
		if g.version == V2 {
			metrics = metricsV2[:]
		}
		g.readings = make([]reading, 0, len(metrics))
		for _, m := range metrics {
			if g.lock >= 0 && g.offers(m.controller) {
				g.readings = append(g.readings, reading{m, -1})
			}
		}
	}
	for i := range g.readings {
		if r := &g.readings[i]; r.fd == -1 {
			r.fd = g.openReading(&r.metric)
		}
	}
}

func (g *Group) offers(controller string) bool {
	for _, c := range g.controllers {
		if c == controller {
			return true
		}
	}
	return controller == ""
}

func (g *Group) openReading(m *metric) int {
	name, err := g.file(m.controller, m.file)
	if err != nil {
		return unopenable
	}
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	switch err {
	case nil:
		return fd
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM: // it may work the next time
		return -1
	}
	return unopenable
}

func (g *Group) closeReadings() {
	for i := range g.readings {
		if r := &g.readings[i]; r.fd >= 0 {
			_ = unix.Close(r.fd)
			r.fd = unopenable
		}
	}
}

var errFormat = errors.New("unexpected content")

// read reads the figure, by way of the buffer.
func (r *reading) read(buf []byte) (uint64, error) {
	if r.fd < 0 {
		return 0, unix.ENOENT
	}
	n, err := unix.Pread(r.fd, buf, 0)
	if err != nil {
		return 0, err
	}
	v, ok := parse(buf[:n], r.key)
	if !ok {
		return 0, errFormat
	}
	return v * r.scale, nil
}
