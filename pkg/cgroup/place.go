package cgroup

import (
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A place is a group's directory in one hierarchy.
type place struct {
	hierarchy
	group string // below the mount point, beginning with a slash
	// from is where controllers are enabled from, on v2, down to the parent: the
	// mount point, or the caller's own cgroup. What lies above that one belongs to
	// whoever delegated it to us.
	from string
}

func (p *place) dir() string { return path.Join(p.mount, p.group) }

// make makes the place's directory, and says whether it has: one that exists is
// left as it is. Parents are made where they are missing.
func (p *place) make() (made bool, err error) {
	if err := fault("mkdir", p.controllers...); err != nil {
		return false, err
	}
	const mode = 0o755
	err = os.Mkdir(p.dir(), mode)
	if errors.Is(err, unix.ENOENT) {
		if err = os.MkdirAll(path.Dir(p.dir()), mode); err == nil {
			err = os.Mkdir(p.dir(), mode)
		}
	}
	if errors.Is(err, unix.EEXIST) {
		return false, nil
	}
	return err == nil, err
}

// subtreeControls returns the files that enable controllers for the place on v2,
// from the top down: one for each cgroup above it that is ours to change.
func (p *place) subtreeControls() []string {
	var list []string
	for dir := path.Dir(p.dir()); below(dir, p.from); dir = path.Dir(dir) {
		list = append([]string{path.Join(dir, "cgroup.subtree_control")}, list...)
		if dir == p.from {
			break
		}
	}
	return list
}

// below reports whether dir is base or below it.
func below(dir, base string) bool {
	return dir == base || strings.HasPrefix(dir, strings.TrimSuffix(base, "/")+"/")
}
