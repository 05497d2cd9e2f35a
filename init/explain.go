package nsinit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// explainExec adds to the errno of execve(2) what it leaves open.
func explainExec(path string, err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		err = fmt.Errorf("%w (its user has as many processes, in all containers, as RLIMIT_NPROC allows)", err)
	case errors.Is(err, unix.E2BIG):
		err = fmt.Errorf("%w (command and environment beyond the limits of execve(2))", err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOEXEC):
		err = explainFile(path, err, maxInterpreters)
	}
	return fmt.Errorf("exec %s: %w", visible(path), err)
}

// maxInterpreters bounds the interpreters of interpreters, as the kernel does
// (execve(2)): it knows five, and the loader of the last.
const maxInterpreters = 6

// explainFile says which file the error is about, and why: this one, or the interpreter
// that it names.
func explainFile(path string, err error, depth int) error {
	head := readHead(path)
	interpreter := interpreterOf(head)
	switch {
	case interpreter == "" || depth == 0 || unix.Access(path, unix.X_OK) != nil:
	case isScript(head) || !errors.Is(err, unix.ENOEXEC): // a program's loader gives ELIBBAD
		return fmt.Errorf("interpreter %s: %w", visible(interpreter), explainFile(interpreter, err, depth-1))
	}
	switch {
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w%s", err, deniedBecause(path))
	case errors.Is(err, unix.ENOEXEC):
		return fmt.Errorf("%w%s", err, unknownBecause(head))
	}
	return err
}

// visible returns a path, quoted if it is empty, or holds what is not seen, or a blank: a
// whole command line may have been given as its name.
func visible(path string) string {
	if path == "" || strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// readHead returns the beginning of a file, as far as it may be read.
func readHead(path string) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	head := make([]byte, 4096)
	n, _ := unix.Read(fd, head)
	return head[:max(n, 0)]
}

var elfMagic = []byte("\x7fELF")

// scriptHead is how much of a script the kernel looks at (BINPRM_BUF_SIZE).
const scriptHead = 256

func isScript(head []byte) bool { return bytes.HasPrefix(head, []byte("#!")) }

// interpreterOf returns the interpreter that a file names: of a script after
// "#!" (execve(2)), of a dynamic program in its segment PT_INTERP (elf(5)).
func interpreterOf(head []byte) string {
	if isScript(head) {
		line := head[2:min(len(head), scriptHead)]
		line, _, whole := bytes.Cut(line, []byte("\n"))
		line = bytes.TrimLeft(line, " \t")
		if end := bytes.IndexAny(line, " \t\x00"); end >= 0 {
			line, whole = line[:end], true
		}
		if !whole && len(head) >= scriptHead {
			return "" // one that is too long is none
		}
		return string(line)
	}
	return elfInterpreter(head)
}

// elfLayout is where a class of ELF files has what is looked for, in bytes (elf(5)).
type elfLayout struct {
	wide             bool // offsets have 64 bits
	header           int  // its length
	programHeaders   int  // of the header: where they begin
	entrySize, count int  // of the header: of theirs
	entry            int  // at least so long is one
	offset, length   int  // of one: of the segment, in the file
}

var (
	elf32 = elfLayout{header: 52, programHeaders: 28, entrySize: 42, count: 44, entry: 32, offset: 4, length: 16}
	elf64 = elfLayout{wide: true, header: 64, programHeaders: 32, entrySize: 54, count: 56, entry: 56, offset: 8, length: 32}
)

func (l *elfLayout) read(b []byte) uint64 {
	if l.wide {
		return binary.NativeEndian.Uint64(b)
	}
	return uint64(binary.NativeEndian.Uint32(b))
}

func elfInterpreter(head []byte) string {
	if !bytes.HasPrefix(head, elfMagic) || len(head) < elf32.header {
		return ""
	}
	l := &elf64
	if head[4] == 1 {
		l = &elf32
	}
	if len(head) < l.header {
		return ""
	}
	at := l.read(head[l.programHeaders:])
	size, count := binary.NativeEndian.Uint16(head[l.entrySize:]), binary.NativeEndian.Uint16(head[l.count:])
	for range count {
		if at > uint64(len(head)) || len(head)-int(at) < l.entry {
			return ""
		}
		segment := head[at:]
		if binary.NativeEndian.Uint32(segment) == 3 { // PT_INTERP
			offset, length := l.read(segment[l.offset:]), l.read(segment[l.length:])
			if offset > uint64(len(head)) || length > uint64(len(head))-offset {
				return ""
			}
			return string(bytes.TrimRight(head[offset:offset+length], "\x00"))
		}
		at += uint64(size)
	}
	return ""
}

// deniedBecause says which of the reasons for EACCES it is.
func deniedBecause(path string) string {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return " (a directory of the path may not be searched)"
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return " (not a regular file)"
	}
	if unix.Access(path, unix.X_OK) != nil && st.Mode&0o111 == 0 {
		return " (not marked as executable)"
	}
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_NOEXEC != 0 {
		return " (mounted noexec)"
	}
	return fmt.Sprintf(" (not executable by uid %d)", unix.Getuid())
}

// unknownBecause says which of the reasons for ENOEXEC it is.
func unknownBecause(head []byte) string {
	if isScript(head) {
		return " (its #! line names no interpreter, or one that is too long)"
	}
	if !bytes.HasPrefix(head, elfMagic) || len(head) < 20 {
		return " (neither a program nor a script that begins with #!)"
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if head[5] == 2 {
		order = binary.BigEndian
	}
	if name := machineName(order.Uint16(head[18:])); name != runtime.GOARCH {
		return fmt.Sprintf(" (built for %s, this is %s)", name, runtime.GOARCH)
	}
	return ""
}

// machineName returns the Go name of an ELF machine number (elf.h).
func machineName(machine uint16) string {
	switch machine {
	case 3:
		return "386"
	case 40:
		return "arm"
	case 62:
		return "amd64"
	case 183:
		return "arm64"
	case 243:
		return "riscv64"
	}
	return fmt.Sprintf("ELF machine %d", machine)
}
