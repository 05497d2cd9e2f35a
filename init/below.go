package nsinit

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errExchanged is for a path under which something else was found than a moment
// before: somebody works on the filesystem at the same time.
var errExchanged = errors.New("exchanged meanwhile")

// eachBelow calls f for each mount below one that is in its place. It is for
// kernels without mount_setattr(2): their remount takes one mount at a time.
//
// The table gives paths; they are in a volume, where others may be at work. So
// what a path leads to must be the mount that the table names there.
func eachBelow(mount int, f func(fd int) error) error {
	top, err := mountID(mount)
	if err != nil {
		return err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, m := range mountsBelow(table, top) {
		fd, err := openInside(mount, m.path, nothing, nil)
		if err != nil {
			return err
		}
		id, err := mountID(fd)
		if err == nil && id != m.id {
			err = pathError("open", m.path, errExchanged)
		}
		if err == nil {
			err = f(fd)
		}
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// mountID returns the number in mountinfo of the mount that a descriptor is in
// (proc_pid_fdinfo(5)).
func mountID(fd int) (string, error) {
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	for line := range bytes.Lines(text) {
		if id, ok := bytes.CutPrefix(line, []byte("mnt_id:")); ok {
			return string(bytes.TrimSpace(id)), nil
		}
	}
	return "", errors.Join(err, unix.ENODATA)
}

// submount is a line of mountinfo. path begins at the mount that was asked for.
type submount struct{ id, parent, path string }

// mountsBelow returns the mounts below the one with the given number, parents
// first, without those that another one hides: one on its own root, or one that
// came later on a directory above its place.
func mountsBelow(table []byte, top string) []submount {
	all := map[string][]submount{} // by parent
	root := ""
	for line := range strings.Lines(string(table)) {
		// proc_pid_mountinfo(5): ID, parent, device, root, mount point, ...
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		m := submount{id: fields[0], parent: fields[1], path: unescape(fields[4])}
		if m.id == top {
			root = m.path
		} else {
			all[m.parent] = append(all[m.parent], m)
		}
	}
	var list []submount
	for todo := all[top]; len(todo) > 0; todo = todo[1:] {
		m := todo[0]
		if slices.ContainsFunc(all[m.parent], func(s submount) bool { return s.path != m.path && below(m.path, s.path) }) {
			continue
		}
		children := all[m.id]
		todo = append(todo, children...)
		if slices.ContainsFunc(children, func(s submount) bool { return s.path == m.path }) {
			continue
		}
		m.path = strings.TrimPrefix(m.path, root)
		list = append(list, m)
	}
	return list
}

// unescape reads the octal numbers that mountinfo has for blanks and backslashes.
func unescape(path string) string {
	var text []byte
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				text = append(text, byte(n))
				i += 3
				continue
			}
		}
		text = append(text, path[i])
	}
	return string(text)
}
