//go:build faults

package cgroup

import (
	"io/fs"
	"path"
	"strings"
)

// Fault is called with the name of each operation on a group before it is done;
// an error is taken for the operation's. It exists in builds for tests only.
var Fault = func(operation string) error { return nil }

// fault returns an error as the operation itself does.
func fault(operation string, files ...string) error {
	var names []string
	for _, file := range files {
		names = append(names, path.Base(file))
	}
	name := strings.Join(names, ",")
	if err := Fault(strings.TrimSpace(operation + " " + name)); err != nil {
		return &fs.PathError{Op: operation, Path: name, Err: err}
	}
	return nil
}
