package cgroup

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Field names one of the figures of Stats.
type Field uint8

// The figures. Those that are counters count since the group was made.
const (
	CPUTime      Field = iota // ns, of all processes; a counter
	CPUThrottled              // ns for which the CPU limit held processes up; a counter
	MemoryUsage               // bytes, the page cache included
	MemoryLimit               // bytes; 0 is none
	MemoryPeak                // bytes, the highest MemoryUsage; v2 from Linux 5.19 on
	MemoryOOM                 // how often memory could not be had at the limit; a counter; v2
	OOMKills                  // processes killed because the group was out of memory; a counter; v2 counts sub-cgroups in
	MemoryMax                 // how often the limit was hit; a counter
	MemoryHigh                // how often processes were throttled for memory; a counter; v2
	PIDs                      // threads, not processes: what the pids controller counts
	IORead                    // bytes, of all devices; a counter
	IOWrite                   // bytes, of all devices; a counter

	// Pressure stall information, v2 (kernel document accounting/psi.rst): some
	// tasks waited for the resource, or all that were not idle. Avg10 is in
	// hundredths of a per cent of the last 10 s, Total is in us and a counter.
	// There is no full pressure for the CPU before Linux 5.13.
	CPUSomeAvg10
	CPUSomeTotal
	CPUFullAvg10
	CPUFullTotal
	MemorySomeAvg10
	MemorySomeTotal
	MemoryFullAvg10
	MemoryFullTotal
	IOSomeAvg10
	IOSomeTotal
	IOFullAvg10
	IOFullTotal

	fields // how many there are
)

// counter reports whether the figure only grows while the group lives.
func (f Field) counter() bool {
	switch f {
	case CPUTime, CPUThrottled, MemoryOOM, OOMKills, MemoryMax, MemoryHigh, IORead, IOWrite,
		CPUSomeTotal, CPUFullTotal, MemorySomeTotal, MemoryFullTotal, IOSomeTotal, IOFullTotal:
		return true
	}
	return false
}

// Stats are a group's figures, as far as they could be read. The zero value has
// none.
type Stats struct {
	has   uint32 // a bit for each Field that could be read the last time
	value [fields]uint64
}

// Get returns a figure, and whether it could be read the last time; if not, it is
// as it was before, or 0.
func (s *Stats) Get(f Field) (value uint64, ok bool) {
	return s.value[f], s.has&(1<<f) != 0
}

// Optional returns a figure, or nil if it could not be read. What it points to
// changes with s.
func (s *Stats) Optional(f Field) *uint64 {
	if s.has&(1<<f) == 0 {
		return nil
	}
	return &s.value[f]
}

// Set makes a figure what it is to be, as if it had been read.
func (s *Stats) Set(f Field, v uint64) {
	s.value[f] = v
	s.has |= 1 << f
}

// Follow adds the figures of a group that went before this one, as those of the
// same container: counters go on from there, and the peak is the higher one.
// What could not be read here stays so.
func (s *Stats) Follow(before *Stats) {
	for f := range fields {
		switch {
		case f.counter():
			s.value[f] += before.value[f]
		case f == MemoryPeak:
			s.value[f] = max(s.value[f], before.value[f])
		}
	}
}

// Stats reads all figures. It allocates nothing but at the first call. What
// cannot be read is left as it was in s, and marked so; it is an error only if
// that is everything, as when the group has been removed.
func (g *Group) Stats(s *Stats) error {
	s.has = 0
	g.mu.Lock()
	defer g.mu.Unlock()
	var cause error = ErrNoController
	for i := range g.openReadings() {
		if err := g.read(&g.readings[i], s); err != nil {
			cause = err
		}
	}
	if s.has == 0 {
		return g.wrap(fmt.Errorf("read figures: %w", cause))
	}
	return nil
}

// OOMKills reads that one figure. The kernel raises it before the parent is told
// of the death: so once the exit is known it is final.
func (g *Group) OOMKills() (uint64, error) {
	kills, err := g.figure(OOMKills)
	return kills, g.wrap(err)
}

// figure reads one of the figures that the memory controller has.
func (g *Group) figure(f Field) (uint64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range g.openReadings() {
		if !r.holds(f) {
			continue
		}
		var s Stats
		err := g.read(&g.readings[i], &s)
		value, ok := s.Get(f)
		if err == nil && !ok {
			err = errFormat
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", r.name, err)
		}
		return value, err
	}
	return 0, fmt.Errorf("memory: %w", ErrNoController)
}

// read reads the figures of one file.
func (g *Group) read(r *reading, s *Stats) error {
	text, err := g.content(r)
	if err != nil {
		return err
	}
	for i := range r.figures {
		f := &r.figures[i]
		v, ok := f.find(text, f.key)
		switch {
		case !ok: // another kernel's
			continue
		case f.field == MemoryLimit:
			v = limit(v)
		}
		s.Set(f.field, v*f.scale)
	}
	return nil
}

// limit returns 0 for what means no limit: on v1 that is LONG_MAX rounded down
// to pages of 4 to 64 KiB.
func limit(v uint64) uint64 {
	if v >= 1<<62 {
		return 0
	}
	return v
}

// content returns what the file holds now, in the group's buffer, which grows if
// it is too small: the kernel's files have a line for each device.
func (g *Group) content(r *reading) ([]byte, error) {
	if err := g.open(r); err != nil {
		return nil, err
	}
	for {
		n, err := pread(r.fd, g.buf)
		if err != nil {
			return nil, err
		}
		if n < len(g.buf) || n >= maxContent {
			return g.buf[:n], nil
		}
		g.buf = make([]byte, 2*len(g.buf))
	}
}

// pread reads a file from its beginning. The kernel makes the text up from what it
// has, so it does not block, and the runtime is not told of the system call: it
// would wake its monitor, a thread that sleeps while nothing happens, for each
// sample.
func pread(fd int, buf []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// The size of a file's content, in bytes: what is expected, and what is read.
const (
	usualContent = 4 << 10
	maxContent   = 1 << 20
)

var errFormat = errors.New("unexpected content")
