//go:build !race

package shim

import (
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
