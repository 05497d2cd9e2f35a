package shim

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// links are the network links of a container whose network is not the host's, as
// the open file net/dev of proc_pid_net(5). It stays bound to the namespace that
// the process was in, also when that has ended. The kernel makes it up under RCU
// (dev_seq_start in net/core/net-procfs.c), so to read it waits for nobody; a
// request by netlink waits for whoever is changing links.
type links struct {
	fd  int
	buf []byte
}

// The size of the table, in bytes: that of six links, and what is read at most.
const (
	usualLinks = 1 << 10
	maxLinks   = 1 << 20
)

// openLinks opens the links of the network namespace that the process is in. It
// is no os.File, which the poller would watch.
func openLinks(pid int) (*links, error) {
	name := procFile(pid, "net/dev")
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return &links{fd, make([]byte, usualLinks)}, nil
}

// count sums the counters of all links but loopback. It allocates nothing, unless
// there are more links than ever before. With an error the sum means nothing.
func (l *links) count(sum *agent.NetworkMetrics) error {
	text, err := l.content()
	if err != nil {
		return err
	}
	return sumLinks(sum, text)
}

// content returns what the file holds now. The kernel gives away no more than a
// page at a time, and the end alone tells that it was the last one.
func (l *links) content() ([]byte, error) {
	for n := 0; ; {
		part, err := pread(l.fd, l.buf[n:], n)
		if part == 0 || err != nil {
			return l.buf[:n], err
		}
		if n += part; n < len(l.buf) {
			continue
		}
		if n >= maxLinks {
			return nil, errTooManyLinks
		}
		l.buf = append(l.buf, make([]byte, n)...)
	}
}

// pread is pread(2). It does not block, and the runtime is not told of it: it
// would wake its monitor, a thread that sleeps while nothing happens.
func pread(fd int, buf []byte, offset int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), uintptr(offset), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (l *links) close() {
	if l != nil {
		unix.Close(l.fd)
	}
}

var (
	errTooManyLinks = errors.New("net/dev: too many links")
	errFormat       = errors.New("net/dev: unexpected content")
)

// sumLinks sums up the text of net/dev: two lines of headings, then one for each
// link, with its name, a colon and the counters.
func sumLinks(sum *agent.NetworkMetrics, text []byte) error {
	*sum = agent.NetworkMetrics{}
	for number := 0; len(text) > 0 || number < headings; number++ {
		line, rest, found := bytes.Cut(text, newline)
		if !found || number >= headings && !sumLink(sum, line) {
			return errFormat
		}
		text = rest
	}
	return nil
}

// The columns behind the colon that are summed, as dev_seq_printf_stats in the
// kernel's net/core/net-procfs.c writes them.
const (
	rxBytes   = 0
	rxPackets = 1
	rxDropped = 3 // with those that the device missed
	txBytes   = 8
	txPackets = 9
	txDropped = 11

	columns  = 16
	headings = 2
)

// sumLink adds a link. A name has no blank and no colon, see dev_valid_name in the
// kernel's net/core/dev.c; any other byte it may have.
func sumLink(sum *agent.NetworkMetrics, line []byte) bool {
	name, words, found := bytes.Cut(line, colon)
	if !found {
		return false
	}
	var counters [columns]uint64
	for i := range counters {
		var word []byte
		word, words, _ = bytes.Cut(bytes.TrimLeft(words, " "), space)
		var err error
		if counters[i], err = strconv.ParseUint(string(word), 10, 64); err != nil {
			return false
		}
	}
	if string(bytes.TrimLeft(name, " ")) == "lo" {
		return true
	}
	sum.RxBytes += counters[rxBytes]
	sum.TxBytes += counters[txBytes]
	sum.RxPackets += counters[rxPackets]
	sum.TxPackets += counters[txPackets]
	sum.RxDropped += counters[rxDropped]
	sum.TxDropped += counters[txDropped]
	return true
}

var newline, space, colon = []byte{'\n'}, []byte{' '}, []byte{':'}
