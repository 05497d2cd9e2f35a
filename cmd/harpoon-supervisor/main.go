// The runtime would read the cgroup's CPU limit again and again, and keep its
// files open; neither half does enough to care.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command harpoon-supervisor starts one Linux container and stands over it for
// its life. See README.md.
package main

import (
	"fmt"
	"os"
	"strings"

	_ "harpoon-supervisor/init"          // runs in the helper process, and ends it
	_ "harpoon-supervisor/pkg/goruntime" // for both
	"harpoon-supervisor/shim"
)

// Set by the linker; see the Makefile.
var (
	version = "devel"
	commit  = "unknown"
)

// Exit statuses of a command line that starts nothing.
const (
	exitUnanswered = 1 // what was asked for could not be written
	exitUsage      = 2 // it is wrong
)

// Both halves run in a function init, and end there: the helper in that of its
// package, the shim here. For so long the runtime keeps the main goroutine on the main
// thread, where both have to be (see the comments of the packages). LockOSThread would
// do so, too, but first starts a thread to make all further ones.
func init() {
	if options, err := parse(os.Args[1:]); err == nil {
		options.Version = version
		shim.Run(options)
	}
}

// main is for a command line that starts nothing.
func main() {
	switch _, err := parse(os.Args[1:]); err {
	case errHelp:
		answer(usage)
	case errVersion:
		answer(fmt.Sprintf("version %s (%s)\n", version, commit))
	default:
		line := strings.ReplaceAll(err.Error(), "\n", `\n`) // what was given may hold any
		shim.Complain(fmt.Sprintf("harpoon-supervisor: %s\n%s", line, usage))
		os.Exit(exitUsage)
	}
}

// answer writes what was asked for to stdout.
func answer(text string) {
	if _, err := os.Stdout.WriteString(text); err != nil {
		shim.Complain(fmt.Sprintf("harpoon-supervisor: %v\n", err))
		os.Exit(exitUnanswered)
	}
}
