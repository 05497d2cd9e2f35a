package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// sockets checks that the supervisor listens on nothing but a path: an abstract
// name would be there for everybody in the same network namespace.
func (b *bed) sockets(_ *testscript.TestScript, args []string) error {
	s, err := b.supervisor(args[0])
	if err != nil {
		return err
	}
	table, err := lines("/proc/net/unix")
	if err != nil {
		return err
	}
	fds, err := filepath.Glob(s.proc("fd/*"))
	paths := 0
	for _, fd := range fds {
		target, _ := os.Readlink(fd) // closed meanwhile is as good
		inode := strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")
		for _, line := range table {
			f := strings.Fields(line) // seven columns, and the name if there is one
			switch {
			case f[6] != inode || len(f) < 8:
			case f[7][0] == '@':
				return fmt.Errorf("abstract socket %s", f[7])
			default:
				paths++
			}
		}
	}
	if paths == 0 {
		err = errors.Join(err, errors.New("no socket with a path"))
	}
	return err
}
