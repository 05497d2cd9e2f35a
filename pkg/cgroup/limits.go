package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"
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
	cpuPeriod = 100000 // us, the kernel's own default
	minQuota  = 1000   // us, the least that the kernel takes
	// maxQuota, in us, is 85,899 CPUs: as good as no limit, and half of what the
	// kernel takes (max_bw_quota_period_us in kernel/sched/core.c).
	maxQuota = 1 << 33
)

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
	var cause *fs.PathError
	if err = plain(err); errors.As(err, &cause) {
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
		file, err := g.file("pids", "pids.max")
		if err == nil {
			err = write(file, strconv.FormatUint(l.PIDs, 10))
		}
		if err != nil {
			return err
		}
	}
	if l.CPU > 0 {
		period, quota := uint64(cpuPeriod), l.quota()
		if err := g.v1.Update(&specs.LinuxResources{CPU: &specs.LinuxCPU{Period: &period, Quota: &quota}}); err != nil {
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
// second, else the kernel refuses. The library's Update means to do so, but
// changes the place of the soft limit instead: so it gets one at a time.
func (g *Group) setMemoryV1(l Limits) error {
	limit, swap := l.bytes(1), l.bytes(2)
	steps := []specs.LinuxMemory{{Limit: &limit}}
	if file, err := g.file("memory", "memory.memsw.limit_in_bytes"); err == nil && exists(file) {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		steps = append(steps, specs.LinuxMemory{Swap: &swap})
		if now, ok := parse(text, ""); ok && now < uint64(swap) {
			slices.Reverse(steps)
		}
	}
	for i := range steps {
		if err := g.v1.Update(&specs.LinuxResources{Memory: &steps[i]}); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) setV2(l Limits) error {
	r := cgroup2.Resources{Pids: &cgroup2.Pids{Max: int64(l.PIDs)}}
	if l.CPU > 0 {
		period, quota := uint64(cpuPeriod), l.quota()
		r.CPU = &cgroup2.CPU{Max: cgroup2.NewCPUMax(&quota, &period)}
	}
	if l.OOMGroup {
		r.Memory = &cgroup2.Memory{OOMGroup: &l.OOMGroup}
	}
	if err := g.v2.Update(&r); err != nil || l.Memory == 0 {
		return err
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
	limit := l.bytes(1)
	r := cgroup2.Memory{Max: &limit}
	if g.has("memory", "memory.swap.max") { // it counts swap alone
		r.Swap = &limit
	}
	if err := g.v2.Update(&cgroup2.Resources{Memory: &r}); err != nil {
		return err
	}
	kills, err := g.figure(OOMKills)
	if err == nil && kills > before {
		err = l.tooSmall(used)
	}
	return err
}

// has reports whether the kernel offers a file.
func (g *Group) has(controller, name string) bool {
	file, err := g.file(controller, name)
	return err == nil && exists(file)
}
