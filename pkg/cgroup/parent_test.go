package cgroup

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		root, own, want string
		err             error
	}{
		{"/", "/", "/", nil},
		{"/", "/a/b", "/a/b", nil},
		{"/a", "/a", "/", nil},
		{"/a", "/a/b", "/b", nil},
		{"/a", "/ab", "", errOutside},
		{"/a/b", "/a", "", errOutside},
		{"/", "/../other", "", errOutside},
		{"/..", "/", "", errOutside},
		{"/", "/..a/b", "/..a/b", nil},
		{"/", "", "", errOutside},
	} {
		got, err := within(tt.root, tt.own)
		if got != tt.want || err != tt.err {
			t.Errorf("within(%q, %q) = %q, %v, want %q, %v", tt.root, tt.own, got, err, tt.want, tt.err)
		}
	}
}

func TestPlaces(t *testing.T) {
	self := path.Join(t.TempDir(), "cgroup")
	lines := "4:memory:/docker/1\n2:cpu,cpuacct:/\n1:name=systemd:/x\n0::/unified/1\n"
	if err := os.WriteFile(self, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	v1 := &Host{version: V1, self: self, hierarchies: []hierarchy{
		{"/m", "/docker", []string{"memory"}}, {"/c", "/", []string{"cpu", "cpuacct"}},
	}}
	v2 := &Host{version: V2, self: self, hierarchies: []hierarchy{{"/none", "/", nil}}}
	outside := &Host{version: V1, self: self, hierarchies: []hierarchy{{"/m", "/lxc", []string{"memory"}}}}
	for _, tt := range []struct {
		host             *Host
		parent, id, want string
	}{
		{v1, "/harpoon", "", "/m/harpoon/id /c/harpoon/id"},
		{v1, "/", "", "/m/id /c/id"},
		{v1, "/a//b/../c/", "", "/m/a/c/id /c/a/c/id"},
		{v1, "self", "", "/m/1/id /c/id"},
		{v2, "/harpoon", "", "/none/harpoon/id"},
		{v2, "self", "", "/none/unified/1/id"},
		{v1, "harpoon", "", `cgroup parent "harpoon": neither an absolute path nor "self"`},
		{v1, "", "", `cgroup parent "": neither an absolute path nor "self"`},
		{outside, "self", "", "cgroup parent self: /m: own cgroup is outside of what is mounted"},
		{v1, "self", "supervisor", "/m/1/supervisor /c/supervisor"},
		{v2, "self", "supervisor", `cgroup parent self: "supervisor" is the supervisor's own cgroup in there`},
	} {
		places, err := tt.host.places(tt.parent, cmp.Or(tt.id, "id"), stay)
		var dirs []string
		for _, p := range places {
			dirs = append(dirs, p.dir())
		}
		got := strings.Join(dirs, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("v%d: places(%q) = %q, want %q", tt.host.version, tt.parent, got, tt.want)
		}
	}
}

// TestFormerPlaces: what Own returns stands for the same places from wherever the caller
// is then.
func TestFormerPlaces(t *testing.T) {
	self := path.Join(t.TempDir(), "cgroup")
	h := &Host{version: V1, self: self, hierarchies: []hierarchy{
		{"/m", "/docker", []string{"memory"}}, {"/c", "/", []string{"cpu", "cpuacct"}},
	}}
	if err := os.WriteFile(self, []byte("4:memory:/docker/1\n2:cpu,cpuacct:/u\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := h.Own()
	if err != nil || !maps.Equal(own, map[string]string{"memory": "/1", "cpu": "/u"}) {
		t.Fatalf("Own() = %q, %v, want memory /1, cpu /u", own, err)
	}
	h.self = "/none"
	places, err := h.formerPlaces(own, "id")
	if err != nil || len(places) != 2 || places[0].dir() != "/m/1/id" || places[1].dir() != "/c/u/id" {
		t.Errorf("formerPlaces() = %v, %v, want /m/1/id, /c/u/id", places, err)
	}
	// A hierarchy may have come, or gone, since.
	places, err = h.formerPlaces(map[string]string{"memory": "/1", "blkio": "/b"}, "id")
	if err != nil || len(places) != 1 || places[0].dir() != "/m/1/id" {
		t.Errorf("formerPlaces() = %v, %v, want /m/1/id", places, err)
	}
	for _, own := range []map[string]string{nil, {"cpu": "/u"}, {"memory": "/1", "cpu": "u"}, {"memory": "/1", "cpu": "/u\x00"}, {"memory": ""}} {
		if places, err := h.formerPlaces(own, "id"); err != errNoParent {
			t.Errorf("formerPlaces(%q) = %v, %v, want %v", own, places, err, errNoParent)
		}
	}
}

// On v1 the caller's own cgroups are found, and it stays in them.
func TestCreateSelfV1(t *testing.T) {
	h := host(t, V1)
	before := text(t, "/proc/self/cgroup")
	g, err := h.Create(Self, path.Base(testParent), testOwner, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range g.places {
		if procs := strings.Fields(text(t, path.Join(path.Dir(p.dir()), "cgroup.procs"))); !slices.Contains(procs, strconv.Itoa(os.Getpid())) {
			t.Errorf("%s: not below the test's own cgroup", p.dir())
		}
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if after := text(t, "/proc/self/cgroup"); after != before {
		t.Errorf("/proc/self/cgroup = %q, want %q", after, before)
	}
}

// On v2 the caller moves to the leaf, once.
func TestCreateSelfV2(t *testing.T) {
	service := create(t, host(t, V2), Limits{})
	c := exec.Command("/proc/self/exe")
	c.Env = []string{role + "=self", quickExit}
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: service.FD(), Pdeathsig: syscall.SIGKILL}
	out, err := c.Output()
	want := fmt.Sprintf("%[1]s/one 0::%[1]s/supervisor\n%[1]s/two 0::%[1]s/supervisor\n", service.path())
	if err != nil || string(out) != want {
		t.Errorf("self says %q, %v, want %q", out, err, want)
	}
}

// playSelf is the supervisor of TestCreateSelfV2.
func playSelf() error {
	var h *Host
	for _, candidate := range testHosts() {
		if candidate.version == V2 {
			h = candidate
		}
	}
	for _, id := range []string{"one", "two"} {
		g, err := h.Create(Self, id, testOwner, Limits{})
		if err != nil {
			return err
		}
		f, err := os.Open("/proc/self/cgroup")
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "0::") {
				fmt.Println(g.path(), lines.Text())
			}
		}
		if err := errors.Join(lines.Err(), f.Close(), g.Remove()); err != nil {
			return err
		}
	}
	return nil
}
