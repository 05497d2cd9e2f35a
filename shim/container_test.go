package shim

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/syncpipe"
)

// TestDescribe: container.json is what its parts are, and shows no value of the
// environment.
func TestDescribe(t *testing.T) {
	o := Options{Hostname: `h"1`, ID: "id", CgroupParent: "self", Command: []string{"/bin/a", "\xff", "<\n>"}, Version: "v1"}
	name := cgroupName{Parent: o.CgroupParent, ID: o.ID, Own: map[string]string{"cpu": "/b", "memory": "/a"}}
	c := &container{
		restart: agent.RestartNo, network: agent.NetworkHost, seccomp: agent.SeccompDefault,
		limits: cgroup.Limits{Memory: 1 << 40, CPU: 1e-7, PIDs: 7, OOMGroup: true},
		init: syncpipe.Config{
			WorkingDir: "/w", UID: 1, GID: 4294967294, NoFile: 4069,
			Env: [][]byte{[]byte("A=secret=1"), []byte("B=")},
		},
	}
	want := map[string]any{
		"hostname": `h"1`, "command": []any{"/bin/a", "\ufffd", "<\n>"}, "working_dir": "/w", "env": []any{"A", "B"},
		"uid": 1.0, "gid": 4294967294.0, "capabilities": []any{}, "cgroup": map[string]any{"parent": "self", "id": "id", "own": map[string]any{"memory": "/a", "cpu": "/b"}},
		"limits": map[string]any{"memory_bytes": 1099511627776.0, "cpus": 1e-7, "pids": 7.0, "oom_group": true, "open_files": 4069.0},
		"userns": nil, "mounts": nil, "network": "host", "seccomp": "default", "restart": "no",
		"supervisor": map[string]any{"pid": float64(os.Getpid()), "version": "v1"},
	}
	check := func() {
		t.Helper()
		var got map[string]any
		if err := json.Unmarshal(c.describe(o, name), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	check()

	c.capabilities = []agent.Capability{"CAP_CHOWN"}
	want["capabilities"] = []any{"CAP_CHOWN"}
	c.init.UserNS = &syncpipe.UserNS{UID: 10, GID: 20, Size: 30}
	want["userns"] = map[string]any{"uid": 10.0, "gid": 20.0, "size": 30.0}
	c.init.Mounts = []syncpipe.Mount{{Dest: "/t", Size: 5}, {Source: "/s", Dest: "/d"}}
	want["mounts"] = []any{map[string]any{"dest": "/t", "size": 5.0}, map[string]any{"source": "/s", "dest": "/d"}}
	check()
}
