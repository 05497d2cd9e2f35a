package nsinit

import (
	"slices"
	"testing"

	"harpoon-supervisor/pkg/syncpipe"
)

// configs returns a configuration for each role.
func configs() map[role]*syncpipe.Config {
	list := map[role]*syncpipe.Config{}
	for who, users := range map[role]*syncpipe.UserNS{alone: nil, inside: {Size: 1}, outfitter: {Size: 1, Init: 2}} {
		list[who] = &syncpipe.Config{UserNS: users, Mounts: []syncpipe.Mount{{Dest: "/a/very/long/destination"}, {Dest: "/another/very/long/one"}}}
	}
	return list
}

// TestThreadNames: the kernel cuts a thread name at 15 bytes, of which the slash
// is one; what is cut would not be found again by the shim.
func TestThreadNames(t *testing.T) {
	for _, config := range configs() {
		seen := map[string]string{}
		for _, s := range steps(newContainer(syncpipe.Message{Config: config}, nil)) {
			name := s.threadName()
			if len(name) > 14 {
				t.Errorf("step %q: thread name %q has %d bytes, want 14 at most", s.name, name, len(name))
			}
			if other := seen[name]; other != "" && !s.silent {
				t.Errorf("steps %q and %q have the same thread name %q", other, s.name, name)
			}
			seen[name] = s.name
			if ("/"+name == syncpipe.ExecName) != s.silent {
				t.Errorf("step %q: thread name %q, silent %v", s.name, name, s.silent)
			}
		}
	}
}

// TestRoles: with a user namespace, what init takes alone is taken by one of the
// two helpers, in the same order, and only where each has one of its own by both.
func TestRoles(t *testing.T) {
	names := map[role][]string{}
	for who, config := range configs() {
		for _, s := range steps(newContainer(syncpipe.Message{Config: config}, nil)) {
			names[who] = append(names[who], s.name)
		}
	}
	for _, name := range names[alone] {
		by := slices.Contains(names[inside], name)
		byBoth := by && slices.Contains(names[outfitter], name)
		by = by || slices.Contains(names[outfitter], name)
		own := name == "enter cgroup" || name == "make private" || name == "mask paths"
		if !by || byBoth != own {
			t.Errorf("step %q: taken %v, by both %v, want true, %v", name, by, byBoth, own)
		}
	}
	for who, extra := range map[role][]string{alone: nil, inside: {"take root"}, outfitter: {"place /proc", "clear /proc", "hand over"}} {
		var got []string
		for _, name := range names[who] {
			if !slices.Contains(names[alone], name) {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, extra) {
			t.Errorf("role %d: steps of its own = %q, want %q", who, got, extra)
		}
	}
	if last := names[outfitter][len(names[outfitter])-1]; last != "hand over" {
		t.Errorf("last step of the outfitter = %q, want %q", last, "hand over")
	}
}
