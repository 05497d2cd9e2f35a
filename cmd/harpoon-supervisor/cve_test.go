package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Attacks that have worked on other runtimes, each by its name.

// TestCVE_2021_30465: the destination of a volume is in another volume, where it is
// exchanged for a link to the root of the host's tree.
func TestCVE_2021_30465(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	shared := sharedVolume(t, all(dirs("place"), link("/", "link"), link("../../../../../../.."+c.top, "other")))
	for _, other := range []string{"/link", "/other"} {
		attack{
			config:  fmt.Sprintf(`{"storage": {"volumes": {"/vol": %q, "/vol/place": %q}}}`, shared, bench.dir+"/bin"),
			command: []string{"/bin/workload", "mounts", "then", "list", "/vol", "then", "cat", c.top + "/file"},
			swap:    [2]string{shared + "/place", shared + other},
			want: []string{
				`(?s)^mount /: .*mount /\S+: \S+ rw,nosuid,nodev.* from \S*/bin\n.*cat \S+/file: ENOENT\n$`, // where it leads to, inside
				`^start container: init: mount /vol/place from \S+: operation not permitted \(it leads to the container's own /\)$`,
				`^start container: init: mount /vol/place from \S+: open /vol/place: no such file or directory \(nothing is made in a volume, /proc or /sys\)$`,
				`^start container: init: check mounts: /vol/place is hidden .*, or was exchanged$`,
			},
		}.again(t, c)
	}
}

// TestCVE_2024_45310: what is missing for a mount is made in a volume, in which a
// directory of the way is exchanged for a link.
func TestCVE_2024_45310(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	shared := sharedVolume(t, all(dirs("way"), link(c.top+"/dir", "link")))
	attack{
		config:  fmt.Sprintf(`{"storage": {"volumes": {"/vol": %q}, "tmp": {"/vol/way/new/deep": 1}}}`, shared),
		command: []string{"/bin/workload", "exit", "0"},
		swap:    [2]string{shared + "/way", shared + "/link"},
		// Where the link leads to is inside, and nothing that is ours.
		want: []string{
			`^start container: init: mount /vol/way/new/deep: open /vol/way/new/deep: no such file or directory`,
			`^start container: init: check mounts: /vol/way/new/deep is hidden .*, or was exchanged$`,
			`^$`,
		},
	}.again(t, c)
	for _, name := range []string{"/way", "/link"} {
		if _, err := os.Readlink(shared + name); err == nil {
			continue
		}
		if entries, err := os.ReadDir(shared + name); err != nil || len(entries) > 0 {
			t.Errorf("made %v, %v in the volume", entries, err)
		}
	}
}

// TestCVE_2026_41579: /dev is a link, and so the links and nodes of /dev would be
// made, and a ptmx removed, where it leads to.
func TestCVE_2026_41579(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	a := attack{
		command: []string{"/bin/workload", "mounts"},
		prepare: link(c.top+"/dir", "dev"),
		want:    []string{`^start container: init: mount root: open /dev: not a directory$`},
	}
	if err := a.run(c, t.Name()); err != nil {
		t.Error(err)
	}
	a.prepare = all(dirs("dev"), link(c.top+"/dir", "other"))
	a.swap = [2]string{"/dev", "/other"}
	a.want = append(a.want, `^start container: init: mount /dev: open /dev: not a directory$`, `(?m)^mount /(dev|other)/pts: devpts `)
	a.again(t, c)
}

// TestCVE_2023_27561: /proc is a link to a directory of the image, so that what
// is masked and written in /proc is the attacker's; as in CVE-2019-19921.
func TestCVE_2023_27561(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	for name, kind := range map[string]string{"proc": "proc", "sys": "sysfs"} {
		a := attack{
			command: []string{"/bin/workload", "mounts"},
			prepare: all(dirs("evil/self/attr"), link("evil", name)),
			want:    []string{`^start container: init: mount root: open /` + name + `: not a directory$`},
		}
		if err := a.run(c, t.Name()+name); err != nil {
			t.Error(err)
		}
		a.prepare = all(dirs("evil/self/attr", name), link("evil", "other"))
		a.swap = [2]string{"/" + name, "/other"}
		a.want = append(a.want, `^start container: init: mount /`+name+`: open /`+name+`: not a directory$`,
			`(?m)^mount /(`+name+`|other): `+kind+` `, // never on evil, as the mount point moves with its directory
			`^workload: open /proc/self/mountinfo: `)
		t.Run(name, func(t *testing.T) { a.again(t, c) })
	}
}

// TestCVE_2025_31133: the null device with which files are masked is somebody
// else's file.
func TestCVE_2025_31133(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	for i, evil := range []func(string) error{link("/proc/sys/kernel/core_pattern", "dev/null"), link(c.top+"/file", "dev/null"), link("/proc/self/fd/3", "dev/null")} {
		err := attack{
			command: []string{"/bin/workload", "stat", "/dev/null", "/proc/interrupts", "then", "cat", "/proc/interrupts"},
			prepare: all(dirs("dev"), evil),
			want:    []string{`^stat /dev/null: char 0666 0:0 device 1,3\nstat /proc/interrupts: char 0666 0:0 device 1,3\n$`},
		}.run(c, fmt.Sprintf("%s-%d", t.Name(), i))
		if err != nil {
			t.Error(err)
		}
	}
}

// TestCVE_2025_52881: the rootfs has a /proc of its own making, which is exchanged
// for an empty directory meanwhile: what is written to /proc goes there.
func TestCVE_2025_52881(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	files := []string{"self/attr/exec", "self/fd/0", "sys/kernel/core_pattern", "sysrq-trigger", "keys"}
	fake := func(rootfs string) error {
		for _, file := range files {
			path := filepath.Join(rootfs, "fake", file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte("fake"), 0o666); err != nil {
				return err
			}
		}
		return nil
	}
	attack{
		config:  `{"storage": {"tmp": {"/tmp": 1}}}`,
		command: []string{"/bin/workload", "mounts"},
		prepare: all(dirs("proc", "sys", "dev", "tmp", "etc"), fake),
		swap:    [2]string{"/proc", "/fake"},
		check: func(rootfs string) error {
			for _, file := range files {
				found := false
				for _, dir := range []string{"proc", "fake"} { // as it happened to be exchanged
					text, err := os.ReadFile(filepath.Join(rootfs, dir, file))
					found = found || err == nil && string(text) == "fake"
				}
				if !found {
					return fmt.Errorf("%s has been written to", file)
				}
			}
			return nil
		},
		// Wherever its mount point is by now: it is procfs that was masked.
		want: []string{`(?m)^mount /(proc|fake)/sys: proc ro,`, `^workload: open /proc/self/mountinfo: `},
	}.again(t, c)
}

// TestCVE_2024_21626: the working directory, or the command, is reached by a
// descriptor that leads out of the root.
func TestCVE_2024_21626(t *testing.T) {
	needRoot(t)
	c := newCanary(t)
	var leak []*os.File
	for range 12 {
		f, err := os.Open(c.top)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		leak = append(leak, f)
	}
	repeat(t, 8, 4, func(i int) error {
		n := 2*i + 1 // some of those that are open, in either half, and some that are not
		fd := fmt.Sprintf("/proc/self/fd/%d", n)
		for j, dir := range []string{fd, "/link", fd + "/dir", "/proc/1/fd/" + fmt.Sprint(n), "/proc/self/cwd", fd + "/../.."} {
			err := attack{
				config:  fmt.Sprintf(`{"command": {"working_dir": %q}}`, dir),
				command: []string{"/bin/workload", "cwd", "then", "list", "."},
				prepare: link(fd, "link"),
				leak:    leak,
				want: []string{
					`^start container: init: enter workdir: chdir \S+: (no such file or directory|not a directory|permission denied|operation not permitted)$`,
					`^cwd: /(proc(/\d+(/fd)?)?)?\n`, // inside
				},
			}.run(c, fmt.Sprintf("%s-%d-%d", t.Name(), i, j))
			if err != nil {
				return fmt.Errorf("working directory %s: %w", dir, err)
			}
		}
		err := attack{ // the one descriptor that stays
			config:  `{"command": {"working_dir": "/proc/self/fd/0"}}`,
			command: []string{"/bin/workload", "cwd"},
			stdin:   leak[0],
			want:    []string{`^start container: init: own streams: descriptor 0: is a directory `},
		}.run(c, fmt.Sprintf("%s-%d-stdin", t.Name(), i))
		if err != nil {
			return err
		}
		err = attack{
			command: []string{fd + "/../bin/harpoon-supervisor", "--version"},
			leak:    leak,
			want:    []string{`^start container: init: exec \S+: (no such file or directory|not a directory|permission denied)`},
		}.run(c, fmt.Sprintf("%s-%d-command", t.Name(), i))
		if err != nil {
			return fmt.Errorf("command below %s: %w", fd, err)
		}
		return nil
	})
}
