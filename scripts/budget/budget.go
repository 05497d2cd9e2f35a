// Package budget holds tests to a table of numbers: what may be spent of what does
// not depend on the machine's mood. It is for tests only.
//
// Time is never in the table. It is measured and printed elsewhere (make bench).
package budget

import (
	_ "embed"
	"flag"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

//go:embed table.txt
var embedded string // in the test binary: it also runs where the source is not

var update = flag.Bool("update", false, "write the numbers that are found into scripts/budget/table.txt")

// Check fails the test if number is not within the named budget. With -update it
// becomes the budget instead.
func Check(t testing.TB, name string, number int) {
	t.Helper()
	b, err := table(embedded).find(name, hosts())
	if err != nil {
		t.Error(err)
		return
	}
	b.found(t, number)
	switch {
	case runtime.GOARCH != "amd64":
	case *update:
		b.number, b.known = number, true
		if err := rewrite(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	default:
		if err := b.check(number); err != nil {
			t.Error(err)
		}
	}
}

// found prints the number as a row of the table, so that what was found where the
// table cannot be written, in a VM, is copied into it.
func (b row) found(t testing.TB, number int) {
	t.Helper()
	known := b
	b.number, b.known = number, true
	t.Logf("measured: %s (table: %s)", b, known.figure())
}

// hosts returns what a row may call this host, the closest first.
func hosts() []string {
	version := "v1" // hybrid, too
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
		version = "v2"
	}
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail
	return []string{version + "-" + kernel(unix.ByteSliceToString(name.Release[:])), version, "any"}
}
