package main

import (
	"slices"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// TestHierarchiesOf: each once, however often it is mounted, and where it is whole.
func TestHierarchiesOf(t *testing.T) {
	mounts := []*mountinfo.Info{
		{Major: 0, Minor: 30, Root: "/a", Mountpoint: "/part", FSType: "cgroup", VFSOptions: "rw,cpu,cpuacct"},
		{Major: 0, Minor: 30, Root: "/", Mountpoint: "/cpu", FSType: "cgroup", VFSOptions: "rw,cpu,cpuacct"},
		{Major: 0, Minor: 30, Root: "/", Mountpoint: "/again", FSType: "cgroup", VFSOptions: "rw,cpu,cpuacct"},
		{Major: 0, Minor: 31, Root: "/a", Mountpoint: "/memory", FSType: "cgroup", VFSOptions: "rw,memory"},
		{Major: 0, Minor: 32, Root: "/", Mountpoint: "/unified", FSType: "cgroup2", VFSOptions: "rw"},
	}
	want := []hierarchy{
		{mount: "/cpu", controllers: "rw,cpu,cpuacct"},
		{mount: "/unified", controllers: "rw", v2: true},
		{mount: "/memory", controllers: "rw,memory"},
	}
	if got := hierarchiesOf(mounts); !slices.Equal(got, want) {
		t.Errorf("hierarchiesOf = %+v, want %+v", got, want)
	}
}

// TestVisible: a mount that is covered by another one, or cannot be reached at all.
func TestVisible(t *testing.T) {
	dir := t.TempDir()
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	major, minor := int(unix.Major(st.Dev)), int(unix.Minor(st.Dev))
	for _, test := range []struct {
		mount mountinfo.Info
		want  bool
	}{
		{mountinfo.Info{Major: major, Minor: minor, Mountpoint: dir}, true},
		{mountinfo.Info{Major: major, Minor: minor + 1, Mountpoint: dir}, false},
		{mountinfo.Info{Major: major, Minor: minor, Mountpoint: dir + "/none"}, false},
	} {
		if got := visible(&test.mount); got != test.want {
			t.Errorf("visible(%+v) = %t, want %t", test.mount, got, test.want)
		}
	}
}
