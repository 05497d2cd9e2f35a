package shim

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDroppedLinesAreCounted: a stderr that takes nothing for a while costs lines, and is told
// afterwards how many.
func TestDroppedLinesAreCounted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd := int(w.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err == nil { // until it is full
		_, err = unix.Write(fd, make([]byte, 4096))
	}
	l := newLines(fd)
	const lost = 3
	for i := range uint64(lost) {
		if _, err := io.WriteString(l, "lost\n"); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); l.dropped.Load() <= i && time.Now().Before(end); <-time.After(time.Millisecond) {
		}
	}
	if _, err := io.CopyN(io.Discard, r, 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(l, "next\n"); err != nil {
		t.Fatal(err)
	}
	l.flush()
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Trim(string(text), "\x00"); !strings.HasSuffix(got, fmt.Sprintf("level=WARN msg=\"lines dropped\" count=%d\nnext\n", lost)) {
		t.Errorf("stderr has %q, want the count and the next line", got)
	}
}
