package shim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"unicode/utf8"

	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/plainjson"
)

// cgroupName names a container's cgroup in container.json, where the next
// supervisor in the directory finds what this one may leave behind.
type cgroupName struct {
	Parent, ID string
	// Own is what Parent stood for, see cgroup.Host.Own, if it is cgroup.Self: the next
	// supervisor's own cgroup may be another. (Paths that are no UTF-8 are not found.)
	Own map[string]string
}

func newCgroupName(o Options) cgroupName {
	n := cgroupName{Parent: o.CgroupParent, ID: o.ID}
	if n.Parent == cgroup.Self {
		if host, err := cgroup.Detect(); err == nil { // else the start fails for it
			n.Own, _ = host.Own()
		}
	}
	return n
}

// is reports whether it is this name, in whatever cgroup the supervisor is.
func (n cgroupName) is(parent, id string) bool {
	return n.Parent == parent && n.ID == id && parent != cgroup.Self
}

// reclaim ends what is left in the cgroup.
func (n cgroupName) reclaim(host *cgroup.Host, owner cgroup.Owner) error {
	if n.Parent == cgroup.Self && len(n.Own) > 0 {
		return host.ReclaimOwn(n.Own, n.ID, owner)
	}
	return host.Reclaim(n.Parent, n.ID, owner)
}

func (n cgroupName) append(b []byte, key string) []byte {
	b = append(plainjson.AppendKey(b, key), '{')
	b = plainjson.AppendText(b, "parent", n.Parent)
	b = plainjson.AppendText(b, "id", n.ID)
	if len(n.Own) > 0 {
		b = append(plainjson.AppendKey(b, "own"), '{')
		for _, name := range slices.Sorted(maps.Keys(n.Own)) {
			b = plainjson.AppendText(b, name, n.Own[name])
		}
		b = append(b, '}')
	}
	if path := n.Parent + "/" + n.ID; !utf8.ValidString(path) { // which JSON cannot hold
		b = plainjson.AppendText(b, "path_base64", base64.StdEncoding.EncodeToString([]byte(path)))
	}
	return append(b, '}')
}

// maxResolved is more than container.json has of the largest agent.json.
const maxResolved = 6 * maxConfig

// readPredecessor returns the cgroup of the last supervisor in this directory,
// or the zero value.
func readPredecessor() cgroupName {
	text, err := readRegular(resolvedName, maxResolved)
	if err != nil {
		return cgroupName{}
	}
	var name cgroupName
	r := plainjson.NewReader(text)
	r.Object(func(key string) {
		if key == "cgroup" {
			name.read(r)
		} else {
			r.Skip()
		}
	})
	if r.Close() != nil {
		return cgroupName{}
	}
	return name
}

// read is the reverse of append.
func (n *cgroupName) read(r *plainjson.Reader) {
	path := ""
	r.Object(func(key string) {
		switch key {
		case "parent":
			n.Parent = r.Text()
		case "id":
			n.ID = r.Text()
		case "own":
			n.Own = map[string]string{}
			r.Object(func(name string) { n.Own[name] = r.Text() })
		case "path_base64":
			path = r.Text()
		default:
			r.Skip()
		}
	})
	exact, err := base64.StdEncoding.DecodeString(path)
	if err != nil {
		r.Fail(err)
	}
	if i := bytes.LastIndexByte(exact, '/'); i >= 0 {
		n.Parent, n.ID = string(exact[:i]), string(exact[i+1:])
	}
}

// evictPredecessor ends what a killed supervisor's container has left alive: a command
// that can open the directory, in a volume, can keep its lock. While there is a
// supervisor that has a container, nothing happens, and the error wraps cgroup.ErrInUse.
// For evicting see cgroup.Host.
func evictPredecessor(evicting func(processes int)) error {
	last := readPredecessor()
	if last.ID == "" {
		return nil
	}
	dir, err := os.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	owner, err := cgroup.OwnerOf(dir)
	if err != nil {
		return err
	}
	host, err := cgroup.Detect()
	if err != nil {
		return err
	}
	host.Evicting = evicting
	return last.reclaim(host, owner)
}

// takeOver ends what a killed predecessor in this directory has left alive, a
// container that has disarmed its parent-death signal. Mostly the first start
// does so when it creates the cgroup; but there may be none, or of another ID, or
// it is not created: the start has failed before.
func (s *starter) takeOver(failed bool) error {
	last := s.predecessor
	if last.ID == "" || last.is(s.options.CgroupParent, s.options.ID) && !failed {
		return nil
	}
	s.predecessor = cgroupName{}
	if err := s.findHost(); err != nil {
		return nil // then there is no cgroup of anybody's
	}
	if err := last.reclaim(s.host, s.owner); err != nil && !errors.Is(err, cgroup.ErrInUse) {
		return fmt.Errorf("take over: %w", err)
	}
	return nil
}
