package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestWithdraw: what was there before stays, and so does all if somebody may use it.
func TestWithdraw(t *testing.T) {
	for _, test := range []struct {
		have, before string
		others       bool
		want         string // in the file; what is written to it, if anything is
	}{
		{"cpu memory pids\n", "", false, "-memory -cpu -pids"},
		{"cpuset cpu memory pids\n", "cpuset cpu", false, "-memory -pids"},
		{"cpu memory pids\n", "cpu memory pids", false, "cpu memory pids\n"},
		{"cpu memory pids\n", "", true, "cpu memory pids\n"},
		{"hugetlb\n", "", false, "hugetlb\n"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "cgroup.subtree_control")
		if err := os.WriteFile(file, []byte(test.have), 0o644); err != nil {
			t.Fatal(err)
		}
		if test.others {
			if err := os.Mkdir(filepath.Join(dir, "other"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := withdraw(dir, strings.Fields(test.before)); err != nil {
			t.Errorf("withdraw(%q) = %v", test.before, err)
		}
		if got, err := os.ReadFile(file); string(got) != test.want || err != nil {
			t.Errorf("withdraw(%q) of %q, others %t: %q, %v, want %q", test.before, test.have, test.others, got, err, test.want)
		}
	}
	if err := withdraw(t.TempDir(), nil); err != nil {
		t.Errorf("withdraw on v1 = %v, want nil", err)
	}
}
