package main_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestHeldBirth: while the kernel keeps init's execve waiting, and the thread of the
// supervisor that has cloned it, the others go on: a client connects, and TERM ends
// it all at once. (It is a scanner of files here; a frozen cgroup of version 2 and a
// slow disk do the same.)
func TestHeldBirth(t *testing.T) {
	needRoot(t)
	if unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{}) == unix.ENOSYS {
		t.Skip("this kernel executes init from a copy in memory, of which no scanner hears")
	}
	text, err := os.ReadFile(bench.supervisor)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "supervisor") // nobody else's execve is to wait
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	scanner := newScanner(t, binary)
	c, err := aContainer(t, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	// Not executed by this process: its own threads might have to wait.
	s := launched(t, c, launch{binary: binary, via: []string{"env"}, command: []string{"/bin/workload", "sleep", "1h"}})
	scanner.allow(t, scanner.next(t)) // the supervisor
	scanner.next(t)                   // init
	dialed(t, c)
	if err := s.signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := s.end(); err != nil {
		t.Fatal(err)
	}
	if err := c.leftovers(); err != nil {
		t.Error(err)
	}
	const want = "start container: aborted: stop asked"
	if log, err := os.ReadFile(s.logPath()); err != nil || !strings.Contains(string(log), want) {
		t.Errorf("log, %v, want it to say %q:\n%s", err, want, log)
	}
}

// TestHeldAppearance: nothing is executed before the supervisor can be seen: should
// container.json or control fail, there has been no container.
func TestHeldAppearance(t *testing.T) {
	needRoot(t)
	sc := scenario{command: []string{"/bin/workload", "until-term", "0"}}
	c, err := sc.container(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, release, err := sc.start(c, "shim: publish control=hold")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.destroy)
	defer release.Close()
	if err := s.awaitOutput("^fault: shim: publish control$"); err != nil {
		t.Fatal(err)
	}
	if err := poll(patience, func() error {
		for _, pid := range c.processes() {
			if name, _ := os.ReadFile("/proc/" + pid + "/comm"); string(name) == "/exec\n" {
				return nil
			}
		}
		return match("^waiting", s.output.String())
	}); err != nil {
		t.Fatalf("init is not where only the exec is left to it: %v", err)
	}
	<-time.After(200 * time.Millisecond) // which takes a millisecond
	if strings.Contains(s.output.String(), "waiting") {
		t.Error("the command runs, and there is no control yet")
	}
	release.Close()
	if err := s.awaitOutput("^waiting"); err != nil {
		t.Fatal(err)
	}
	s.terminate(t)
}

// scanner is asked by the kernel before a file is executed (fanotify(7)).
type scanner struct{ file *os.File }

func newScanner(t *testing.T, path string) scanner {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC)
	if err == unix.ENOSYS {
		t.Skip("this kernel has no fanotify")
	}
	if err != nil {
		t.Fatal(os.NewSyscallError("fanotify_init", err))
	}
	file := os.NewFile(uintptr(fd), "fanotify")
	t.Cleanup(func() { file.Close() }) // which allows what waits
	err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_EXEC_PERM, unix.AT_FDCWD, path)
	if err == unix.EINVAL {
		t.Skip("this kernel's fanotify gives no permissions")
	}
	if err != nil {
		t.Fatal(os.NewSyscallError("fanotify_mark", err))
	}
	return scanner{file}
}

// next returns the descriptor of the next file that is to be executed.
func (s scanner) next(t *testing.T) int32 {
	t.Helper()
	if err := s.file.SetReadDeadline(time.Now().Add(scaled(patience))); err != nil {
		t.Fatal(err)
	}
	event := make([]byte, unix.FAN_EVENT_METADATA_LEN)
	if _, err := s.file.Read(event); err != nil {
		t.Fatal(err)
	}
	fd := int(int32(binary.NativeEndian.Uint32(event[16:]))) // struct fanotify_event_metadata
	t.Cleanup(func() { unix.Close(fd) })
	return int32(fd)
}

func (s scanner) allow(t *testing.T, fd int32) {
	t.Helper()
	answer := binary.NativeEndian.AppendUint32(nil, uint32(fd))
	if _, err := s.file.Write(binary.NativeEndian.AppendUint32(answer, unix.FAN_ALLOW)); err != nil {
		t.Fatal(err)
	}
}
