package main

import (
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// packages are the programs that the bench runs, as scripts/packages.sh takes them.
var packages = []string{"crun", "runc", "conmon", "bwrap:bubblewrap", "containerd", "gcc:gcc,libc6-dev"}

// install installs what is missing, where it can, and to its end, whatever the user
// types: a package half installed is worse than a moment's wait. What it could not do
// is told by what is missing.
func install() {
	cmd := exec.Command("scripts/packages.sh", packages...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	_ = cmd.Run() // it says what it could not do
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
