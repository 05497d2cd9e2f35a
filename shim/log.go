package shim

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// lines is the writer behind the log: it never waits for stderr. Lines that
// find no room are dropped and counted, and the count is logged later.
type lines struct {
	queue   chan []byte
	dropped atomic.Uint64
	written chan struct{} // closed when all has been written
}

// logTime is how package slog writes a time.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// newLines returns the writer to the descriptor.
func newLines(fd int) *lines {
	l := &lines{queue: make(chan []byte, 256), written: make(chan struct{})}
	go l.write(fd)
	return l
}

// logger returns a logger that writes to them.
func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// Complain writes the last words of a process that has nothing else to write to stderr. It
// waits for a tenth of a second at most.
func Complain(text string) {
	l := newLines(int(os.Stderr.Fd()))
	fmt.Fprint(l, text)
	l.flush()
}

// Write queues one line. It is called by the log handler, under its lock.
func (l *lines) Write(line []byte) (int, error) {
	select {
	case l.queue <- append([]byte(nil), line...):
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
}

// write is the goroutine that may block on stderr.
func (l *lines) write(fd int) {
	defer close(l.written)
	for line := range l.queue {
		if line == nil { // flush
			return
		}
		untold := l.dropped.Swap(0)
		if untold > 0 {
			line = append(fmt.Appendf(nil, "time=%s level=WARN msg=\"lines dropped\" count=%d\n", time.Now().Format(logTime), untold), line...)
		}
		for len(line) > 0 {
			n, err := unix.Write(fd, line)
			if err == unix.EINTR {
				continue
			}
			if err != nil { // dead, full or non-blocking: so is the line, and the count before it
				l.dropped.Add(untold + 1)
				break
			}
			line, untold = line[n:], 0
		}
	}
}

// flush waits a moment for what is queued, at the end of the process. What is
// logged afterwards is lost. The moment is many short ones: each is as long as it takes
// to get the CPU again, which the writer needs, too.
func (l *lines) flush() {
	queue := l.queue
	for range 20 {
		select {
		case queue <- nil:
			queue = nil
		case <-time.After(5 * time.Millisecond):
		case <-l.written:
			return
		}
	}
}
