package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Remove kills what is left in the group, removes it with all below it in each
// hierarchy, and gives it up. It takes 2 s at most. What is gone
// already is no error. The parent stays.
//
// If it fails the group is given up as well; the next start takes over what is
// left.
func (g *Group) Remove() error {
	err := g.clear(time.Now().Add(patience))
	g.close()
	return g.wrap(err)
}

// clear kills and removes. An empty group has no processes to look for: so the
// removal comes first, and they are looked for when it meets EBUSY.
func (g *Group) clear(end time.Time) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := g.removeDirs()
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if time.Now().After(end) {
			if procs, _ := g.processes(); len(procs) > 0 {
				err = fmt.Errorf("%w (process %d in it has been killed, and does not end)", err, slices.Min(slices.Collect(maps.Keys(procs))))
			}
			return err
		}
		if err := g.kill(); err != nil {
			return err
		}
		// The kernel lets go of a dead process's cgroup a moment after it has gone
		// from the list.
		time.Sleep(pause)
	}
}

// removeDirs removes the empty group, the first directory last: whoever finds
// that one missing, or can lock it, finds nothing elsewhere.
func (g *Group) removeDirs() error {
	for _, p := range slices.Backward(g.places) {
		err := fault("remove", p.controllers...)
		if err == nil {
			err = removeTree(p.dir())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a cgroup, those below it first.
func removeTree(dir string) error {
	err := rmdir(dir)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	w := walker{top: dir, enter: func(*walker) error { return nil }, leave: (*walker).rmdir}
	if err := w.walk(); err != nil {
		return err
	}
	return rmdir(dir)
}

// rmdir removes a cgroup below the one where it is.
func (w *walker) rmdir(child string) error {
	err := unix.Unlinkat(w.fd, child, unix.AT_REMOVEDIR)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	return w.error("rmdir", child, err)
}

func rmdir(dir string) error {
	err := unix.Rmdir(dir)
	if err == nil || err == unix.ENOENT || err == unix.EROFS && !exists(dir) { // that comes first
		return nil
	}
	return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
}
