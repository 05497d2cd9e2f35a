package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// makeContainer makes a run directory. The keys:
//
//	rootfs=full  with mount points; host: with the host's programs; none: without
//	dir=PATH     where it is; length=N: N bytes below it
//	agent=FILE   the agent.json as it is
//	id=ID        instead of one that is unique
//	parent=PATH  of its cgroup
//
// The last argument may be the fields of the agent.json that are not default.
func (b *bed) makeContainer(ts *testscript.TestScript, args []string) error {
	name := args[0]
	dir, id, literal, rootfs, agent, parent := ts.MkAbs(name), b.script+"-"+name, "", "", "", bench.parent
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch {
		case strings.HasPrefix(arg, "{"):
			literal = arg
		case key == "rootfs":
			rootfs = value
		case key == "dir":
			dir = ts.MkAbs(value)
		case key == "length":
			n, err := strconv.Atoi(value)
			if err != nil {
				return err
			}
			dir = pad(dir, n)
		case key == "agent":
			agent = ts.ReadFile(value)
		case key == "id":
			id = value
		case key == "parent":
			parent = value
		default:
			return fmt.Errorf("unknown argument %q", arg)
		}
	}
	c, err := newContainer(dir, id, literal)
	if err != nil {
		return err
	}
	c.name, c.parent = name, parent
	b.containers[name] = c
	ts.Setenv(name, dir)
	ts.Setenv(name+"_id", c.id)
	return errors.Join(c.dress(rootfs), c.rewrite(agent))
}

// pad makes a path n bytes long.
func pad(path string, n int) string {
	for len(path) < n {
		path += "/" + strings.Repeat("d", max(1, min(200, n-len(path)-1)))
		if n-len(path) == 1 { // no room for a slash and a letter
			path += "d"
		}
	}
	return path
}

// dress gives the container a rootfs of another kind.
func (c *container) dress(rootfs string) error {
	path := filepath.Join(c.dir, "rootfs")
	switch rootfs {
	case "":
		return nil
	case "host":
		return c.useHost()
	case "none":
		return os.RemoveAll(path)
	case "full":
		for _, dir := range []string{"proc", "sys", "dev", "etc", "tmp", "data"} {
			if err := os.Mkdir(filepath.Join(path, dir), 0o755); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(path, "etc/resolv.conf"), nil, 0o644)
	}
	return fmt.Errorf("unknown rootfs %q", rootfs)
}

// rewrite replaces the agent.json.
func (c *container) rewrite(agent string) error {
	if agent == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(c.dir, "agent.json"), []byte(agent), 0o600)
}

// cgroupHas looks for a line in a file of the container's cgroup.
func (b *bed) cgroupHas(args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	text, err := c.cgroupFile(strings.Split(args[1], ",")...)
	if err != nil {
		return err
	}
	return match(args[2], text)
}

// match returns errAbsent if the text does not match.
func match(pattern, text string) error {
	re, err := regexp.Compile("(?m)" + pattern)
	if err != nil {
		return err
	}
	if !re.MatchString(text) {
		return fmt.Errorf("%w for %s in:\n%s", errAbsent, pattern, text)
	}
	return nil
}

func (b *bed) processes(_ *testscript.TestScript, args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	return poll(patience, func() error {
		if pids := c.processes(); strconv.Itoa(len(pids)) != args[1] {
			return fmt.Errorf("processes %q, want %s", pids, args[1])
		}
		return nil
	})
}

// squat puts a process that is no container's into the cgroup, in all
// hierarchies, as somebody would who uses the same name.
func (b *bed) squat(ts *testscript.TestScript, args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	cmd := exec.Command(bench.workload, "sleep", "1h")
	if err := cmd.Start(); err != nil {
		return err
	}
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it sleeps
		_ = cmd.Wait()         // of the signal
		for _, dir := range c.cgroup() {
			_ = poll(patience, func() error { // what stays is seen by the next look at the host
				removeTree(dir)
				_, err := os.Stat(dir)
				if err == nil {
					return errors.New("it is still there")
				}
				return nil
			})
		}
	})
	for _, mount := range cgroupMounts() {
		dir := filepath.Join(mount, c.parent, c.id)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
			// cpuset takes nobody before it has CPUs; it is none of the supervisor's.
			_ = os.Remove(dir)
		}
	}
	return nil
}

func (b *bed) freeze(ts *testscript.TestScript, args []string) error {
	ts.Defer(func() { _ = setFrozen(args[0], false) }) // it may be gone
	return setFrozen(args[0], true)
}

func (b *bed) thaw(_ *testscript.TestScript, args []string) error {
	return setFrozen(args[0], false)
}

// nest moves the container's processes into a sub-cgroup of its own, where it can
// be frozen.
func (b *bed) nest(_ *testscript.TestScript, args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	for _, mount := range cgroupMounts() {
		if file, _ := freezerFile(mount, true); file == "" {
			continue
		}
		dir := filepath.Join(mount, c.parent, c.id)
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return err
		}
		below := filepath.Join(dir, args[1])
		if err := os.MkdirAll(below, 0o755); err != nil {
			return err
		}
		for _, pid := range strings.Fields(string(text)) {
			if err := os.WriteFile(filepath.Join(below, "cgroup.procs"), []byte(pid), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// tree lists a directory with all that a write to it would change.
func (b *bed) tree(ts *testscript.TestScript, args []string) error {
	var list strings.Builder
	top := ts.MkAbs(args[0])
	err := filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s %o %d:%d %d bytes, written %d.%09d\n", path[len(top):], st.Mode, st.Uid, st.Gid, st.Size, st.Mtim.Sec, st.Mtim.Nsec)
		return nil
	})
	return errors.Join(err, os.WriteFile(ts.MkAbs(args[1]), []byte(list.String()), 0o644))
}

func (b *bed) isJSON(ts *testscript.TestScript, args []string) error {
	var value any
	return json.Unmarshal([]byte(ts.ReadFile(args[0])), &value)
}

func (b *bed) staleSocket(ts *testscript.TestScript, args []string) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: ts.MkAbs(args[0])})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}
