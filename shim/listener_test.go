package shim

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// listening returns a published listener in a directory of its own, and the
// address of its socket.
func listening(t *testing.T) (*listener, unix.Sockaddr) {
	t.Helper()
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := runDir{f}
	l, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.publish(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close(); f.Close() })
	return l, &unix.SockaddrUnix{Name: dir.path(controlName)}
}

// stopped ends the listening as the end of the supervisor does, and returns how many
// clients came until then.
func stopped(t *testing.T, l *listener, accepted <-chan *client) (n int) {
	t.Helper()
	if err := l.unpublish(); err != nil {
		t.Error(err)
	}
	l.stop()
	count := func(c *client) {
		c.file.Close()
		n++
	}
	for c := range accepted {
		count(c)
	}
	l.drain(count)
	return n
}

func connectTo(t *testing.T, address unix.Sockaddr) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestDrain: whoever has connected before the end is accepted, also those that
// nobody has had the time for.
func TestDrain(t *testing.T) {
	const clients = 20
	for range 20 {
		l, address := listening(t)
		for range clients {
			connectTo(t, address)
		}
		accepted := make(chan *client)
		go l.accept(accepted)
		(<-accepted).file.Close() // accept now hands over the next one
		if got := 1 + stopped(t, l, accepted); got != clients {
			t.Errorf("%d clients accepted, want %d", got, clients)
		}
	}
}

// TestClientsWithin: whatever the limit, clients leave what a start takes.
func TestClientsWithin(t *testing.T) {
	for limit, want := range map[int]int{0: 2, leastFDs: 2, 34: 3, 64: 18, 96: 34, 128: 64, 1 << 20: 1<<20 - reservedFDs} {
		if got := clientsWithin(limit); got != want {
			t.Errorf("clientsWithin(%d) = %d, want %d", limit, got, want)
		}
	}
	for limit := leastFDs; limit < 1024; limit++ {
		if left := limit - clientsWithin(limit); left < leastFDs-2 {
			t.Errorf("of %d descriptors clients leave %d", limit, left)
		}
	}
}

// TestNoRoom: clients beyond the slots wait in the backlog, until one leaves.
func TestNoRoom(t *testing.T) {
	l, address := listening(t)
	l.slots = make(chan struct{}, 2)
	for range 3 {
		connectTo(t, address)
	}
	accepted := make(chan *client)
	go l.accept(accepted)
	(<-accepted).file.Close()
	(<-accepted).file.Close()
	select {
	case <-accepted:
		t.Error("a third client was accepted for two slots")
	default:
	}
	<-l.slots // one has left
	(<-accepted).file.Close()
	if err := l.unpublish(); err != nil {
		t.Error(err)
	}
	l.stop()
	if c, open := <-accepted; open {
		t.Errorf("after stop: %v", c.peer)
	}
}

// TestUnpublish: a control that is somebody else's stays.
func TestUnpublish(t *testing.T) {
	l, _ := listening(t)
	name := l.dir.path(controlName)
	if info, err := os.Stat(name); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("control: %v, %v, want a socket of mode 0600", info.Mode(), err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if l.published() {
		t.Error("published() = true after control has been deleted")
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.unpublish(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Errorf("somebody else's control: %v", err)
	}
}

// TestModeFromTheFirst: nobody ever finds the socket with a mode that lets others
// in, whatever the umask.
func TestModeFromTheFirst(t *testing.T) {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := runDir{f}
	defer unix.Umask(unix.Umask(0))
	var seen atomic.Int64
	done := make(chan struct{})
	var looker sync.WaitGroup
	looker.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			var st unix.Stat_t
			if unix.Fstatat(int(f.Fd()), newControlName, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
				continue
			}
			if seen.Add(1); st.Mode != unix.S_IFSOCK|0o600 {
				t.Errorf("mode %o, want a socket of 0600", st.Mode)
				return
			}
		}
	})
	for i := 0; (i < 1000 || seen.Load() < 100) && !t.Failed(); i++ {
		l, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	looker.Wait()
}

// TestUnpolled: a socket for which the poller had no room (fs.epoll.max_user_watches)
// is looked at by the clock; that ends, too, and nobody is left out.
func TestUnpolled(t *testing.T) {
	l, address := listening(t)
	fd, err := unix.Dup(int(l.file.Fd()))
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.file.Close()
	l.file = os.NewFile(uintptr(fd), "blocking: not for the poller")
	if l.raw, err = l.file.SyscallConn(); err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan *client)
	go l.accept(accepted)
	connectTo(t, address)
	(<-accepted).file.Close()
	connectTo(t, address)
	if got := stopped(t, l, accepted); got != 1 {
		t.Errorf("%d more clients accepted, want 1", got)
	}
}
