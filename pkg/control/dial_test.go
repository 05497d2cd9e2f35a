package control

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestDialWaits lets the socket appear while Dial waits, in the ways it may.
func TestDialWaits(t *testing.T) {
	tests := []struct {
		name string
		// before prepares dir; what it returns makes the socket answer.
		before func(t *testing.T, dir string) func(path string)
	}{
		{"no directory", func(t *testing.T, dir string) func(string) {
			os.Remove(dir)
			return func(path string) { os.Mkdir(dir, 0o700); listen(t, path) }
		}},
		{"no socket", func(t *testing.T, dir string) func(string) {
			return func(path string) { listen(t, path) }
		}},
		{"stale socket", func(t *testing.T, dir string) func(string) {
			l := listen(t, filepath.Join(dir, "control"))
			l.SetUnlinkOnClose(false)
			l.Close()
			return func(path string) { os.Remove(path); listen(t, path) }
		}},
		{"regular file", func(t *testing.T, dir string) func(string) {
			os.WriteFile(filepath.Join(dir, "control"), nil, 0o600)
			return func(path string) { os.Remove(path); listen(t, path) }
		}},
		{"full backlog", func(t *testing.T, dir string) func(string) {
			return fullBacklog(t, filepath.Join(dir, "control"))
		}},
	}
	for i, test := range tests {
		dir := filepath.Join(t.TempDir(), string(rune('a'+i)))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		appear := test.before(t, dir)
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(dir, "control")
			begun := time.Now()
			time.AfterFunc(time.Second+time.Millisecond, func() { appear(path) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, err := Dial(ctx, path)
			if err != nil {
				t.Errorf("%s: Dial() = %v, want nil", test.name, err)
				return
			}
			c.Close()
			if got, want := time.Since(begun), time.Second+retryInterval; got != want {
				t.Errorf("%s: Dial() took %v, want %v", test.name, got, want)
			}
		})
	}
}

// TestDialDone: a context that is done connects to nobody.
func TestDialDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	listen(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := Dial(ctx, path); c != nil || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), path) {
		t.Errorf("Dial() = %v, %v, want %v", c, err, context.Canceled)
	}
}

// fullBacklog makes a socket that refuses with EAGAIN until what it returns has
// accepted a connection.
func fullBacklog(t *testing.T, path string) func(string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	return func(string) {
		if accepted, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC); err == nil {
			unix.Close(accepted)
		}
	}
}

func TestDialGivesUp(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	l := listen(t, stale)
	l.SetUnlinkOnClose(false)
	l.Close()
	for path, want := range map[string]error{filepath.Join(dir, "none"): unix.ENOENT, stale: unix.ECONNREFUSED} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begun := time.Now()
			_, err := Dial(ctx, path)
			if !errors.Is(err, want) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Dial(%q) = %v, want %v and %v", path, err, want, context.DeadlineExceeded)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "dial "+path+": connect: ") {
				t.Errorf("Dial(%q) = %v, want dial %s: connect: ...", path, err, path)
			}
			if got := time.Since(begun); got != time.Second {
				t.Errorf("Dial(%q) took %v, want 1s", path, got)
			}
		})
	}
}

// TestDialRefuses has errors that waiting does not mend: its context is never done.
func TestDialRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	listen(t, filepath.Join(dir, "control"))
	tests := []struct {
		path string
		want error
	}{
		{filepath.Join(dir, "control\x00x"), unix.EINVAL},
		{filepath.Join(file, "control"), unix.ENOTDIR},
		{filepath.Join(file, strings.Repeat("x/", 60)+"control"), unix.ENOTDIR},
		{filepath.Join(dir, strings.Repeat("x", 200)), unix.ENAMETOOLONG},
		{strings.Repeat("/x", 3000), unix.ENAMETOOLONG},
	}
	for _, test := range tests {
		if c, err := Dial(t.Context(), test.path); !errors.Is(err, test.want) {
			t.Errorf("Dial(%.80q) = %v, %v, want %v", test.path, c, err, test.want)
		}
	}
	if c, err := Dial(t.Context(), ""); err == nil {
		t.Errorf("Dial(\"\") = %v, nil, want an error", c)
	}
}

func TestDialLongPath(t *testing.T) {
	for _, length := range []int{106, 107, 108, 109, 200, 4000} {
		dir := t.TempDir()
		name := "/control"
		for missing := length - len(dir) - len(name); missing > 0; missing = length - len(dir) - len(name) {
			// No name is longer than 255 bytes, and none may be left with one byte to fill.
			n := min(missing, 200)
			if missing-n == 1 {
				n--
			}
			dir += "/" + strings.Repeat("d", n-1)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Run("", func(t *testing.T) {
			t.Chdir(dir)
			l := listen(t, "control")
			path := dir + name
			if len(path) != length {
				t.Fatalf("length of the path = %d, want %d", len(path), length)
			}
			c, err := Dial(testContext(t), path)
			if err != nil {
				t.Fatalf("Dial(path of %d bytes) = %v, want nil", length, err)
			}
			defer c.Close()
			conn, err := l.AcceptUnix()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			write(t, conn, upEvent(length))
			if s, err := c.Next(testContext(t)); s.Restarts != uint64(length) || err != nil {
				t.Errorf("Next() = %d restarts, %v, want %d, nil", s.Restarts, err, length)
			}
		})
	}
}

// TestDialRelativePath has names that package net reads as abstract sockets.
func TestDialRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"control", "@control", "@"} {
		listen(t, "./"+name)
		c, err := Dial(testContext(t), name)
		if err != nil {
			t.Errorf("Dial(%q) = %v, want nil", name, err)
			continue
		}
		c.Close()
	}
}
