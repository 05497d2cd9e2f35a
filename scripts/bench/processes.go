package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// findProcesses returns the processes whose command line is as asked. There are
// none but ours: this is a pid namespace of our own.
func findProcesses(wanted func(argv []string) bool) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if err == nil && len(line) > 0 && wanted(strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// signalChildren sends TERM to a process's children. It is their parent that
// waits for them, and it is our child: neither pid is another's.
func signalChildren(pid int) error {
	children, err := childrenOf(pid)
	if err == nil && len(children) == 0 {
		err = fmt.Errorf("no child of %d", pid)
	}
	for _, child := range children {
		if err := unix.Kill(child, unix.SIGTERM); err != nil {
			return err
		}
	}
	return err
}

// childrenOf reads the children of all threads of a process (proc(5)).
func childrenOf(pid int) ([]int, error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []int
	for _, thread := range threads {
		text, err := os.ReadFile(dir + "/" + thread.Name() + "/children")
		if err != nil {
			return nil, err
		}
		for word := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			list = append(list, child)
		}
	}
	return list, nil
}
