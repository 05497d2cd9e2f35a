// The Go runtime would keep files of the cgroup open, and fds would show them.

//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command workload is the program that runs in the containers of the demo, the
// tests and the benchmark. It is one static binary, so that a rootfs needs
// nothing besides: CGO_ENABLED=0 go build.
//
// Usage: workload COMMAND [ARG ...] [then COMMAND [ARG ...]] ...
//
// The commands are run one after the other. What they find is printed as lines
// of the form "key: value"; what the kernel refuses is printed by the name of the
// errno and ends nothing. Most of them are a report of what a container sees
// (env, fds, mounts), some a way to end (exit, crash), some a way to live (serve,
// ignore-term) or to misbehave (eat, spin, flood, spawn, storm).
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Some attributes are of the thread, not of the process: the parent-death
// signal is, and the container's is the main thread's.
func init() { runtime.LockOSThread() }

// command is one thing that the workload can do.
type command struct {
	run  func(args []string)
	args string // for the usage
}

// commands by name. main fills it in: some of them run others.
var commands map[string]command

func main() {
	commands = allCommands()
	if len(os.Args) < 2 {
		usage("no command")
	}
	if strings.Contains(commands[os.Args[1]].args, "<PROGRAM>") { // the words behind it are the program's
		run(os.Args[1:])
	}
	for _, words := range split(os.Args[1:], "then") {
		run(words)
	}
}

// run runs one command.
func run(words []string) {
	if len(words) == 0 {
		usage("no command")
	}
	c, known := commands[words[0]]
	if !known {
		usage("unknown command " + words[0])
	}
	if len(words)-1 < strings.Count(c.args, "<") {
		usage(words[0] + ": missing argument")
	}
	c.run(words[1:])
}

// split splits words at each one that equals separator.
func split(words []string, separator string) [][]string {
	var parts [][]string
	for {
		i := slices.Index(words, separator)
		if i < 0 {
			return append(parts, words)
		}
		parts = append(parts, words[:i])
		words = words[i+1:]
	}
}

// usage says what is wrong and what can be asked for, and ends.
func usage(problem string) {
	var lines []string
	for name, c := range commands {
		lines = append(lines, strings.TrimSpace("  "+name+" "+c.args))
	}
	slices.Sort(lines)
	fmt.Fprintf(os.Stderr, "workload: %s\nusage: workload COMMAND [ARG ...] [then COMMAND ...] ...\n  %s\n", problem, strings.Join(lines, "\n  "))
	os.Exit(2)
}

// report prints one finding.
func report(key string, value any) { fmt.Printf("%s: %v\n", key, value) }
