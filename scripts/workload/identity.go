package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func reportArgv([]string) { fmt.Printf("argv: %q\n", os.Args) }

func reportEnv([]string) {
	for _, entry := range slices.Sorted(slices.Values(os.Environ())) {
		fmt.Printf("env: %q\n", entry)
	}
}

func reportCwd([]string) {
	// Not os.Getwd: it believes PWD.
	cwd, err := os.Readlink("/proc/self/cwd")
	check(err)
	report("cwd", cwd)
}

func reportHostname([]string) {
	var name unix.Utsname
	check(unix.Uname(&name))
	report("hostname", unix.ByteSliceToString(name.Nodename[:]))
}

func reportUmask([]string) { fmt.Printf("umask: %03o\n", unix.Umask(0)) }

// reportLimits reads the kernel's table: the Go runtime raises its own soft
// limit of open files, and lowers it again for children, but not by getrlimit.
func reportLimits([]string) {
	text, err := os.ReadFile("/proc/self/limits")
	check(err)
	for line := range strings.Lines(string(text)) {
		// The columns are 26, 21 and 21 characters wide.
		if name, values := line[:26], strings.Fields(line[26:]); values[0] != "Soft" {
			report(strings.TrimSpace(name), strings.Join(values[:2], " "))
		}
	}
}

func reportIDs([]string) {
	groups, err := unix.Getgroups()
	check(err)
	fmt.Printf("uid: %d euid: %d gid: %d egid: %d groups: %v\n",
		unix.Getuid(), unix.Geteuid(), unix.Getgid(), unix.Getegid(), groups)
}

func reportSession([]string) {
	sid, err := unix.Getsid(0)
	check(err)
	fmt.Printf("pid: %d ppid: %d sid: %d pgid: %d\n", unix.Getpid(), unix.Getppid(), sid, unix.Getpgrp())
	report("tty", outcome(openFor("/dev/tty", unix.O_RDWR|unix.O_NOCTTY)))
}

func reportStatus(fields []string) {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if slices.Contains(fields, name) {
			report(name, strings.Join(strings.Fields(value), " "))
		}
	}
}

func reportNamespaces([]string) {
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		link, err := os.Readlink("/proc/self/ns/" + name)
		check(err)
		report("ns "+name, link)
	}
}

func reportProcesses([]string) {
	entries, err := os.ReadDir("/proc")
	check(err)
	for _, entry := range entries {
		if comm, err := os.ReadFile("/proc/" + entry.Name() + "/comm"); err == nil && entry.Name()[0] <= '9' {
			report("process "+entry.Name(), strings.TrimSpace(string(comm)))
		}
	}
}
