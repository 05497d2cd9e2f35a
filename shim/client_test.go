package shim

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/eventstream"
)

// connect returns a client as the loop has it, and the peer's end.
func connect(t testing.TB) (*client, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fds[1], true)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := aPoller(t)
	peer := os.NewFile(uintptr(fds[1]), "peer")
	c := newClient(fds[0], false, p)
	c.sent = func() {}
	t.Cleanup(func() { peer.Close(); c.file.Close() })
	return c, peer
}

func aPoller(t testing.TB) *poller {
	t.Helper()
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

func TestPeerIsKnown(t *testing.T) {
	c, _ := connect(t)
	if int(c.peer.Pid) != os.Getpid() || int(c.peer.Uid) != os.Getuid() || c.refusal != nil {
		t.Errorf("peer = %+v, refused with %v, want this process", c.peer, c.refusal)
	}
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name, sent string
		want       []string
		tooLong    bool
	}{
		{"people", "event: stop\n\n", []string{"stop"}, false},
		{"known agents", "event: stop\ndata\n\nevent: kill\ndata\n\n", []string{"stop", "kill"}, false},
		{"carriage returns", "event:exit\r\rid: 1\r\nevent: stop\r\n\r\n", []string{"exit", "stop"}, false},
		{"unfinished", "event: stop\n", []string{""}, false},
		{"no events, told once", "stop\n\nstop\n\nevent: kill\n\nstop", []string{"", "kill"}, false},
		{"unknown", "event: dance\n\n", []string{"dance"}, false},
		{"oversized", "event: stop\ndata: " + strings.Repeat("x", maxCommand) + "\n\n", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, peer := connect(t)
			commands, quit, ended := make(chan command), make(chan struct{}), make(chan error, 1)
			go func() { ended <- c.read(commands, quit) }()
			go func() {
				_, _ = io.WriteString(peer, test.sent) // the oversized one is cut
				peer.Close()
			}()
			var got []string
			for {
				select {
				case command := <-commands:
					got = append(got, command.name)
					continue
				case err := <-ended:
					if errors.Is(err, eventstream.ErrTooLong) != test.tooLong {
						t.Errorf("read ended with %v", err)
					}
				}
				break
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("commands %v, want %v", got, test.want)
			}
		})
	}
}

// TestLastCommand: a peer that sends a command and closes at once is obeyed,
// although nothing can be written to it any more.
func TestLastCommand(t *testing.T) {
	c, peer := connect(t)
	if _, err := io.WriteString(peer, "event: stop\n\n"); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	c.put(announcement{event: []byte("nobody reads this"), final: true})
	c.finish()
	<-c.written
	commands := make(chan command, 1)
	if err := c.read(commands, nil); err != nil && !isHangUp(err) {
		t.Errorf("read = %v", err)
	}
	select {
	case got := <-commands:
		if got.name != "stop" {
			t.Errorf("command %q, want stop", got.name)
		}
	default:
		t.Error("the command is lost")
	}
}

// TestUnfinishedAtReset: what a peer has begun to say is told, also if it leaves without
// having read what it was sent, which resets the connection.
func TestUnfinishedAtReset(t *testing.T) {
	c, peer := connect(t)
	c.put(announcement{event: []byte("nobody reads this")})
	if _, err := io.WriteString(peer, "event: stop\n"); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	commands := make(chan command, 1)
	if err := c.read(commands, nil); err != nil {
		t.Errorf("read = %v", err)
	}
	select {
	case got := <-commands:
		if got.name != "" {
			t.Errorf("command %q, want what is none", got.name)
		}
	default:
		t.Error("nothing has been told")
	}
}

// TestHalfClose: a peer that has shut down its sending side is still there; one
// that has closed is gone.
func TestHalfClose(t *testing.T) {
	c, peer := connect(t)
	ended := make(chan error, 1)
	go func() { ended <- c.read(nil, nil) }()
	if err := unix.Shutdown(int(peer.Fd()), unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	c.put(announcement{event: []byte("still here")})
	buf := make([]byte, 32)
	if n, err := peer.Read(buf); err != nil || string(buf[:n]) != "still here" {
		t.Errorf("after the half-close: %q, %v", buf[:n], err)
	}
	select {
	case err := <-ended:
		t.Errorf("read ended at the half-close: %v", err)
	default:
	}
	peer.Close()
	if err := <-ended; err != nil {
		t.Errorf("read = %v", err)
	}
	c.finish()
	<-c.written
}

// TestTurns: a client that sends more than is read at once has to wait for whoever
// else has something to do, though it need not for itself. With one CPU, each would
// have 10 ms at a time.
func TestTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	c, peer := connect(t)
	if _, err := peer.Write(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	var turns atomic.Int32
	for range 4 {
		go turns.Add(1)
		if _, err := c.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
	}
	// The runtime is fair to who gave way, too: now and then that one is the next.
	if n := turns.Load(); n < 2 {
		t.Errorf("others have had %d turns while a client was read 4 times, want 2 at least", n)
	}
}
