//go:build !race

package shim

import (
	"os"
	"testing"

	"harpoon-supervisor/scripts/budget"
)

// TestBudgetTick: what a tick allocates, with three clients connected.
func TestBudgetTick(t *testing.T) {
	s := upSupervisor(t)
	var clients []audience
	for range 3 {
		clients = append(clients, s.addAudience(t))
	}
	budget.Check(t, "tick-allocations", int(testing.AllocsPerRun(100, func() {
		s.onTick()
		for _, l := range clients {
			l.pass(t)
		}
	})))
}

// TestSampleAllocatesNothing: a sample is taken in buffers that there are already,
// whether or not the links of a network are counted.
func TestSampleAllocatesNothing(t *testing.T) {
	s := upSupervisor(t)
	sample := func() { s.meter.sample(s.run) }
	if n := testing.AllocsPerRun(100, sample); n != 0 {
		t.Errorf("a sample makes %v allocations, want none", n)
	}
	links, err := openLinks(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer links.close()
	s.run.links = links
	if n := testing.AllocsPerRun(100, sample); n != 0 || s.meter.last.Network == nil {
		t.Errorf("a sample with links makes %v allocations, want none, and says %+v of the network", n, s.meter.last.Network)
	}
}
