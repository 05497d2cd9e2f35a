package main_test

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tighter reports whether a difference only takes something away from the
// command. What is missing is "".
func tighter(key, theirs, ours string) bool {
	kind, name, _ := strings.Cut(key, " ")
	switch kind {
	case "env", "fd", "stat", "writable":
		return ours == ""
	case "read":
		return ours != "something"
	case "ns":
		return ours == "its own"
	case "Max":
		return atMost(theirs, ours)
	case "mount":
		return theirs != "" && ours != "" && restricts(theirs, ours)
	case "super":
		return theirs != "" && ours != "" && smaller(theirs, ours)
	case "status":
		return tighterStatus(name, theirs, ours)
	}
	return false
}

// restricts reports whether a mount is of the same type, and has the options that
// take something away.
func restricts(theirs, ours string) bool {
	theirType, theirOptions, _ := strings.Cut(theirs, " ")
	ourType, ourOptions, _ := strings.Cut(ours, " ")
	for _, option := range []string{"ro", "nosuid", "nodev", "noexec"} {
		if hasOption(theirOptions, option) && !hasOption(ourOptions, option) {
			return false
		}
	}
	return theirType == ourType
}

func hasOption(options, option string) bool {
	return slices.Contains(strings.Split(options, ","), option)
}

// smaller reports whether the options of a filesystem differ only in its size.
func smaller(theirs, ours string) bool {
	size := regexp.MustCompile(`size=(\d+)k`)
	limits := [2]int{math.MaxInt, math.MaxInt}
	for i, options := range []string{theirs, ours} {
		if m := size.FindStringSubmatch(options); m != nil {
			limits[i], _ = strconv.Atoi(m[1]) // it is a number
		}
	}
	return size.ReplaceAllString(theirs, "") == size.ReplaceAllString(ours, "") && limits[1] <= limits[0]
}

// atMost compares limits, soft and hard.
func atMost(theirs, ours string) bool {
	a, b := strings.Fields(theirs), strings.Fields(ours)
	for i := range b {
		ourLimit, unlimited := strconv.ParseUint(b[i], 10, 64)
		theirLimit, err := strconv.ParseUint(a[i], 10, 64)
		if unlimited != nil || err == nil && ourLimit > theirLimit {
			return a[i] == b[i]
		}
	}
	return true
}

func tighterStatus(name, theirs, ours string) bool {
	switch name {
	case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
		a, bad := strconv.ParseUint(theirs, 16, 64)
		b, worse := strconv.ParseUint(ours, 16, 64)
		return bad == nil && worse == nil && b&^a == 0
	case "NoNewPrivs", "Seccomp", "Seccomp_filters":
		return theirs < ours
	case "Speculation_Store_Bypass", "SpeculationIndirectBranch": // a filter does that before Linux 5.16
		return strings.Contains(ours, "force")
	case "SigIgn", "SigBlk": // runc leaves them as its caller has them
		return strings.Trim(ours, "0") == ""
	case "Cpus_allowed", "Cpus_allowed_list": // the same; ours are those of the cpuset
		return true
	case "Uid", "Gid":
		return !slices.Contains(strings.Fields(ours), "0")
	}
	return false
}

func TestTighter(t *testing.T) {
	for _, test := range []struct {
		key, theirs, ours string
		want              bool
	}{
		{"env TERM", "xterm", "", true},
		{"env TERM", "", "xterm", false},
		{"env TERM", "xterm", "vt100", false},
		{"fd 7", "", "pipe", false},
		{"writable /x", "yes", "", true},
		{"writable /x", "", "yes", false},
		{"stat /dev/kmsg", "", "char 0666 0:0 device 1,11", false},
		{"stat /dev/null", "char 0666 0:0 device 1,3", "char 0666 0:0 device 1,5", false},
		{"read /proc/kcore", "something", "EACCES", true},
		{"read /proc/kcore", "nothing", "something", false},
		{"ns net", "its own", "the host's", false},
		{"ns cgroup", "the host's", "its own", true},
		{"Max processes", "100 100", "50 100", true},
		{"Max processes", "100 100", "100 unlimited", false},
		{"Max processes", "100 unlimited", "50 unlimited", true},
		{"Max processes", "unlimited unlimited", "50 60", true},
		{"mount /dev", "tmpfs rw,nosuid", "tmpfs rw,nosuid,noexec", true},
		{"mount /dev", "tmpfs rw,nosuid", "tmpfs rw,noexec", false},
		{"mount /dev", "tmpfs ro,nosuid", "tmpfs rw,nosuid", false},
		{"mount /dev", "tmpfs rw,nosuid", "devtmpfs rw,nosuid", false},
		{"mount /proc/bus", "proc ro", "", false},
		{"mount /data", "", "ext4 rw", false},
		{"super /dev", "rw,size=65536k,mode=755", "rw,size=64k,mode=755", true},
		{"super /dev", "rw,size=64k,mode=755", "rw,size=65536k,mode=755", false},
		{"super /dev", "rw,size=64k,mode=755", "rw,mode=755", false},
		{"super /dev", "rw,size=64k,mode=755", "rw,size=64k,mode=777", false},
		{"status CapEff", "0000000020000420", "0000000000000400", true},
		{"status CapEff", "0000000020000420", "0000000000000001", false},
		{"status Seccomp", "0", "2", true},
		{"status NoNewPrivs", "1", "0", false},
		{"status Speculation_Store_Bypass", "thread vulnerable", "thread force mitigated", true},
		{"status Speculation_Store_Bypass", "thread force mitigated", "thread vulnerable", false},
		{"status SigIgn", "0000000080000000", "0000000000000000", true},
		{"status SigIgn", "0000000000000000", "0000000080000000", false},
		{"status Cpus_allowed", "1", "3", true},
		{"status Uid", "0 0 0 0", "1 1 1 1", true},
		{"status Uid", "1 1 1 1", "1 0 1 1", false},
		{"status Umask", "0022", "0000", false},
		{"cwd", "/", "/tmp", false},
	} {
		if got := tighter(test.key, test.theirs, test.ours); got != test.want {
			t.Errorf("tighter(%s, %q, %q) = %v, want %v", test.key, test.theirs, test.ours, got, test.want)
		}
	}
}
