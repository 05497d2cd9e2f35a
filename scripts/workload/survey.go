package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// survey reports what a container is given, a line for each thing, to be laid
// side by side with that of another one.
func survey([]string) {
	reportDescriptors(nil) // first, before there are any of our own
	surveyStatus()
	surveyMounts()
	reportLimits(nil)
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		report("env "+name, value)
	}
	reportCwd(nil)
	reportNamespaces(nil)
	surveyDevices()
	for _, path := range kernelSecrets {
		report("read "+path, readable(path))
	}
	surveyWritable()
	fmt.Println("survey: done")
}

// kernelSecrets are the files and directories that the OCI runtimes mask.
var kernelSecrets = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
	"/proc/scsi", "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap",
}

// readable says whether there is anything to read.
func readable(path string) string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return outcome(err)
	}
	defer f.Close()
	n, err := f.Read(make([]byte, 1))
	if errors.Is(err, unix.EISDIR) {
		var names []string
		names, err = f.Readdirnames(1)
		n = len(names)
	}
	if n > 0 {
		return "something"
	}
	if err != nil && err != io.EOF {
		return outcome(err)
	}
	return "nothing"
}

// surveyStatus reports proc_pid_status(5).
func surveyStatus() {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		report("status "+name, strings.Join(strings.Fields(value), " "))
	}
}

// surveyMounts reports the type of what is mounted, how, and the options of the
// filesystem itself.
func surveyMounts() {
	text, err := os.ReadFile("/proc/self/mountinfo")
	check(err)
	for line := range strings.Lines(string(text)) {
		mount, super, _ := strings.Cut(strings.TrimSpace(line), " - ")
		point, options := strings.Fields(mount)[4], strings.Fields(mount)[5]
		kind := strings.Fields(super)
		report("mount "+point, kind[0]+" "+options)
		report("super "+point, kind[len(kind)-1])
	}
}

// surveyDevices reports what is in /dev, but for the terminals.
func surveyDevices() {
	_ = filepath.WalkDir("/dev", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && path != "/dev" {
			reportStat([]string{path})
		}
		if path == "/dev/pts" {
			return fs.SkipDir
		}
		return nil // what cannot be listed is not there
	})
}

// surveyWritable reports the files and directories that may be written to. What
// there is about each process is not the container's but the process's; and what
// is masked with the null device takes everything.
func surveyWritable() {
	_ = filepath.WalkDir("/", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be listed can still be written to
		}
		if filepath.Dir(path) == "/proc" && isProcess(entry.Name()) {
			return fs.SkipDir
		}
		if entry.Type()&fs.ModeSymlink == 0 && !isNull(path) && unix.Access(path, unix.W_OK) == nil {
			report("writable "+path, "yes")
		}
		return nil
	})
}

func isNull(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}

func isProcess(name string) bool {
	_, err := strconv.Atoi(name)
	return err == nil
}
