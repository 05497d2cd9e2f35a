package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestHold: a file that is replaced is kept until it is let go.
func TestHold(t *testing.T) {
	t.Chdir(t.TempDir())
	f, err := os.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := runDir{f}
	d.hold(resolvedName)() // there is none
	if err := os.WriteFile(resolvedName, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	letGo := d.hold(resolvedName)
	if err := d.describe(nil); err != nil {
		t.Fatal(err)
	}
	kept := func() (n int) {
		list, err := filepath.Glob(descriptorsDir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range list {
			if file, _ := os.Readlink(fd); strings.HasSuffix(file, resolvedName+" (deleted)") {
				n++
			}
		}
		return n
	}
	if got := kept(); got != 1 {
		t.Errorf("held %d times", got)
	}
	letGo()
	if got := kept(); got != 0 {
		t.Errorf("let go, and held %d times", got)
	}
}

// TestLockRunDir: a lock that was left to somebody for a moment, as to a child that has yet
// to execute, is waited for; one that stays is not. Whether its process lives is told.
func TestLockRunDir(t *testing.T) {
	t.Chdir(t.TempDir())
	for {
		heir, err := os.Open(".")
		if err != nil {
			t.Fatal(err)
		}
		locker := exec.Command("flock", "3")
		locker.ExtraFiles = []*os.File{heir}
		if err := locker.Run(); err != nil {
			heir.Close()
			t.Fatal(err)
		}
		if _, err := tryLockRunDir(0); err != errLocked {
			t.Errorf("of a locked directory: %v, want %v", err, errLocked)
		}
		if lockerLives() {
			t.Error("flock, which has ended, lives")
		}
		got, begin := make(chan error, 1), time.Now()
		go func() {
			d, err := lockRunDir(nil)
			d.Close() // without a file nothing happens
			got <- err
		}()
		<-time.After(300 * time.Millisecond)
		heir.Close()
		inTime := time.Since(begin) < lockPatience
		if err := <-got; err == nil {
			break
		} else if inTime {
			t.Fatalf("of a directory that was locked for a moment: %v", err)
		}
	}
	d, err := lockRunDir(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if !lockerLives() {
		t.Error("this process, which has locked the directory, does not live")
	}
	if d, err := lockRunDir(nil); err != errLocked {
		d.Close()
		t.Errorf("of a directory that somebody has: %v, want %v", err, errLocked)
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
