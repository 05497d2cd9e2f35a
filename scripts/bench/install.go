package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// packages are Debian's names of the programs that the bench runs.
var packages = []struct{ program, name string }{
	{"crun", "crun"}, {"runc", "runc"}, {"conmon", "conmon"}, {"bwrap", "bubblewrap"}, {"containerd", "containerd"},
	{"gcc", "gcc libc6-dev"},
}

// policy is where Debian's packages ask whether they may start a service: 101 is
// no (invoke-rc.d(8)). Nobody wants a containerd on the host from this.
const policy = "/usr/sbin/policy-rc.d"

// install installs what is missing, where it can.
func install(ctx context.Context) {
	var names []string
	for _, p := range packages {
		if _, err := exec.LookPath(p.program); err != nil {
			names = append(names, strings.Fields(p.name)...)
		}
	}
	if _, err := exec.LookPath("apt-get"); err != nil || len(names) == 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "bench: installing", strings.Join(names, " "))
	defer forbidServices()()
	aptGet("update")
	if ctx.Err() == nil {
		aptGet(append([]string{"install", "-y", "--no-install-recommends"}, names...)...)
	}
}

// lacking returns the subjects that cannot be measured, for want of programs that are
// not installed. What the bench builds itself is not looked for.
func lacking(list []subject) (missing []leftOut) {
	for _, s := range list {
		var programs []string
		for _, program := range s.needs {
			if _, err := exec.LookPath(program); err != nil && !strings.Contains(program, "/") {
				programs = append(programs, program)
			}
		}
		if len(programs) > 0 {
			missing = append(missing, leftOut{Subject: s.name, Error: "not installed: " + strings.Join(programs, ", ")})
		}
	}
	return missing
}

// aptGet runs to its end, whatever the user types: a package half installed is
// worse than a moment's wait. What it could not do is told by what is missing.
func aptGet(args ...string) {
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: apt-get %s: %v\n%s", args[0], err, out)
	}
}

// forbidServices forbids new services until it is undone, unless somebody has a
// policy of his own.
func forbidServices() (undo func()) {
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return func() {}
	}
	fmt.Fprint(file, "#!/bin/sh\nexit 101\n")
	file.Close()
	return func() { os.Remove(policy) }
}
