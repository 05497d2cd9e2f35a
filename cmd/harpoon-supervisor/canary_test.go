package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// canary is a tree on the host to which hostile links lead. Nothing in it may be
// created, changed or mounted over.
type canary struct {
	top    string
	before []string
}

// newCanary makes the tree: what is looked for in a directory, a file, and a
// mount point. It is gone at the end of the test.
func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{top: filepath.Join(bench.dir, "canary-"+t.Name())}
	for _, dir := range []string{"dir/sub", "mounted"} {
		if err := os.MkdirAll(filepath.Join(c.top, dir), 0o751); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("tmpfs", filepath.Join(c.top, "mounted"), "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(filepath.Join(c.top, "mounted"), 0); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(c.top); err != nil {
			t.Error(err)
		}
	})
	// ptmx and the like is what /dev gets, passwd what /etc has.
	for _, file := range []string{"file", "dir/file", "dir/ptmx", "dir/null", "dir/resolv.conf", "dir/sub/file", "mounted/file"} {
		if err := os.WriteFile(filepath.Join(c.top, file), []byte(file+"\n"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if c.before, err = c.look(); err != nil {
		t.Fatal(err)
	}
	return c
}

// look lists the tree with all that a write to it would change, and what is
// mounted in it.
func (c *canary) look() ([]string, error) {
	var list []string
	err := filepath.WalkDir(c.top, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := ""
		if st.Mode&unix.S_IFMT == unix.S_IFREG {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(content)
		}
		list = append(list, fmt.Sprintf("%s inode %d:%d mode %o owner %d:%d links %d, %d bytes %q, written %d.%09d, changed %d.%09d",
			path, st.Dev, st.Ino, st.Mode, st.Uid, st.Gid, st.Nlink, st.Size, text, st.Mtim.Sec, st.Mtim.Nsec, st.Ctim.Sec, st.Ctim.Nsec))
		return nil
	})
	mounts, mountErr := lines("/proc/self/mountinfo")
	for _, mount := range mounts {
		if strings.Contains(mount, c.top) {
			list = append(list, mount)
		}
	}
	return list, errors.Join(err, mountErr)
}

// touched returns what is not as it was.
func (c *canary) touched() error {
	now, err := c.look()
	if err != nil {
		return err
	}
	return errors.Join(added("new on the host", c.before, now), added("gone on the host", now, c.before))
}
