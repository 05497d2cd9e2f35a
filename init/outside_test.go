package nsinit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// TestOpenOutside: a path of the host is what it is for everybody, but that links in a
// volume lead no further than that.
func TestOpenOutside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"volume/sub/deep", "other", "end", "gone"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range chain(maxLinks + 1) {
		name, target, _ := strings.Cut(line, " -> ")
		must(t, os.Symlink(target, filepath.Join(dir, name)))
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
	gone, err := os.Open(filepath.Join(dir, "gone"))
	must(t, err)
	defer gone.Close()
	must(t, os.Remove(gone.Name()))
	t.Chdir(dir)
	c := container{mounts: []mount{{Mount: syncpipe.Mount{Source: "volume"}}}}
	volumes := c.openVolumes()
	defer closeVolumes(volumes)
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
		{fdPath(int(gone.Fd())), "gone (deleted)", nil}, // the link's text leads nowhere
		{"link40", "end", nil},
		{"link41", "", unix.ELOOP},
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
		outside(t, test.path, others{volumes, nobody}, filepath.Join(dir, test.want), test.err)
	}
}

// outside checks what a path opens.
func outside(t *testing.T, path string, volumes others, want string, wantErr error) {
	t.Helper()
	fd, err := openOutside(path, volumes)
	if err != wantErr {
		t.Errorf("openOutside(%q) = %v, want %v", path, err, wantErr)
	}
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if got, _ := os.Readlink(fdPath(fd)); got != want {
		t.Errorf("openOutside(%q) = %s, want %s", path, got, want)
	}
}

// TestMisledVolume: a volume's source in another volume may lead anywhere. What it leads to
// bounds nothing, and nothing else is led elsewhere by it.
func TestMisledVolume(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"real/a/sub", "srv", "other/x", "plain/sub"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// What the host has configured, and then what the command has made of it.
	for name, target := range map[string]string{"srv/a": dir + "/real/a", "real/a/b": dir + "/srv", "real/a/in": "sub", "plain/l": "/sub"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "srv", dir, "real/a"), 0o755); err != nil {
		t.Fatal(err)
	}
	var c container
	for i, source := range []string{"srv/a", "srv/a/b", "plain"} {
		c.mounts = append(c.mounts, mount{Mount: syncpipe.Mount{Source: filepath.Join(dir, source)}, index: i})
	}
	for range c.mounts { // in any order
		c.mounts = append(c.mounts[1:], c.mounts[0])
		volumes := c.openVolumes()
		for _, test := range []struct {
			path, want string
			err        error
		}{
			{"srv/a", "", unix.ELOOP}, // which of the two has been misled is not known
			{"srv/a/b", "", unix.ELOOP},
			{"plain/l", "plain/sub", nil}, // it has nothing to do with them
			{"real/a", "real/a", nil},
			{"other", "other", nil},
		} {
			o := others{volumes, nobody}
			for _, v := range volumes {
				if v.source == filepath.Join(dir, test.path) {
					o.than = v.index
				}
			}
			outside(t, filepath.Join(dir, test.path), o, filepath.Join(dir, test.want), test.err)
		}
		closeVolumes(volumes)
	}
}

// TestVolumeInVolume: in a volume that the way to another one leads through no link is
// followed, also if it is come to by that way.
func TestVolumeInVolume(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "one/two/sub"), 0o755))
	for _, link := range []string{"one/link", "one/two/link"} {
		must(t, os.Symlink("sub", filepath.Join(dir, link)))
	}
	must(t, os.Mkdir(filepath.Join(dir, "one/sub"), 0o755))
	c := container{mounts: []mount{
		{Mount: syncpipe.Mount{Source: filepath.Join(dir, "one")}, index: 0},
		{Mount: syncpipe.Mount{Source: filepath.Join(dir, "one/two")}, index: 1},
	}}
	volumes := c.openVolumes()
	defer closeVolumes(volumes)
	for path, wantErr := range map[string]error{"one/sub": nil, "one/link": nil, "one/two/sub": nil, "one/two/link": unix.ELOOP} {
		outside(t, filepath.Join(dir, path), others{volumes, nobody}, filepath.Join(dir, strings.Replace(path, "link", "sub", 1)), wantErr)
	}
}
