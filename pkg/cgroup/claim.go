package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// attempts bounds how often the directory may be replaced under our hands before
// we give up: somebody does it in a loop.
const attempts = 20

// longestLook is the last of the pauses between two looks at a group that is somebody
// else's: they double from a millisecond on, and make a second.
const longestLook = 512 * time.Millisecond

var errReplaced = errors.New("replaced again and again")

// claim makes the group's directory in the first hierarchy, locks and marks it.
// Nothing is made or removed elsewhere but under that lock, so a supervisor that
// is refused leaves no trace.
//
// The processes of another may be dying, with a supervisor that was killed in another
// directory, or its child have the lock until it executes: so it is worth some looks. The
// lock is not held meanwhile, for whose they are may come back.
func (g *Group) claim(owner Owner) error {
	tries, pause := attempts, time.Millisecond
	for {
		err := g.tryClaim(owner)
		switch {
		case err == errReplaced && tries > 1:
			tries--
		case (errors.Is(err, ErrNotOurs) || err == ErrInUse) && pause <= longestLook:
			time.Sleep(pause)
			pause *= 2
		default:
			return err
		}
	}
}

// tryClaim is claim without looking twice: errReplaced if the directory was replaced, or
// was one of before, which is removed now.
func (g *Group) tryClaim(owner Owner) error {
	fresh, err := g.lockFirst()
	if err != nil {
		return err
	}
	if fresh && !g.remains() {
		mark(g.lock, owner)
		return nil
	}
	err = g.evict(owner)
	if fresh && err != nil {
		_ = rmdir(g.places[0].dir()) // the first error is the one to know
	}
	g.close()
	if err == nil {
		return errReplaced
	}
	return err
}

// Reclaim ends and removes what the owner has left in the group PARENT/ID, as Create does,
// but makes and moves nothing; it may take as long. What is no group, or not marked as the
// owner's, is left alone; and what has a supervisor, for which the error wraps ErrInUse.
func (h *Host) Reclaim(parent, id string, owner Owner) error {
	places, err := h.places(parent, id, stay)
	return h.reclaim(places, err, id, owner)
}

// ReclaimOwn is Reclaim for a group that was made below Self by a caller to whom Own has
// returned own. Each hierarchy's group is looked at for the mark.
func (h *Host) ReclaimOwn(own map[string]string, id string, owner Owner) error {
	places, err := h.formerPlaces(own, id)
	if err == nil {
		places = append(places[:1], owned(places[1:], owner)...)
	}
	return h.reclaim(places, err, id, owner)
}

func (h *Host) reclaim(places []place, err error, id string, owner Owner) error {
	if ValidID(id) != nil {
		return nil
	}
	if err != nil {
		return unless(err, errNoParent, errLeaf, errOutside)
	}
	g := &Group{version: h.version, places: places, lock: -1, evicting: h.Evicting}
	if err := g.lockExisting(); err != nil {
		return g.wrap(unless(err, errReplaced, unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG))
	}
	defer g.close()
	if marked(g.lock) != owner.String() {
		return nil
	}
	return g.wrap(g.clearPredecessor())
}

// clearPredecessor removes a group that is ours, and was another process's.
func (g *Group) clearPredecessor() error {
	if g.evicting != nil {
		if procs, err := g.processes(); err == nil && len(procs) > 0 {
			g.evicting(len(procs))
		}
	}
	return g.clear(time.Now().Add(takeOverPatience))
}

// unless returns the error, or nil if it is one of those.
func unless(err error, those ...error) error {
	for _, one := range those {
		if errors.Is(err, one) {
			return nil
		}
	}
	return err
}

// lockFirst makes the first directory if it is missing, and locks it. It says
// whether the directory is new: not one with counters, limits or processes of
// before.
func (g *Group) lockFirst() (fresh bool, err error) {
	made, err := g.places[0].make()
	if err != nil {
		return false, err
	}
	if err = g.lockExisting(); errors.Is(err, fs.ErrNotExist) {
		err = errReplaced
	}
	if err != nil {
		return false, err
	}
	// A marked one was used and left by another between our mkdir and the lock.
	return made && marked(g.lock) == "", nil
}

// lockExisting locks the first directory.
func (g *Group) lockExisting() error {
	dir := g.places[0].dir()
	fd, err := unix.Open(dir, dirFlags, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	if err = flock(fd); err == nil {
		err = same(fd, dir)
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	g.lock = fd
	return nil
}

// flock takes the lock, or returns ErrInUse. It is worth a few tries: a child that executes
// gives it up microseconds after that of the run directory.
func flock(fd int) error {
	if err := fault("lock"); err != nil {
		return err
	}
	for pause := time.Millisecond; ; pause *= 2 {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK {
			return os.NewSyscallError("flock", err)
		}
		if pause > 8*time.Millisecond {
			return ErrInUse
		}
		time.Sleep(pause)
	}
}

// same returns errReplaced unless the path still leads to the directory: the
// lock is on the inode, and the one who had it before may have removed that.
func same(fd int, dir string) error {
	var held, named unix.Stat_t
	if err := unix.Fstat(fd, &held); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	err := unix.Lstat(dir, &named)
	if err == unix.ENOENT || err == nil && (held.Dev != named.Dev || held.Ino != named.Ino) {
		return errReplaced
	}
	if err != nil {
		return &fs.PathError{Op: "lstat", Path: dir, Err: err}
	}
	return nil
}

// remains reports whether the group exists in another hierarchy than the first.
func (g *Group) remains() bool {
	for i := range g.places[1:] {
		if exists(g.places[i+1].dir()) {
			return true
		}
	}
	return false
}

// evict removes a group that was there before us, the first directory last and
// under its lock. Only the processes of a predecessor are killed.
func (g *Group) evict(owner Owner) error {
	if marked(g.lock) == owner.String() {
		return g.clearPredecessor()
	}
	procs, err := g.processes()
	if err != nil {
		return err
	}
	if len(procs) > 0 {
		return fmt.Errorf("%w: %d processes", ErrNotOurs, len(procs))
	}
	err = g.removeDirs()
	if errors.Is(err, unix.EBUSY) { // somebody has put a process into it just now
		return fmt.Errorf("%w: %w", ErrNotOurs, unix.EBUSY)
	}
	return err
}
