package cgroup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// manyThreads are too many to look at each.
const manyThreads = 256

// Runnable reports whether any thread in the group or below it has a CPU, or waits for
// one: state R in proc(5), /proc/PID/stat. Of very many threads it says so without a
// look at all of them. It looks where memory is accounted for, as it is about those that
// may be killing for memory; the error wraps ErrNoController if that is nowhere.
func (g *Group) Runnable() (bool, error) {
	file, err := g.file("memory", "cgroup.procs")
	if err != nil {
		return false, g.wrap(err)
	}
	procs := map[int]struct{}{}
	if err := addProcs(path.Dir(file), procs); err != nil {
		return false, g.wrap(err)
	}
	left := manyThreads
	for pid := range procs {
		if runnable, err := anyRunnable(pid, &left); err != nil || runnable {
			return runnable, g.wrap(err)
		}
	}
	return false, nil
}

// anyRunnable looks at the threads of a process, at so many at most as are left.
func anyRunnable(pid int, left *int) (bool, error) {
	tasks := path.Join("/proc", strconv.Itoa(pid), "task")
	threads, err := os.ReadDir(tasks)
	if err != nil && !ended(err) {
		return false, err
	}
	for _, thread := range threads {
		if *left--; *left < 0 {
			return true, nil
		}
		stat, err := os.ReadFile(path.Join(tasks, thread.Name(), "stat"))
		if err != nil && !ended(err) {
			return false, err
		}
		// The state is behind the name, which may hold any character.
		if i := bytes.LastIndexByte(stat, ')'); i >= 0 && bytes.HasPrefix(stat[i:], []byte(") R ")) {
			return true, nil
		}
	}
	return false, nil
}

// ended reports whether the error is that of a process or thread that has ended.
func ended(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// processes returns the processes in the group and below it, in any hierarchy,
// as a set of pids. A pid of 0 stands for those of another pid namespace, which
// have none here.
func (g *Group) processes() (map[int]struct{}, error) {
	procs := map[int]struct{}{}
	for i := range g.places {
		if err := addProcs(g.places[i].dir(), procs); err != nil {
			return nil, err
		}
	}
	return procs, nil
}

// addProcs adds the processes in a cgroup and below it.
func addProcs(dir string, procs map[int]struct{}) error {
	return walk(dir, func(w *walker) error { return w.addProcs(procs) })
}

// addProcs adds the processes of the cgroup where it is. The file is opened each time: v1
// keeps the list of an open one for a second, whatever happens meanwhile.
func (w *walker) addProcs(procs map[int]struct{}) error {
	text, err := w.read("cgroup.procs")
	if errors.Is(err, unix.EOPNOTSUPP) { // a threaded one, on v2: its processes are listed further up
		return nil
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		pid, err := strconv.Atoi(strings.TrimSuffix(string(line), "\n"))
		if err != nil {
			return w.error("parse", "cgroup.procs", err)
		}
		procs[pid] = struct{}{}
	}
	return nil
}
