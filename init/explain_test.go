package nsinit

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// elf returns the beginning of a 64-bit program with an interpreter.
func elf(machine uint16, interpreter string) []byte {
	head := make([]byte, 64+56)
	copy(head, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(head[18:], machine)
	binary.LittleEndian.PutUint64(head[32:], 64) // program headers
	binary.LittleEndian.PutUint16(head[54:], 56)
	binary.LittleEndian.PutUint16(head[56:], 1)
	binary.LittleEndian.PutUint32(head[64:], 3) // PT_INTERP
	binary.LittleEndian.PutUint64(head[64+8:], uint64(len(head)))
	binary.LittleEndian.PutUint64(head[64+32:], uint64(len(interpreter)+1))
	return append(head, interpreter+"\x00"...)
}

// elfOf32 is the same for 32 bits.
func elfOf32(machine uint16, interpreter string) []byte {
	head := make([]byte, 52+32)
	copy(head, "\x7fELF\x01\x01\x01")
	binary.LittleEndian.PutUint16(head[18:], machine)
	binary.LittleEndian.PutUint32(head[28:], 52) // program headers
	binary.LittleEndian.PutUint16(head[42:], 32)
	binary.LittleEndian.PutUint16(head[44:], 1)
	binary.LittleEndian.PutUint32(head[52:], 3) // PT_INTERP
	binary.LittleEndian.PutUint32(head[52+4:], uint32(len(head)))
	binary.LittleEndian.PutUint32(head[52+16:], uint32(len(interpreter)+1))
	return append(head, interpreter+"\x00"...)
}

func TestInterpreterOf(t *testing.T) {
	program, old := elf(62, "/lib/ld.so"), elfOf32(3, "/lib/ld-linux.so")
	for _, test := range []struct {
		name, head, want string
	}{
		{"script", "#!/bin/sh -e\necho", "/bin/sh"},
		{"script with spaces", "#!  /usr/bin/env sh", "/usr/bin/env"},
		{"script without", "#!\n", ""},
		{"script of DOS", "#!/bin/sh\r\n", "/bin/sh\r"},
		{"script of one line", "#!/bin/sh", "/bin/sh"},
		{"script with tab", "#!\t/bin/sh\t-e", "/bin/sh"},
		{"script with much", "#!/bin/sh " + strings.Repeat("x", 4000), "/bin/sh"},
		{"script with too much", "#!/" + strings.Repeat("x", 4000) + "\n", ""},
		{"program", string(program), "/lib/ld.so"},
		{"program of 32 bits", string(old), "/lib/ld-linux.so"},
		{"text", "hello", ""},
		{"empty", "", ""},
	} {
		if got := interpreterOf([]byte(test.head)); got != test.want {
			t.Errorf("%s: interpreterOf = %q, want %q", test.name, got, test.want)
		}
	}
	// A file cut anywhere, or with numbers that point anywhere, is no reason to panic.
	for _, whole := range [][]byte{program, old} {
		for n := range whole {
			_ = interpreterOf(whole[:n])
			wild := append([]byte(nil), whole...)
			for i := range min(8, len(wild)-n) {
				wild[n+i] = 0xff
			}
			_ = interpreterOf(wild)
		}
	}
}

func TestExplainExec(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, content, mode))
		return path
	}
	for _, test := range []struct {
		path  string
		errno unix.Errno
		want  string
	}{
		{"/none", unix.ENOENT, "exec /none: no such file or directory"},
		{write("script", []byte("#!/no/sh\n"), 0o755), unix.ENOENT, "interpreter /no/sh: no such file or directory"},
		{write("dynamic", elf(62, "/no/ld.so"), 0o755), unix.ENOENT, "interpreter /no/ld.so: no such file or directory"},
		{write("dynamic32", elfOf32(3, "/no/ld-linux.so"), 0o755), unix.ENOENT, "interpreter /no/ld-linux.so: no such file or directory"},
		{write("denied", []byte("#!"+dir+"\n"), 0o755), unix.EACCES, "interpreter " + dir + ": permission denied (not a regular file)"},
		{write("plain", nil, 0o644), unix.EACCES, "permission denied (not marked as executable)"},
		{dir, unix.EACCES, "permission denied (not a regular file)"},
		{write("loaderless", []byte("#!"+dir+"/dynamic\n"), 0o755), unix.ENOENT, "interpreter " + dir + "/dynamic: interpreter /no/ld.so: no such file or directory"},
		{write("nested", []byte("#!"+dir+"/script -e\n"), 0o755), unix.ENOENT, "interpreter " + dir + "/script: interpreter /no/sh: no such file or directory"},
		{write("dos", []byte("#!/bin/sh\r\n"), 0o755), unix.ENOENT, `interpreter "/bin/sh\r": no such file or directory`},
		{write("loop", []byte("#!"+dir+"/loop\n"), 0o755), unix.ENOENT, "interpreter " + dir + "/loop: no such file or directory"},
		{write("text", []byte("hello"), 0o755), unix.ENOEXEC, "exec format error (neither a program nor a script"},
		{write("foreign", elf(243, ""), 0o755), unix.ENOEXEC, "exec format error (built for riscv64, this is "},
		{write("foreigner", []byte("#!"+dir+"/foreign\n"), 0o755), unix.ENOEXEC, "interpreter " + dir + "/foreign: exec format error (built for riscv64, this is "},
		{write("nameless", []byte("#!\n"), 0o755), unix.ENOEXEC, "exec format error (its #! line names no interpreter"},
		{"/bin/app --flag", unix.ENOENT, `exec "/bin/app --flag": no such file or directory`},
		{"/x", unix.E2BIG, "argument list too long (command and environment"},
	} {
		err := explainExec(test.path, test.errno)
		if !errors.Is(err, test.errno) || !strings.HasPrefix(err.Error(), "exec "+visible(test.path)+": ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("explainExec(%s, %v) = %v, want %q", test.path, test.errno, err, test.want)
		}
	}
}
