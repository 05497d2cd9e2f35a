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
	"runtime"
	"strings"

	_ "harpoon-supervisor/init" // runs in the helper process, and ends it
	"harpoon-supervisor/shim"
)

// Set by the linker; see the Makefile.
var (
	version = "devel"
	commit  = "unknown"
)

// exitUsage is the exit status for a wrong command line.
const exitUsage = 2

// The main goroutine stays on the main thread, in both halves: see the comments
// of the packages.
func init() { runtime.LockOSThread() }

func main() {
	options, err := parse(os.Args[1:])
	switch {
	case err == errHelp:
		fmt.Print(usage)
	case err == errVersion:
		fmt.Printf("version %s (%s)\n", version, commit)
	case err != nil:
		line := strings.ReplaceAll(err.Error(), "\n", `\n`) // what was given may hold any
		fmt.Fprintf(os.Stderr, "harpoon-supervisor: %s\n%s", line, usage)
		os.Exit(exitUsage)
	default:
		options.Version = version
		shim.Run(options)
	}
}
