package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/containerd/cgroups/v3"
)

// Self as the parent given to Create is the caller's own cgroup, in each
// hierarchy.
const Self = "self"

// leaf is the cgroup into which the caller moves itself on v2 when its own is to
// be the parent: a cgroup with processes cannot have controllers enabled for its
// children (kernel document cgroup-v2, "No Internal Process Constraint").
const leaf = "supervisor"

var (
	errNoParent = errors.New(`neither an absolute path nor "self"`)
	errLeaf     = errors.New("is the supervisor's own cgroup in there")
	errOutside  = errors.New("own cgroup is outside of what is mounted")
)

// places returns where the group PARENT/ID is to be. For Self on v2 base is given the mount
// point and the caller's own cgroup, and returns the parent.
func (h *Host) places(parent, id string, base func(mount, own string) (string, error)) ([]place, error) {
	if parent == Self {
		return h.selfPlaces(id, base)
	}
	if !path.IsAbs(parent) || strings.ContainsRune(parent, 0) {
		return nil, fmt.Errorf("cgroup parent %q: %w", parent, errNoParent)
	}
	list := make([]place, 0, len(h.hierarchies))
	for _, hi := range h.hierarchies {
		list = append(list, place{hierarchy: hi, group: path.Join(parent, id), from: hi.mount})
	}
	return list, nil
}

// Own returns the parent that Self stands for, in each hierarchy, by name: what
// ReclaimOwn takes from a caller who is elsewhere.
func (h *Host) Own() (map[string]string, error) {
	places, err := h.selfPlaces("", stay)
	own := map[string]string{}
	for _, p := range places {
		own[p.name()] = p.group
	}
	return own, err
}

// formerPlaces returns where Own says that the group ID has been made, the first
// hierarchy first, in those that there are now.
func (h *Host) formerPlaces(own map[string]string, id string) ([]place, error) {
	h, err := h.lookedUp()
	if err != nil {
		return nil, err
	}
	var list []place
	for i, hi := range h.hierarchies {
		parent, found := own[hi.name()]
		switch {
		case path.IsAbs(parent) && !strings.ContainsRune(parent, 0):
			list = append(list, place{hierarchy: hi, group: path.Join(parent, id)})
		case found || i == 0:
			return nil, errNoParent
		}
	}
	return list, nil
}

// lookedUp returns the host with its hierarchies' roots.
func (h *Host) lookedUp() (*Host, error) {
	if h.hierarchies[0].root != "" {
		return h, nil
	}
	// They were in the usual places, and of one version.
	return lookUp(map[Version]string{V1: typeV1, V2: typeV2}[h.version])
}

func (h *Host) selfPlaces(id string, toBase func(mount, own string) (string, error)) ([]place, error) {
	if h.version == V2 && id == leaf {
		return nil, fmt.Errorf("cgroup parent self: %q %w", id, errLeaf)
	}
	h, err := h.lookedUp()
	if err != nil {
		return nil, fmt.Errorf("cgroup parent self: %w", err)
	}
	f, err := os.Open(h.self)
	if err != nil {
		return nil, fmt.Errorf("cgroup parent self: %w", err)
	}
	defer f.Close()
	byController, unified, err := cgroups.ParseCgroupFromReaderUnified(f)
	if err != nil {
		return nil, fmt.Errorf("cgroup parent self: %s: %w", h.self, err)
	}
	var list []place
	for _, hi := range h.hierarchies {
		own := unified
		if h.version == V1 {
			own = byController[hi.controllers[0]]
		}
		base, err := within(hi.root, own)
		if err == nil && h.version == V2 {
			base, err = toBase(hi.mount, base)
		}
		if err != nil {
			return nil, fmt.Errorf("cgroup parent self: %s: %w", hi.mount, err)
		}
		list = append(list, place{hierarchy: hi, group: path.Join(base, id), from: path.Join(hi.mount, base)})
	}
	return list, nil
}

// within returns the cgroup own as it is seen below a mount that shows root: in
// a container without a cgroup namespace of its own the container's cgroup is
// mounted, while /proc/self/cgroup tells the path from the hierarchy's root.
func within(root, own string) (string, error) {
	switch {
	case own == "" || strings.HasPrefix(own+"/", "/../") || strings.HasPrefix(root+"/", "/../"):
		return "", errOutside
	case root == "/":
		return own, nil
	case own == root:
		return "/", nil
	case strings.HasPrefix(own, root+"/"):
		return own[len(root):], nil
	}
	return "", errOutside
}

// toLeaf moves the calling process from its cgroup on v2 to the leaf below,
// unless it is there already, and returns the cgroup that it came from.
func toLeaf(mount, own string) (string, error) {
	if path.Base(own) == leaf {
		return path.Dir(own), nil
	}
	// Only the hierarchy's real root lacks the file, and the constraint.
	if !exists(path.Join(mount, own, "cgroup.type")) {
		return own, nil
	}
	p := place{hierarchy: hierarchy{mount: mount}, group: path.Join(own, leaf)}
	if _, err := p.make(); err != nil {
		return own, err
	}
	return own, write(path.Join(p.dir(), "cgroup.procs"), "0")
}

// stay returns what toLeaf does, and moves nothing.
func stay(mount, own string) (string, error) {
	if path.Base(own) == leaf {
		own = path.Dir(own)
	}
	return own, nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
