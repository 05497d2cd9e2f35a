package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The corpus of hostile root filesystems: each place that a start works on, as
// each thing that it should not be.

// place is where in a container the hostile thing is. The rootfs itself is "/".
type place struct {
	path   string
	isFile bool // is a file, if nobody is hostile
}

var places = []place{
	{"/", false}, {"/proc", false}, {"/sys", false}, {"/dev", false}, {"/dev/pts", false}, {"/etc", false}, {"/etc/resolv.conf", true},
	{"/data", false}, {"/conf", true}, {"/scratch", false}, {"/work", false},
}

// kinds of hostile things. The links lead to a canary on the host.
var kinds = []string{"absolute", "relative", "dangling", "looping", "file", "fifo", "socket", "device"}

// cell is one container of the corpus.
type cell struct {
	place place
	kind  string
	bare  bool // the rootfs lacks the other mount points, so that an overlay is needed
	swap  bool // somebody exchanges the hostile thing and a harmless one all the time
}

func (c cell) String() string {
	name := strings.ReplaceAll(strings.Trim(c.place.path, "/"), "/", "-")
	if name == "" {
		name = "root"
	}
	name += "-" + c.kind
	if c.bare {
		name += "-bare"
	}
	if c.swap {
		name += "-swap"
	}
	return name
}

// corpus is every place as every kind, in one of two kinds of rootfs, and then
// in the other.
func corpus(swap bool) (first, second []cell) {
	for i, p := range places {
		for j, kind := range kinds {
			bare := (i+j)%2 == 0
			first = append(first, cell{p, kind, bare, swap})
			second = append(second, cell{p, kind, !bare, swap})
		}
	}
	return first, second
}

// plant makes the hostile thing.
func (c cell) plant(path string, canary *canary) error {
	target := canary.top + "/dir"
	if c.place.isFile {
		target = canary.top + "/file"
	}
	switch c.kind {
	case "absolute":
		return os.Symlink(target, path)
	case "relative":
		return os.Symlink(strings.Repeat("../", 40)+target[1:], path)
	case "dangling":
		return os.Symlink(canary.top+"/dir/missing", path)
	case "looping":
		return os.Symlink(filepath.Base(path), path)
	}
	return unix.Mknod(path, map[string]uint32{
		"file": unix.S_IFREG | 0o644, "fifo": unix.S_IFIFO | 0o666, "socket": unix.S_IFSOCK | 0o666, "device": unix.S_IFCHR | 0o666,
	}[c.kind], int(unix.Mkdev(1, 3)))
}

// make makes the container, and returns the two paths that are to be exchanged.
func (c cell) make(canary *canary, name string) (made *container, path, other string, err error) {
	made, err = newContainer(filepath.Join(bench.dir, name), name, fmt.Sprintf(
		`{"command": {"working_dir": "/work"}, "storage": {"tmp": {"/scratch": 1}, "volumes": {"/data": %q, "/conf": %q}}}`, bench.dir+"/bin", bench.workload))
	if err != nil {
		return nil, "", "", err
	}
	rootfs := filepath.Join(made.dir, "rootfs")
	path = filepath.Join(rootfs, c.place.path)
	other = path + ".other"
	if !c.bare {
		err = made.dress("full")
		for _, p := range places[1:] {
			err = errors.Join(err, p.make(rootfs+p.path))
		}
	}
	// Always there: it is not made.
	err = errors.Join(err, os.MkdirAll(rootfs+"/work", 0o755), os.MkdirAll(filepath.Dir(path), 0o755))
	if err != nil {
		return nil, "", "", err
	}
	if c.swap {
		return made, path, other, errors.Join(c.place.make(path), c.plant(other, canary))
	}
	return made, path, other, errors.Join(os.RemoveAll(path), c.plant(path, canary))
}

// make makes the harmless thing, unless it is there.
func (p place) make(path string) error {
	if !p.isFile {
		return os.MkdirAll(path, 0o755)
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644))
}

// want returns what the start comes to when nobody swaps: a regular expression
// for the error, or "" if the container comes up.
func (c cell) want() string {
	isLink := c.kind == "absolute" || c.kind == "relative" || c.kind == "dangling"
	loop := c.kind == "looping"
	errno := "not a directory"
	if loop {
		errno = "too many levels of symbolic links"
	}
	switch c.place.path {
	case "/": // the agent's own link; the canary is a rootfs without a program
		if c.kind == "dangling" {
			return "open rootfs: no such file or directory"
		}
		if isLink {
			return "(enter workdir: chdir /work|exec /bin/workload): no such file or directory"
		}
		return "open rootfs: " + errno
	case "/proc", "/sys", "/dev": // a link to any place is refused
		return "mount root: open " + c.place.path + ": not a directory"
	case "/dev/pts": // that of the rootfs is never looked at
		return ""
	case "/work":
		if isLink { // inside there is nothing where it leads to
			errno = "no such file or directory"
		}
		return "enter workdir: chdir /work: " + errno
	}
	switch {
	case isLink: // what is missing is made, inside
		return ""
	case loop:
		return "mount root: mount /[a-z./]+: open " + c.place.path + "[a-z./]*: too many levels of symbolic links"
	case c.place.path == "/etc":
		return "mount root: mount /etc/resolv.conf: open /etc/resolv.conf: not a directory"
	case c.place.isFile: // a file can be mounted on anything that is no directory
		return ""
	case c.place.path == "/data":
		return "mount /data from " + bench.dir + "/bin: not a directory"
	}
	return "mount " + c.place.path + ": not a directory"
}

// inside are the mounts that a container of the corpus has, whatever it found
// in its rootfs; where, is the rootfs' business.
var inside = []string{
	`^mount /proc: proc `, `^mount /sys: sysfs ro,`, `^mount /dev: tmpfs ro,`, `^mount /dev/pts: devpts `, `^mount /dev/shm: tmpfs `,
	`^mount /\S+: \S+ \S*nosuid,nodev\S* .* from \S*/bin$`, `^mount /\S+: \S+ \S*nosuid,nodev\S* .* from \S*/bin/workload$`,
	`^mount /\S+: \S+ ro,nosuid,nodev,noexec\S* .* from \S*resolv`, `^mount /\S+: tmpfs rw,nosuid,nodev,noexec\S* .*size=1024k`,
}

// try starts the container once, and looks at what came of it.
func (c cell) try(canary *canary, name string) error {
	made, path, other, err := c.make(canary, name)
	if err != nil {
		return err
	}
	stop := func() {}
	if c.swap {
		stop = swap(path, other)
	}
	errText, output, err := made.attempt(launch{command: []string{"/bin/workload", "mounts"}}, func() error {
		stop()
		return nil
	})
	stop()
	return errors.Join(err, c.judge(errText, output), canary.touched())
}

// judge compares what became of the start with what should have.
func (c cell) judge(errText, output string) error {
	want := c.want()
	switch {
	case c.swap && errText != "":
		// Of a race any end will do that says where it was lost.
		return match(`^start container: init: [a-z -]+(/\S+)?( from \S+)?: `, errText)
	case c.swap:
		return nil
	case want != "" || errText != "":
		if !regexp.MustCompile("^start container: init: " + want + "$").MatchString(errText) {
			return fmt.Errorf("err = %q, want %q", errText, want)
		}
		return nil
	}
	for _, mount := range inside {
		if _, err := os.Stat("/etc/resolv.conf"); err != nil && strings.Contains(mount, "resolv") {
			continue
		}
		if err := match(mount, output); err != nil {
			return err
		}
	}
	return nil
}

// swap exchanges two paths, again and again, until the function that it returns
// is called.
func swap(path, other string) (stop func()) {
	done := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				// A mount point of this namespace it is not: it always works.
				_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		swapper.Wait()
	})
}

// TestHostileRootfs goes through the corpus. A container comes up with all that
// it should have inside, or says at which step and path it did not; and on the
// host nothing has changed.
func TestHostileRootfs(t *testing.T) {
	needRoot(t)
	canary := newCanary(t)
	for _, c := range slices.Concat(corpus(false)) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			if err := c.try(canary, "hostile-"+c.String()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHostileSwap: the same, while a process exchanges the hostile thing and a
// harmless one as fast as it can.
func TestHostileSwap(t *testing.T) {
	needRoot(t)
	canary := newCanary(t)
	cells := slices.Concat(corpus(true))
	// Half of them. Each spins, and some machines have two CPUs.
	repeat(t, manyRounds(len(cells)/2, len(cells)/8), 2, func(i int) error {
		c := cells[(i*7)%len(cells)] // of each kind some
		if err := c.try(canary, fmt.Sprintf("hostile-%v-%d", c, i)); err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
		return nil
	})
}
