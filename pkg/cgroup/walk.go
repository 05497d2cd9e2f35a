package cgroup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// A walker goes through a cgroup and all below it. It goes by descriptors, as a
// container that may nest cgroups can make their paths longer than PATH_MAX, and comes
// back by way of "..", as it can nest more of them than there are descriptors.
type walker struct {
	top   string // where it began
	depth int    // below that
	fd    int    // of the cgroup where it is
	// enter is called in each cgroup, and leave above each but the top, once all below
	// that have been left.
	enter func(w *walker) error
	leave func(w *walker, child string) error
}

// dirFlags open the directory of a cgroup.
const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// walk calls enter in a cgroup and then in all below it. Those that vanish meanwhile are
// left out.
func walk(dir string, enter func(w *walker) error) error {
	w := walker{top: dir, enter: enter, leave: func(*walker, string) error { return nil }}
	return w.walk()
}

func (w *walker) walk() (err error) {
	if w.fd, err = unix.Open(w.top, dirFlags, 0); err != nil {
		return present(w.error("open", "", err))
	}
	defer func() { _ = unix.Close(w.fd) }()
	return w.tree()
}

// tree walks the cgroup where it is, and stays there unless there is an error.
func (w *walker) tree() error {
	children, err := w.here()
	for _, child := range children {
		err := w.move(child, 1)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			err = w.tree()
		}
		if err == nil {
			err = w.move("..", -1)
		}
		if err == nil {
			err = w.leave(w, child)
		}
		if err != nil {
			return err
		}
	}
	return present(err)
}

// here enters the cgroup and returns the names of those below it.
func (w *walker) here() ([]string, error) {
	if err := w.enter(w); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(w.fd, &st); err != nil {
		return nil, w.error("fstat", "", err)
	}
	if st.Nlink == 2 { // none, as nearly always: spares the reading of 20 to 60 entries
		return nil, nil
	}
	f, err := w.open(".", unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// move goes to the cgroup of that name, which lies so many levels deeper.
func (w *walker) move(name string, levels int) error {
	fd, err := unix.Openat(w.fd, name, dirFlags, 0)
	if err != nil {
		return w.error("open", name, err)
	}
	_ = unix.Close(w.fd)
	w.fd = fd
	w.depth += levels
	return nil
}

// open opens a file of the cgroup where it is. Not by os.OpenFile, which would add it to
// the runtime's poller, as files of cgroups can be polled.
func (w *walker) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(w.fd, name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, w.error("open", name, err)
	}
	return os.NewFile(uintptr(fd), w.path(name)), nil
}

// read reads a file of the cgroup where it is.
func (w *walker) read(name string) ([]byte, error) {
	f, err := w.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// write writes to a file of the cgroup where it is.
func (w *walker) write(name, value string) error {
	if err := fault("write", name); err != nil {
		return err
	}
	f, err := w.open(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// write writes to a file of a cgroup, which must exist.
func write(name, value string) error {
	w := walker{fd: unix.AT_FDCWD}
	return w.write(name, value)
}

// path names a file of the cgroup where it is. All but the ends of what may be very long
// is left out.
func (w *walker) path(name string) string {
	if w.depth > 0 {
		name = path.Join("...", name)
	}
	return path.Join(w.top, name)
}

func (w *walker) error(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: w.path(name), Err: err}
}

// present returns nil for an error that says that the cgroup is gone: ENODEV is
// what its open files then say.
func present(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
