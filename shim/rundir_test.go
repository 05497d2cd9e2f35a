package shim

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDescribeReplaces: container.json takes the place of a file, or of none, and of no
// directory, whose content stays.
func TestDescribeReplaces(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, content := range []string{"first", "second"} {
		if err := (runDir{}).describe([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(resolvedName); string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
	inside := filepath.Join(resolvedName, "file")
	if err := os.Remove(resolvedName); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (runDir{}).describe(nil); err == nil {
		t.Error("it took the place of a directory")
	}
	if _, err := os.Stat(inside); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir("."); len(list) != 1 {
		t.Errorf("left: %v, %v", list, err)
	}
}

// TestLockRunDir: a lock that is there for a moment, as a child may need to its exec on a
// busy machine, is waited for; one that stays is not.
func TestLockRunDir(t *testing.T) {
	t.Chdir(t.TempDir())
	for {
		other, err := tryLockRunDir(0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tryLockRunDir(0); err != errLocked {
			t.Errorf("of a locked directory: %v, want %v", err, errLocked)
		}
		got, begin := make(chan error, 1), time.Now()
		go func() {
			d, err := lockRunDir()
			d.Close() // without a file nothing happens
			got <- err
		}()
		<-time.After(300 * time.Millisecond)
		other.Close()
		inTime := time.Since(begin) < lockPatience
		if err := <-got; err == nil {
			return
		} else if inTime {
			t.Fatalf("of a directory that was locked for a moment: %v", err)
		}
	}
}

// TestLockDeleted: of a directory that has been deleted there is nothing to be had.
func TestLockDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := unix.Rmdir(dir); err != nil {
		t.Fatal(err)
	}
	if d, err := tryLockRunDir(0); err == nil {
		d.Close()
		t.Error("a deleted directory can be locked")
	}
}
