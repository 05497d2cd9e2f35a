package shim

import (
	"os"
	"testing"

	"harpoon-supervisor/pkg/cgroup"
)

// readGroup is a cgroup of which the CPU time can be read.
type readGroup struct {
	*fakeProcess
	cpuTime uint64
}

func (g readGroup) Stats(s *cgroup.Stats) error {
	*s = cgroup.Stats{}
	s.Set(cgroup.CPUTime, g.cpuTime)
	return nil
}

// TestMeterOfUnreadRun: of a run whose cgroup cannot be read nothing is added to what the
// runs before have used, nor that once more.
func TestMeterOfUnreadRun(t *testing.T) {
	var m meter
	m.sample(&run{group: readGroup{&fakeProcess{}, 100}})
	m.ended()
	m.sample(&run{group: &fakeProcess{}})
	if got := m.last.CPUTime; got != 100 {
		t.Errorf("cpu_time %d, want the 100 of the run before", got)
	}
	m.ended()
	m.sample(&run{group: readGroup{&fakeProcess{}, 20}})
	if got := m.last.CPUTime; got != 120 {
		t.Errorf("cpu_time %d after a third run, want 120", got)
	}
}

// TestNetworkUnread: counters that cannot be read any more are left out, not told as they
// were, or as 0.
func TestNetworkUnread(t *testing.T) {
	var m meter
	r := &run{group: &fakeProcess{}}
	var err error
	if r.links, err = openLinks(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	m.sample(r)
	if m.last.Network == nil {
		t.Error("no network, though it can be read")
	}
	r.links.close()
	r.links.fd = -1
	m.sample(r)
	if m.last.Network != nil {
		t.Errorf("network %+v, which cannot be read", *m.last.Network)
	}
}
