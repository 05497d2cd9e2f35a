//go:build faults

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	nsinit "harpoon-supervisor/init"
	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/syncpipe"
	"harpoon-supervisor/shim"
)

// This build is for tests only: at each point of a start and of a clean-up
// something can be made to go wrong. The environment of the supervisor says what:
//
//	HARPOON_FAULT=POINT=ERRNO     the first time at POINT, an error
//	HARPOON_FAULT=POINT=hold      wait for a byte on stdin, or its end
//	HARPOON_FAULT=list            nothing
//	HARPOON_FAULT_TIMEOUT=2s      instead of syncpipe.Timeout
//
// A point that holds says so on stdout, and with "list" each one does: the
// table of points is what a start goes through, and never incomplete. Killing
// and stopping is up to who has given the order. Neither half could do it to the
// other, and pid 1 of a namespace not even to itself.
type faults struct {
	point, action string
	list          bool
	once          sync.Once
}

func init() {
	orders := environment()
	if timeout, err := time.ParseDuration(orders["HARPOON_FAULT_TIMEOUT"]); err == nil {
		syncpipe.Timeout = timeout
	}
	f := &faults{list: orders["HARPOON_FAULT"] == "list"}
	f.point, f.action, _ = strings.Cut(orders["HARPOON_FAULT"], "=")
	shim.Fault = func(step string) error { return f.at("shim: " + step) }
	nsinit.Fault = func(step string) error { return f.at("init: " + step) }
	syncpipe.Fault = func(half, doing string) error { return f.at(half + ": " + doing) }
	cgroup.Fault = func(operation string) error { return f.at("cgroup: " + operation) }
	if os.Args[0] == syncpipe.HelperName {
		nsinit.Main()
	}
}

// environment returns that of the supervisor. init's own is empty; but it sees
// the host's /proc, in which its parent has a number.
func environment() map[string]string {
	entries := os.Environ() // no file may be opened before what was inherited is closed
	if os.Args[0] == syncpipe.HelperName {
		status, _ := os.ReadFile("/proc/self/status")
		_, rest, _ := strings.Cut(string(status), "\nPPid:\t")
		parent, _, _ := strings.Cut(rest, "\n")
		text, _ := os.ReadFile("/proc/" + parent + "/environ") // no parent, no orders
		entries = strings.Split(string(text), "\x00")
	}
	env := map[string]string{}
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// at is what happens at a point.
func (f *faults) at(point string) error {
	if f.list {
		announce(point)
	}
	if point != f.point {
		return nil
	}
	var err error
	f.once.Do(func() {
		if f.action == "hold" {
			announce(point)
			_, _ = unix.Read(0, make([]byte, 1)) // whatever comes, it goes on
			return
		}
		if err = errnoOf(f.action); err == nil {
			err = fmt.Errorf("fault %q: no such action", f.action)
		}
	})
	return err
}

// announce writes to stdout: init has no other way out.
func announce(point string) {
	_, _ = unix.Write(1, []byte("fault: "+point+"\n")) // the test sees what is missing
}

func errnoOf(name string) error {
	for errno := unix.Errno(1); errno < 200; errno++ {
		if unix.ErrnoName(errno) == name {
			return errno
		}
	}
	return nil
}
