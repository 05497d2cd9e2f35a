package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
)

// The files of the run directory that are ours.
const (
	controlName  = "control"
	resolvedName = "container.json" // the container as resolved, for people and agents
	// Control before it listens, and container.json before it is complete.
	newControlName  = ".control.new"
	newResolvedName = ".container.json.new"
)

// runDir is the run directory, which is the working directory. It is held open
// and locked for the life of the supervisor, and paths in it are made from the
// descriptor, so that its own path may have any length.
type runDir struct {
	*os.File
}

var errLocked = errors.New("run directory is locked: another supervisor is running in it")

// lockPatience is how long the lock is tried for, once it is no container of before that
// has it. A supervisor whose start has failed lingers for errLinger, and who repairs what
// was wrong need not wait for that. One that was killed while it cloned leaves the lock to
// the child until that executes: for a moment, but 200 ms were seen.
const lockPatience = errLinger

// lockRunDir opens and locks the working directory. While there is a supervisor with a
// container it does not wait.
func lockRunDir(evicting func(processes int)) (runDir, error) {
	d, err := tryLockRunDir(lockPatience / 10)
	if err != errLocked {
		return d, err
	}
	if err := evictPredecessor(evicting); err == nil || errors.Is(err, cgroup.ErrInUse) && !lockerLives() {
		return tryLockRunDir(lockPatience)
	}
	return runDir{}, errLocked
}

// lockerLives reports whether the process that has locked the working directory is there,
// and is not about to end (proc_locks(5)). Who inherits a lock is not told; nor is a lock
// found where the filesystem has another device number for its files.
func lockerLives() bool {
	var st unix.Stat_t
	text, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Stat(".", &st) != nil {
		return false
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(text)) {
		// Number, FLOCK, ADVISORY, WRITE, pid, file, start, end. Who waits has an arrow
		// behind the number.
		if f := strings.Fields(line); len(f) > 5 && f[1] == "FLOCK" && f[5] == file {
			line, err := os.ReadFile("/proc/" + f[4] + "/stat")
			stat, malformed := parseStat(string(line))
			return err == nil && malformed == nil && !stat.dying()
		}
	}
	return false
}

func tryLockRunDir(patience time.Duration) (runDir, error) {
	f, err := os.Open(".")
	if err != nil {
		return runDir{}, err
	}
	d := runDir{f}
	deadline := time.Now().Add(patience)
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK || time.Now().After(deadline) {
			break
		}
		time.Sleep(lockPatience / 200)
	}
	switch {
	case err == unix.EWOULDBLOCK:
		err = errLocked
	case err != nil:
		err = fmt.Errorf("lock run directory: %w", err)
	case d.deleted():
		err = errors.New("run directory has been deleted")
	}
	if err != nil {
		f.Close()
		return runDir{}, err
	}
	return d, nil
}

// deleted reports whether the directory has been removed from the filesystem.
func (d runDir) deleted() bool {
	var st unix.Stat_t
	return unix.Fstat(int(d.Fd()), &st) == nil && st.Nlink == 0
}

// path returns a path of a file in the directory that is short enough for a
// socket's address (unix(7): 108 bytes) however long the directory's own is.
func (d runDir) path(name string) string {
	return fdPath(int(d.Fd())) + "/" + name
}

// removeStale removes what a killed predecessor has left.
func (d runDir) removeStale() error {
	for _, name := range []string{controlName, newControlName} {
		if err := d.remove(name); err != nil {
			return &fs.PathError{Op: "remove stale", Path: name, Err: err}
		}
	}
	return nil
}

// remove removes a file. What is not there is as good.
func (d runDir) remove(name string) error {
	err := unix.Unlinkat(int(d.Fd()), name, 0)
	if err == unix.EROFS { // which comes before ENOENT
		var st unix.Stat_t
		if unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == unix.ENOENT {
			err = unix.ENOENT
		}
	}
	if err == unix.ENOENT {
		return nil
	}
	return err
}

// hold keeps a file that is about to be replaced, if it is there: with its last name the
// filesystem frees its blocks, and may wait for the disk (ext4 with discard does).
func (d runDir) hold(name string) (letGo func()) {
	fd, err := unix.Openat(int(d.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	return func() { unix.Close(fd) }
}

// describe writes container.json, of mode 0644, and puts it in place in one step.
func (d runDir) describe(content []byte) error {
	_ = os.Remove(newResolvedName) // a predecessor's
	f, err := os.OpenFile(newResolvedName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	// Not as the umask would have it.
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(newResolvedName, resolvedName)
	}
	if err != nil {
		_ = os.Remove(newResolvedName) // the first error is the one to know
	}
	return err
}

// watch reports on the channel each time that control has been deleted. It is
// the first thing to go when an agent deletes the run directory; the directory
// itself sends no event while it is held open. It returns nil if it cannot.
func (d runDir) watch(deleted chan<- struct{}) (stop func()) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	if _, err := unix.InotifyAddWatch(fd, d.path("."), unix.IN_DELETE|unix.IN_ONLYDIR); err != nil {
		unix.Close(fd)
		return nil
	}
	f := os.NewFile(uintptr(fd), "inotify")
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := f.Read(buf); err != nil {
				return
			}
			wake(deleted) // which file it was does not matter: the loop looks
		}
	}()
	return func() { f.Close() }
}
