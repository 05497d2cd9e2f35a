package cgroup

import (
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/cgroups/v3/cgroup2"
)

// enable enables our controllers on v2 for the children of each cgroup from
// place.from down to the parent. What is refused is noted: whether it matters
// depends on the limits.
func (g *Group) enable() error {
	var err error
	if g.v2, err = loadV2(&g.places[0]); err != nil {
		return plain(err)
	}
	missing, err := g.missing()
	if err != nil || len(missing) == 0 { // all there, but for the parent's first child
		return err
	}
	g.refused = map[string]error{}
	if g.v2.ToggleControllers(missing, cgroup2.Enable) != nil {
		// One that is refused takes the others of the same write with it.
		for _, controller := range missing {
			if err := g.v2.ToggleControllers([]string{controller}, cgroup2.Enable); err != nil {
				g.refused[controller] = plain(err)
			}
		}
	}
	_, err = g.missing()
	return err
}

// missing finds out which of our controllers the group has on v2, and returns
// the others.
func (g *Group) missing() ([]string, error) {
	have, err := g.v2.Controllers()
	if err != nil {
		return nil, plain(err)
	}
	g.controllers = nil
	var missing []string
	for _, controller := range controllersV2 {
		if slices.Contains(have, controller) {
			g.controllers = append(g.controllers, controller)
		} else {
			missing = append(missing, controller)
		}
	}
	return missing, nil
}

// check returns an error if a limit is asked for that the group has no
// controller for.
func (g *Group) check(need Limits) error {
	if need.OOMGroup && g.version == V1 {
		return fmt.Errorf("memory.oom.group: %w", errors.ErrUnsupported)
	}
	for _, controller := range need.controllers() {
		if slices.Contains(g.controllers, controller) {
			continue
		}
		if err := g.refused[controller]; err != nil {
			return fmt.Errorf("%s: %w", controller, err)
		}
		return fmt.Errorf("%s: %w", controller, ErrNoController)
	}
	return nil
}
