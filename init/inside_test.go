package nsinit

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tree makes a root directory from lines of "dir/", "file" and "link -> target",
// and returns its descriptor, its path and its device.
func tree(t *testing.T, lines ...string) (root int, path string, device uint64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(path, 0o755))
	for _, line := range lines {
		name, target, link := strings.Cut(line, " -> ")
		full := filepath.Join(path, name)
		switch {
		case link:
			must(t, os.Symlink(target, full))
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(full, 0o755))
		default:
			must(t, os.WriteFile(full, nil, 0o644))
		}
	}
	root, err := openDir(path)
	must(t, err)
	t.Cleanup(func() { unix.Close(root) })
	var st unix.Stat_t
	must(t, unix.Fstat(root, &st))
	return root, path, st.Dev
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// where returns the path of an open file below root.
func where(t *testing.T, fd int, root string) string {
	t.Helper()
	path, err := os.Readlink(fdPath(fd))
	must(t, err)
	below, ok := strings.CutPrefix(path, root)
	if !ok {
		t.Errorf("%s is not below %s", path, root)
	}
	return below
}

// chain returns lines of tree: a link over so many links in all to "end".
func chain(links int) (lines []string) {
	target := "end"
	for i := range links {
		name := "link" + strconv.Itoa(i+1)
		lines, target = append(lines, name+" -> "+target), name
	}
	return lines
}

func TestOpenInside(t *testing.T) {
	defer unix.Umask(unix.Umask(0)) // as in init
	lines := append(chain(maxLinks+1), "end/",
		"a/b/", "a/file",
		"abs -> /a/b", "rel -> a", "up -> ../../../a", "a/back -> ../a/b",
		"chain -> abs/../file", "self -> self", "ping -> pong", "pong -> ping",
		"dangling -> nowhere/deep", "outside -> /../../../../etc", "root -> /",
	)
	for _, test := range []struct {
		path    string
		missing kind
		want    string
		err     error
	}{
		{"/", nothing, "", nil},
		{"/a/b", nothing, "/a/b", nil},
		{"//a/./b/", nothing, "/a/b", nil},
		{"/a/b/../file", nothing, "/a/file", nil},
		{"/../../a", nothing, "/a", nil},
		{"/abs", nothing, "/a/b", nil},
		{"/rel/b", nothing, "/a/b", nil},
		{"/up/b", nothing, "/a/b", nil},
		{"/a/back", nothing, "/a/b", nil},
		{"/chain", nothing, "/a/file", nil},
		{"/root/root/a", nothing, "/a", nil},
		{"/link40", nothing, "/end", nil}, // path_resolution(7)
		{"/link41", nothing, "", unix.ELOOP},
		{"/self", nothing, "", unix.ELOOP},
		{"/ping", directory, "", unix.ELOOP},
		{"/a/file/x", directory, "", unix.ENOTDIR},
		{"/none", nothing, "", unix.ENOENT},
		{"/dangling", nothing, "", unix.ENOENT},
		{"/none/deep", directory, "/none/deep", nil},
		{"/none/file", file, "/none/file", nil},
		{"/a/b", file, "/a/b", nil}, // exists: left as it is
		{"/dangling", directory, "/nowhere/deep", nil},
		{"/dangling", file, "/nowhere/deep", nil},
		{"/outside/passwd", file, "/etc/passwd", nil},
	} {
		root, path, device := tree(t, lines...)
		fd, err := openInside(root, test.path, test.missing, []uint64{device})
		if !errors.Is(err, test.err) || (err != nil) != (test.err != nil) {
			t.Errorf("openInside(%s, %d) = %v, want %v", test.path, test.missing, err, test.err)
		}
		if err == nil {
			if got := where(t, fd, path); got != test.want {
				t.Errorf("openInside(%s, %d) = %s, want %s", test.path, test.missing, got, test.want)
			}
			var st unix.Stat_t
			must(t, unix.Fstat(fd, &st))
			if st.Mode&0o022 != 0 {
				t.Errorf("openInside(%s, %d): mode %o, others can write", test.path, test.missing, st.Mode)
			}
			unix.Close(fd)
		}
	}
}

// TestOpenInsideWritesNothingForeign: what is missing is made only in
// filesystems that are ours.
func TestOpenInsideWritesNothingForeign(t *testing.T) {
	root, path, _ := tree(t, "a/", "dangling -> a/b/c")
	for _, name := range []string{"/x", "/a/x", "/dangling"} {
		for _, missing := range []kind{directory, file} {
			if _, err := openInside(root, name, missing, nil); !errors.Is(err, unix.ENOENT) {
				t.Errorf("openInside(%s, %d) = %v, want ENOENT", name, missing, err)
			}
		}
	}
	entries, err := os.ReadDir(path)
	must(t, err)
	if below, _ := os.ReadDir(path + "/a"); len(entries) != 2 || len(below) != 0 {
		t.Errorf("made %v, %v", entries, below)
	}
}

func TestOpenInsideLeaksNothing(t *testing.T) {
	root, _, device := tree(t, "a/b/", "l -> a/b/../../a/b", "loop -> loop")
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(entries)
	}
	before := count()
	for _, path := range []string{"/l", "/loop", "/none", "/a/b/../../../.."} {
		if fd, err := openInside(root, path, nothing, nil); err == nil {
			unix.Close(fd)
		}
	}
	if fd, err := openInside(root, "/new/deep", directory, []uint64{device}); err == nil {
		unix.Close(fd)
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors, want %d", after, before)
	}
}

// TestOpenInsideSwapped: while a directory and a link that leads out of the root
// are exchanged, whatever is opened or made is inside.
func TestOpenInsideSwapped(t *testing.T) {
	root, path, device := tree(t, "a/b/", "dir/", "dir/b/", "dir/up/", "a/up -> ../../../..")
	outside := filepath.Join(filepath.Dir(path), "outside")
	must(t, os.MkdirAll(outside+"/b", 0o755))
	must(t, os.Symlink(outside, path+"/link"))
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, path+"/dir", unix.AT_FDCWD, path+"/link", unix.RENAME_EXCHANGE) // always works
			}
		}
	}()
	for range 500 {
		for _, name := range []string{"/dir/b", "/link/b", "/a/up/dir/b", "/dir/new/deep"} {
			fd, err := openInside(root, name, directory, []uint64{device})
			if err != nil {
				continue // lost the race
			}
			where(t, fd, path)
			unix.Close(fd)
		}
	}
	close(done)
	<-stopped
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside holds %v, %v, want b alone", entries, err)
	}
}

// TestFollowLinkless: a link is refused wherever it is.
func TestFollowLinkless(t *testing.T) {
	root, path, _ := tree(t, "a/b/", "a/file", "a/link -> b", "link -> a")
	for _, test := range []struct {
		path string
		want string
		err  error
	}{
		{"a", "/a", nil},
		{"a/b", "/a/b", nil},
		{"a/file", "/a/file", nil},
		{"link", "", unix.ELOOP},
		{"link/b", "", unix.ELOOP},
		{"a/link", "", unix.ELOOP},
		{"none", "", unix.ENOENT},
		{"a/none", "", unix.ENOENT},
	} {
		w := walk{root: root, linkless: true}
		fd, err := w.follow(test.path, nothing)
		if err != test.err {
			t.Errorf("follow(%s) = %v, want %v", test.path, err, test.err)
		}
		if err == nil {
			if got := where(t, fd, path); got != test.want {
				t.Errorf("follow(%s) = %s, want %s", test.path, got, test.want)
			}
			unix.Close(fd)
		}
	}
}
