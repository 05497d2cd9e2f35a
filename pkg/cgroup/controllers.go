package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// enable enables our controllers on v2 for the children of each cgroup from
// place.from down to the parent. What is refused is noted: whether it matters
// depends on the limits.
func (g *Group) enable() error {
	missing, err := g.missing()
	if err != nil || len(missing) == 0 { // all there, but for the parent's first child
		return err
	}
	g.refused = map[string]error{}
	if g.toggle(missing...) != nil {
		// One that is refused takes the others of the same write with it.
		for _, controller := range missing {
			if err := g.toggle(controller); err != nil {
				g.refused[controller] = err
			}
		}
	}
	_, err = g.missing()
	return err
}

// toggle enables controllers in each cgroup down to the parent, and returns why the
// parent has refused: further up they may have been enabled by somebody else, who
// alone may do so.
func (g *Group) toggle(controllers ...string) (err error) {
	for _, file := range g.places[0].subtreeControls() {
		err = write(file, "+"+strings.Join(controllers, " +"))
	}
	e, _ := errors.AsType[*fs.PathError](err)
	switch {
	case e == nil || e.Op != "write":
	case e.Err == unix.EBUSY:
		return fmt.Errorf("%w (processes are in it, not in a cgroup below, as with self those of an agent in one named %s)", err, leaf)
	case e.Err == unix.ENOENT:
		return fmt.Errorf("%w (the cgroup above does not offer it)", err)
	}
	return err
}

// missing finds out which of our controllers the group has on v2, and returns
// the others.
func (g *Group) missing() ([]string, error) {
	text, err := os.ReadFile(path.Join(g.places[0].dir(), "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	have := strings.Fields(string(text))
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
		if !slices.Contains(g.controllers, controller) {
			return fmt.Errorf("%s: %w", controller, cmp.Or(g.refused[controller], ErrNoController))
		}
	}
	return nil
}
