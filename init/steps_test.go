package nsinit

import (
	"testing"

	"harpoon-supervisor/pkg/syncpipe"
)

// TestThreadNames: the kernel cuts a thread name at 15 bytes, of which the slash
// is one; what is cut would not be found again by the shim.
func TestThreadNames(t *testing.T) {
	config := &syncpipe.Config{Mounts: []syncpipe.Mount{{Dest: "/a/very/long/destination"}, {Dest: "/another/very/long/one"}}}
	seen := map[string]string{}
	for _, s := range steps(newContainer(config, nil)) {
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
