package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCVE_2019_5736: what init's /proc/PID/exe leads to cannot be written to, by
// root, neither while init is there nor, through a descriptor that was taken
// then, when nobody executes it any more. The script of the same name has the
// commands that are /proc/self/exe.
func TestCVE_2019_5736(t *testing.T) {
	needRoot(t)
	before, err := os.ReadFile(bench.supervisor)
	if err != nil {
		t.Fatal(err)
	}
	for i, via := range [][]string{
		nil,
		{bench.workload, "deny", "ENOSYS", "open_tree,mount_setattr"},
		{bench.workload, "deny", "EPERM", "open_tree,mount_setattr"},
	} {
		binary := filepath.Join(t.TempDir(), "supervisor")
		if err := os.WriteFile(binary, before, 0o755); err != nil {
			t.Fatal(err)
		}
		kept := keepInit(t, i, launch{binary: binary, via: via, command: []string{"/bin/workload", "exit", "0"}})
		// Nobody executes it now: that it is busy protects it no more.
		if err := kept.refusesWriting(); err != nil {
			t.Errorf("via %q, after init: %v", via, err)
		}
		if after, err := os.ReadFile(binary); err != nil || !bytes.Equal(before, after) {
			t.Errorf("via %q: the binary has changed (%v)", via, err)
		}
	}
}

// exeHandle is a descriptor of init's executable file.
type exeHandle struct{ fd int }

// keepInit starts a container, stops its init while it sets up, tries to write to
// its executable file, and returns a descriptor of that when all is over.
func keepInit(t *testing.T, i int, l launch) exeHandle {
	t.Helper()
	// So many mounts that init is still at them when it is found.
	var tmp []string
	for n := range 1000 {
		tmp = append(tmp, fmt.Sprintf(`"/tmp/%d": 1`, n))
	}
	c, err := aContainer(t, i, `{"storage": {"tmp": {"/tmp": -1, `+strings.Join(tmp, ",")+`}}}`)
	if err != nil {
		t.Fatal(err)
	}
	s := launched(t, c, l)
	pid := s.stopInit(t)
	h := exeHandle{-1}
	if h.fd, err = unix.Open(fmt.Sprintf("/proc/%d/exe", pid), unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(h.fd) })
	if err := h.refusesWriting(); err != nil {
		t.Errorf("via %q, while init is there: %v", l.via, err)
	}
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	client := dialed(t, c)
	if last, err := client.finalState(); err != nil {
		t.Fatal(err)
	} else if err := last.meets([]string{"container_exit_status.exited=true", "!err"}); err != nil {
		t.Error(err)
	}
	if err := s.exit(client); err != nil {
		t.Fatal(err)
	}
	return h
}

// stopInit stops the supervisor's child while that makes mounts.
func (s *supervisor) stopInit(t *testing.T) (pid int) {
	t.Helper()
	err := poll(patience, func() error {
		cloned := s.clones()
		if len(cloned) != 1 {
			return fmt.Errorf("children: %d", cloned)
		}
		pid = cloned[0]
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err == nil && !strings.HasPrefix(string(name), "/mount ") {
			err = fmt.Errorf("child is in %q", name)
		}
		return err
	})
	if err != nil {
		log, _ := os.ReadFile(s.logPath())
		t.Fatalf("%v\nsupervisor.log:\n%s", err, log)
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := poll(patience, func() error { return stopped(pid) }); err != nil {
		t.Fatal(err)
	}
	return pid
}

// refusesWriting tries to get a descriptor that can be written to. Of a sealed
// copy there may be one, which takes nothing.
func (h exeHandle) refusesWriting() error {
	path := fmt.Sprintf("/proc/self/fd/%d", h.fd)
	var errs []error
	for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_WRONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_APPEND} {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if n, err := unix.Write(fd, []byte("#!")); err == nil {
			errs = append(errs, fmt.Errorf("opened with %#x, %d bytes are written", flags, n))
		}
		if _, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			errs = append(errs, fmt.Errorf("opened with %#x, it can be mapped for writing", flags))
		}
		if seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil || seals&unix.F_SEAL_WRITE == 0 {
			errs = append(errs, fmt.Errorf("opened with %#x, and no sealed copy: %v", flags, err))
		}
		unix.Close(fd)
	}
	if err := unix.Truncate(path, 0); err == nil {
		errs = append(errs, errors.New("truncated"))
	}
	return errors.Join(errs...)
}
