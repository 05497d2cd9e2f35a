package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// Limits are what a group may use. The zero value is no limit.
type Limits struct {
	// Memory is in bytes; 0 is no limit. It bounds swap as well, where the kernel
	// accounts it: memory and swap together get twice as much. The kernel rounds
	// it down to whole pages.
	Memory uint64
	// CPU is in CPUs, 1.5 being one and a half; 0 is no limit. It becomes a quota
	// for each period of 100 ms, of 1 ms at least (kernel document
	// scheduler/sched-bwc.rst).
	CPU float64
	// PIDs is how many processes and threads there may be, up to 4194304; 0 is no
	// limit. What there is already may stay (kernel document cgroup-v1/pids.rst).
	PIDs uint64
	// OOMGroup makes the kernel kill all processes of the group or none when it is
	// out of memory (kernel document cgroup-v2.rst, memory.oom.group). Version 1
	// has nothing of the kind: errors.ErrUnsupported.
	OOMGroup bool
}

const (
	cpuPeriod = 100000    // us, the kernel's own default
	minQuota  = 1000      // us, the least that the kernel takes
	maxQuota  = 1<<44 - 1 // us, the most (max_cfs_runtime in kernel/sched/core.c)
)

// Roomy reports whether a helper process of some megabytes and a few threads, which
// is in a hurry, feels nothing of the limits.
func (l Limits) Roomy() bool {
	const memory, cpu, pids = 64 << 20, 1, 64
	return (l.Memory == 0 || l.Memory >= memory) && (l.CPU == 0 || l.CPU >= cpu) && (l.PIDs == 0 || l.PIDs >= pids)
}

// controllers returns those that the limits need.
func (l Limits) controllers() []string {
	var list []string
	if l.Memory > 0 || l.OOMGroup {
		list = append(list, "memory")
	}
	if l.CPU > 0 {
		list = append(list, "cpu")
	}
	if l.PIDs > 0 {
		list = append(list, "pids")
	}
	return list
}

// quota returns the CPU quota in us for each period.
func (l Limits) quota() int64 {
	return int64(math.Round(min(max(l.CPU*cpuPeriod, minQuota), maxQuota)))
}

// bytes returns n times the memory limit, as far as the kernel's files take it:
// what is too large means no limit there.
func (l Limits) bytes(n uint64) int64 {
	if l.Memory > math.MaxInt64/n {
		return math.MaxInt64
	}
	return int64(l.Memory * n)
}

// ErrTooSmall says that the processes need more memory than the limit.
var ErrTooSmall = errors.New("limit is too small")

// SetLimits writes the limits. One that is 0 is left as it is, which is none in
// a group from Create. The error names the file: invalid argument if the kernel
// does not take the value. It wraps ErrTooSmall if the processes hold more memory
// than that and cannot give it back: v2 has killed some of them then. It wraps
// ErrNoController if a limit was asked for whose controller is not there.
func (g *Group) SetLimits(l Limits) error {
	err := g.check(l)
	if err == nil && g.version == V2 {
		err = g.setV2(l)
	} else if err == nil {
		err = g.setV1(l)
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", path.Base(cause.Path), cause.Err)
	}
	return g.wrap(err)
}

// tooSmall words ErrTooSmall.
func (l Limits) tooSmall(used uint64) error {
	return fmt.Errorf("memory: %w: %d bytes, and %d are in use", ErrTooSmall, l.Memory, used)
}

func (g *Group) setV1(l Limits) error {
	if l.PIDs > 0 {
		if err := g.set("pids", "pids.max", int64(l.PIDs)); err != nil {
			return err
		}
	}
	if l.CPU > 0 { // of the period that a group has from the first
		err := g.set("cpu", "cpu.cfs_quota_us", l.quota())
		if errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("cpu.cfs_quota_us: %w (more than the parent cgroup's quota)", unix.EINVAL)
		}
		if err != nil {
			return err
		}
	}
	if l.Memory == 0 {
		return nil
	}
	err := g.setMemoryV1(l)
	if errors.Is(err, unix.EBUSY) {
		if used, unread := g.figure(MemoryUsage); unread == nil {
			return l.tooSmall(used)
		}
	}
	return err
}

// setMemoryV1 writes memory and memory+swap, at each moment the first below the
// second, else the kernel refuses: it is to be raised above the old one if so.
func (g *Group) setMemoryV1(l Limits) error {
	memory, swap := l.bytes(1), l.bytes(2)
	err := g.set("memory", "memory.limit_in_bytes", memory)
	if errors.Is(err, unix.EINVAL) && g.set("memory", memorySwap, swap) == nil {
		return g.set("memory", "memory.limit_in_bytes", memory)
	}
	if err != nil {
		return err
	}
	err = g.set("memory", memorySwap, swap)
	if errors.Is(err, fs.ErrNotExist) { // the kernel does not account swap
		return nil
	}
	return err
}

const memorySwap = "memory.memsw.limit_in_bytes"

func (g *Group) setV2(l Limits) error {
	if l.PIDs > 0 {
		if err := g.set("pids", "pids.max", int64(l.PIDs)); err != nil {
			return err
		}
	}
	if l.CPU > 0 {
		file, err := g.file("cpu", "cpu.max")
		if err == nil {
			err = write(file, fmt.Sprintf("%d %d", l.quota(), cpuPeriod))
		}
		if err != nil {
			return err
		}
	}
	if l.OOMGroup {
		if err := g.set("memory", "memory.oom.group", 1); err != nil {
			return err
		}
	}
	if l.Memory == 0 {
		return nil
	}
	return g.setMemoryV2(l)
}

// setMemoryV2 looks at what the limit has done: where v1 refuses one that is too
// small, v2 kills.
func (g *Group) setMemoryV2(l Limits) error {
	used, err := g.figure(MemoryUsage)
	if err != nil {
		return err
	}
	before, err := g.figure(OOMKills)
	if err != nil {
		return err
	}
	// It counts swap alone.
	if err := g.set("memory", "memory.swap.max", l.bytes(1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := g.set("memory", "memory.max", l.bytes(1)); err != nil {
		return err
	}
	kills, err := g.figure(OOMKills)
	if err == nil && kills > before {
		err = l.tooSmall(used)
	}
	return err
}

// set writes a number to a controller's file.
func (g *Group) set(controller, name string, value int64) error {
	file, err := g.file(controller, name)
	if err != nil {
		return err
	}
	return write(file, strconv.FormatInt(value, 10))
}
