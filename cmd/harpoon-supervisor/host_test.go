package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// host is what a container could leave on the host.
type host struct {
	mounts      []string    // lines of mountinfo
	children    []string    // processes that became ours, zombies not counted
	descriptors []string    // what they are
	cgroups     []string    // named as our containers
	run         []string    // paths below /run
	keys        []string    // kernel keyrings
	sessions    int         // root's anonymous session keyrings; each container has one
	keysOf      map[int]int // other users' keys, by uid; each container in a user namespace has one
	strangers   int         // user namespaces that are not ours
	harpoon     bool        // the default parent of the cgroups existed
}

// look is lookAtHost for a test.
func look(t *testing.T) host {
	t.Helper()
	h, err := lookAtHost()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func lookAtHost() (h host, err error) {
	if h.mounts, err = lines("/proc/self/mountinfo"); err != nil {
		return h, err
	}
	otherRuns := filepath.Join(filepath.Dir(bench.dir), dirPrefix)
	h.mounts = slices.DeleteFunc(h.mounts, func(mount string) bool {
		return slices.ContainsFunc(ofOthers, func(path string) bool { return strings.Contains(mount, " "+path+"/") }) ||
			strings.Contains(mount, " "+otherRuns) && !strings.Contains(mount, " "+bench.dir+"/")
	})
	if h.children, err = children(); err != nil {
		return h, err
	}
	if h.descriptors, err = descriptors(os.Getpid()); err != nil {
		return h, err
	}
	if h.run, err = pathsInRun(); err != nil {
		return h, err
	}
	if h.keys, err = keyrings(); err != nil {
		return h, err
	}
	if h.keysOf, err = keysOfUsers(); err != nil {
		return h, err
	}
	h.strangers = userNamespaces()
	h.keys = slices.DeleteFunc(h.keys, func(key string) bool {
		if strings.HasPrefix(key, session) {
			h.sessions++
			return true
		}
		return false
	})
	h.cgroups, err = ourCgroups()
	for _, mount := range cgroupMounts() {
		if _, err := os.Stat(filepath.Join(mount, "harpoon")); err == nil {
			h.harpoon = true
		}
	}
	return h, err
}

const (
	session = "uid 0: keyring _ses:"
	// foreignSessions may be there for containers that are not ours.
	foreignSessions = 200
)

// same returns what has been added to the host since h.
func (h host) same() error {
	now, err := lookAtHost()
	if err == nil && now.sessions > h.sessions+foreignSessions {
		err = fmt.Errorf("session keyrings: %d, and %d before", now.sessions, h.sessions)
	}
	for uid, n := range now.keysOf {
		if n > h.keysOf[uid]+now.strangers {
			err = errors.Join(err, fmt.Errorf("keys of uid %d: %d, and %d before, with %d user namespaces of others", uid, n, h.keysOf[uid], now.strangers))
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(
		added("mounts", h.mounts, now.mounts),
		added("processes", h.children, now.children),
		added("descriptors", h.descriptors, now.descriptors),
		added("cgroups", h.cgroups, now.cgroups),
		added("in /run", h.run, now.run),
		added("keyrings", h.keys, now.keys),
	)
}

// added returns an error that names what is in after, but not in before.
func added(what string, before, after []string) error {
	rest := slices.Clone(before)
	var more []string
	for _, item := range after {
		if i := slices.Index(rest, item); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			more = append(more, item)
		}
	}
	if more == nil {
		return nil
	}
	return fmt.Errorf("%s: %s", what, strings.Join(more, "\n\t"))
}

// ofOthers are paths where other programs of a host come and go: systemd and its units, a
// person who logs in, containerd, also that of make bench; and what the first mount(8) of a
// machine makes, which may be one of our scripts'.
var ofOthers = []string{"/run/containerd", "/run/lock", "/run/log", "/run/mount", "/run/systemd", "/run/udev", "/run/user"}

// pathsInRun returns all other paths below /run. What comes and goes meanwhile is left out.
func pathsInRun() ([]string, error) {
	var paths []string
	err := filepath.WalkDir("/run", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case slices.Contains(ofOthers, path) && entry.IsDir():
			return fs.SkipDir
		case !os.IsNotExist(err):
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// keyrings returns the keys that are shown to us (keyrings(7)), by owner, type and
// description.
func keyrings() ([]string, error) {
	table, err := lines("/proc/keys")
	if os.IsNotExist(err) { // a kernel without them
		return nil, nil
	}
	var keys []string
	for _, key := range table {
		// ID, flags, usage, timeout, permissions, uid, gid, type, description.
		if f := strings.Fields(key); len(f) > 8 {
			keys = append(keys, "uid "+f[5]+": "+strings.Join(f[7:], " "))
		}
	}
	return keys, err
}

// keysOfUsers returns the numbers that the kernel keeps for each owner but root, of
// whose keys there is no telling what they are of.
func keysOfUsers() (map[int]int, error) {
	users, err := lines("/proc/key-users")
	if os.IsNotExist(err) {
		return nil, nil
	}
	keys := map[int]int{}
	for _, user := range users {
		// uid, usage, number of keys and of instantiated ones, quotas.
		var uid, usage, n int
		if _, err := fmt.Sscanf(user, "%d: %d %d/", &uid, &usage, &n); err == nil && uid != 0 {
			keys[uid] = n
		}
	}
	return keys, err
}

// userNamespaces returns how many there are besides our own, of all processes that
// are alive.
func userNamespaces() int {
	links, _ := filepath.Glob("/proc/[0-9]*/ns/user")
	seen := map[string]bool{}
	for _, link := range append(links, "/proc/self/ns/user") {
		if namespace, err := os.Readlink(link); err == nil { // it may have ended
			seen[namespace] = true
		}
	}
	return len(seen) - 1
}

// lines reads a file.
func lines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	return strings.Split(strings.TrimSpace(string(text)), "\n"), err
}

// children returns our processes. Zombies that were abandoned to us, which the
// host's pid 1 would reap, are reaped here.
func children() ([]string, error) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return nil, err
	}
	var alive []string
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			if reaped, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err == nil && reaped == 0 {
				name, _ := os.ReadFile("/proc/" + field + "/cmdline")
				alive = append(alive, field+" "+strings.ReplaceAll(string(name), "\x00", " "))
			}
		}
	}
	return alive, nil
}

// descriptors returns what a process's descriptors are, without those that the Go
// runtime opens once and keeps.
func descriptors(pid int) ([]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, entry := range entries {
		target, err := os.Readlink(dir + entry.Name())
		if err == nil && target != "anon_inode:[eventpoll]" && target != "anon_inode:[eventfd]" {
			targets = append(targets, target)
		}
	}
	return targets, nil
}
