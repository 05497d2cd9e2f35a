package nsinit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// explainExec adds to the errno of execve(2) what it leaves open.
func explainExec(path string, err error) error {
	head := readHead(path)
	interpreter := interpreterOf(head)
	switch {
	case errors.Is(err, unix.ENOENT) && interpreter != "":
		return fmt.Errorf("exec %s: %w", path, pathError("interpreter", interpreter, err))
	case errors.Is(err, unix.EACCES) && interpreter != "" && unix.Access(path, unix.X_OK) == nil:
		return fmt.Errorf("exec %s: %w", path, pathError("interpreter", interpreter, fmt.Errorf("%w%s", err, deniedBecause(interpreter))))
	case errors.Is(err, unix.EACCES):
		err = fmt.Errorf("%w%s", err, deniedBecause(path))
	case errors.Is(err, unix.ENOEXEC):
		err = fmt.Errorf("%w%s", err, unknownBecause(head))
	case errors.Is(err, unix.E2BIG):
		err = fmt.Errorf("%w (command and environment beyond the limits of execve(2))", err)
	}
	return pathError("exec", path, err)
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

// interpreterOf returns the interpreter that a file names: of a script after
// "#!", of a dynamic program in its segment PT_INTERP (elf(5)).
func interpreterOf(head []byte) string {
	if line, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		if fields := bytes.Fields(line); len(fields) > 0 {
			return string(fields[0])
		}
		return ""
	}
	if !bytes.HasPrefix(head, elfMagic) || len(head) < 64 || head[4] != 2 { // 64 bit
		return ""
	}
	at := binary.NativeEndian.Uint64(head[32:])
	size, count := binary.NativeEndian.Uint16(head[54:]), binary.NativeEndian.Uint16(head[56:])
	for range count {
		if at > uint64(len(head)) || uint64(len(head))-at < 56 {
			return ""
		}
		segment := head[at:]
		if binary.NativeEndian.Uint32(segment) == 3 { // PT_INTERP
			offset, length := binary.NativeEndian.Uint64(segment[8:]), binary.NativeEndian.Uint64(segment[32:])
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
