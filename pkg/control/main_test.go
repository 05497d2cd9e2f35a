package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run if a test left a goroutine or a descriptor.
func TestMain(m *testing.M) {
	// The runtime's own poller, made with the first socket, is no leak.
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
	fds := openFDs()
	code := m.Run()
	if code == 0 {
		// A goroutine that has closed its last channel still takes a moment to end.
		for end := time.Now().Add(5 * time.Second); len(goroutines()) > 1 && time.Now().Before(end); {
			runtime.Gosched()
		}
		if got := goroutines(); len(got) > 1 {
			fmt.Printf("goroutines after the tests = %d, want 1\n%s\n", len(got), strings.Join(got, "\n\n"))
			code = 1
		}
		if got := openFDs(); got > fds {
			fmt.Printf("descriptors after the tests = %d, want %d\n", got, fds)
			code = 1
		}
	}
	os.Exit(code)
}

// goroutines returns the stacks of the goroutines that run code of this package,
// that of TestMain included. Others are the runtime's, or those of fuzzing.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	return slices.DeleteFunc(all, func(stack string) bool { return !strings.Contains(stack, "pkg/control.") })
}

func openFDs() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// testContext bounds what should not block.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func listen(t testing.TB, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connected returns a client and the supervisor's end of its connection.
func connected(t *testing.T) (*Client, *net.UnixConn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control")
	l := listen(t, path)
	c, err := Dial(testContext(t), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	conn, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return c, conn
}

func write(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// A state event that says which one it is, and the final one.
func upEvent(i int) string {
	return fmt.Sprintf("event: state\ndata: {\"up\":true,\"restarting\":true,\"restarts\":%d}\n\n", i)
}

const finalEvent = "event: state\ndata: {\"up\":false,\"restarting\":false,\"restarts\":99999}\n\n"
