package nsinit

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenOutside: a path of the host is what it is for everybody, but that links in a
// volume lead no further than that.
func TestOpenOutside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"volume/sub/deep", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "volume/file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"alias": "volume", "absolute": dir + "//volume/", "loop": "loop", "up": "other/..",
		"volume/in": "/sub", "volume/out": dir + "/other", "volume/climb": "../../../../other", "volume/near": "../other", "volume/loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var st unix.Stat_t
	if err := unix.Stat("volume", &st); err != nil {
		t.Fatal(err)
	}
	volumes := []volume{{0, st.Dev, st.Ino}}
	if err := unix.Stat(".", &st); err != nil {
		t.Fatal(err)
	}
	// A link in the volume has led up here, so that this is taken for one, too.
	misled := append([]volume{{1, st.Dev, st.Ino}}, volumes...)
	for _, path := range []string{dir + "/volume/near", dir + "/alias/near", "volume/near"} {
		if _, err := openOutside(path, misled); err != unix.ENOENT {
			t.Errorf("openOutside(%q) = %v among volumes of which one has been misled, want ENOENT", path, err)
		}
	}
	for _, test := range []struct {
		path, want string
		err        error
	}{
		{"other", "other", nil},
		{dir + "/other", "other", nil},
		{"//" + dir + "///other/.//", "other", nil},
		{"other/../volume", "volume", nil},
		{"up/other", "other", nil},
		{"alias", "volume", nil},
		{"absolute/sub", "volume/sub", nil},
		{dir + "//alias//sub///deep", "volume/sub/deep", nil},
		{"/proc/self/cwd/alias/file", "volume/file", nil},
		{"volume/file", "volume/file", nil},
		{"alias/in", "volume/sub", nil},
		{dir + "/volume/in/deep", "volume/sub/deep", nil},
		{"volume/out", "", unix.ENOENT},
		{"alias/climb", "", unix.ENOENT},
		{"/proc/self/cwd/absolute/out", "", unix.ENOENT},
		{"volume/loop", "", unix.ELOOP},
		{"loop", "", unix.ELOOP},
		{"none", "", unix.ENOENT},
		{"volume/none", "", unix.ENOENT},
		{"volume/file/x", "", unix.ENOTDIR},
	} {
		fd, err := openOutside(test.path, volumes)
		if err != test.err {
			t.Errorf("openOutside(%q) = %v, want %v", test.path, err, test.err)
		}
		if err == nil {
			if got, _ := os.Readlink(fdPath(fd)); got != filepath.Join(dir, test.want) {
				t.Errorf("openOutside(%q) = %s, want %s", test.path, got, test.want)
			}
			unix.Close(fd)
		}
	}
}
