package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

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

// reportIdentity prints what the kernel hands down from thread to thread.
func reportIdentity([]string) {
	attr, err := unix.SchedGetAttr(0, 0)
	check(err)
	report("policy", attr.Policy) // sched(7): 0 is SCHED_OTHER
	report("nice", attr.Nice)
	report("slice", attr.Runtime) // ns
	const whoProcess = 1
	priority, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_GET, whoProcess, 0, 0)
	switch class, level := priority>>13, priority&7; {
	case errno != 0:
		report("ionice", outcome(errno))
	case class == 0, class == 2 && level == 4: // what newer kernels make of none, at nice 0
		report("ionice", "none")
	default:
		report("ionice", fmt.Sprintf("class %d level %d", class, level))
	}
	var cpus unix.CPUSet
	check(unix.SchedGetaffinity(0, &cpus))
	report("cpus", cpus.Count())
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	check(err)
	report("timer slack", slack)
	check(unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)) // what it returns to
	slack, err = unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	check(err)
	report("usual timer slack", slack)
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	check(err)
	report("securebits", bits)
	personality, _, _ := unix.RawSyscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0) // cannot fail
	report("personality", fmt.Sprintf("%#x", personality))
	var policy int32
	_, _, errno = unix.RawSyscall6(unix.SYS_GET_MEMPOLICY, uintptr(unsafe.Pointer(&policy)), 0, 0, 0, 0, 0)
	report("memory policy", map[bool]string{true: fmt.Sprint(policy), false: outcome(errno)}[errno == 0])
	merge, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_GET_MEMORY_MERGE, 0, 0, 0, 0, 0)
	report("memory merge", map[bool]string{true: fmt.Sprint(merge), false: outcome(errno)}[errno == 0])
	score, err := os.ReadFile("/proc/self/oom_score_adj")
	check(err)
	report("oom score", strings.TrimSpace(string(score)))
	reportKeyring()
}

// reportKeyring describes the session keyring (keyctl(2), KEYCTL_DESCRIBE), and
// says whether it has the key that hostile leaves.
func reportKeyring() {
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		text = outcome(err)
	}
	report("session keyring", text)
	_, err = unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", agentKey, 0)
	report("agent's key", outcome(err))
}

// tryKey looks for a key in the session keyring, and adds it.
func tryKey(args []string) {
	_, found := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", args[0], 0)
	_, err := unix.AddKey("user", args[0], []byte("text"), unix.KEY_SPEC_SESSION_KEYRING)
	report("key "+args[0], outcome(found)+", "+map[bool]string{true: "added", false: outcome(err)}[err == nil])
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

// reportOwners says of which namespaces the own user namespace is the owner
// (ioctl_ns(2)); what belongs to one further up is not shown.
func reportOwners([]string) {
	var own, owner unix.Stat_t
	check(unix.Stat("/proc/self/ns/user", &own))
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"} {
		ns, err := unix.Open("/proc/self/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		check(err)
		fd, err := unix.IoctlRetInt(ns, unix.NS_GET_USERNS)
		switch {
		case err != nil:
			report("owner "+name, outcome(err))
		case unix.Fstat(fd, &owner) == nil && owner.Ino == own.Ino:
			report("owner "+name, "own")
		default:
			report("owner "+name, "other")
		}
		unix.Close(ns)
		unix.Close(fd)
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
