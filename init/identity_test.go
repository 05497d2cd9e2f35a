package nsinit

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// The main thread is that of package testing alone. Threads that are changed for good end
// with their goroutines; the main one would stay, and it is the process in /proc/self.
func init() { runtime.LockOSThread() }

// TestWorkingDirOutside: a working directory that is not below the root is refused, by
// whatever way it was reached (CVE-2024-21626).
func TestWorkingDirOutside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for chroot")
	}
	root, outside := t.TempDir(), t.TempDir()
	for dir, want := range map[string]error{root: nil, outside: os.ErrPermission} {
		got := make(chan error)
		go func() {
			runtime.LockOSThread() // it ends with this goroutine, and its root with it
			err := errors.Join(unix.Unshare(unix.CLONE_FS), unix.Chdir(dir), unix.Chroot(root))
			if err == nil {
				c := container{Config: &syncpipe.Config{WorkingDir: "."}}
				err = c.enterWorkingDir()
			}
			got <- err
		}()
		if err := <-got; !errors.Is(err, want) {
			t.Errorf("enterWorkingDir() = %v, want %v", err, want)
		}
	}
}
