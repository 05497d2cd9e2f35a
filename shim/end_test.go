package shim

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDismiss: at the end everybody who has connected is told the final state, those
// for whom there was no room as well; then the connection ends, and is not reset,
// whatever of theirs nobody has read.
func TestDismiss(t *testing.T) {
	const clients, room = 10, 3
	l, address := listening(t)
	l.slots = make(chan struct{}, room)
	s := newSupervisor(l.dir, slog.New(slog.DiscardHandler))
	s.listener, s.starter = l, &starter{container: &container{}}
	s.state, s.err = down, "made up"
	var peers []int
	for range clients {
		peer := connectTo(t, address)
		peers = append(peers, peer)
		if err := unix.SetsockoptTimeval(peer, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(peer, []byte(strings.Repeat("event: unread\n\n", 8000))); err != nil {
			t.Fatal(err)
		}
	}
	go l.accept(s.accepted)
	for range room {
		s.join(<-s.accepted)
	}
	if err := l.unpublish(); err != nil {
		t.Error(err)
	}
	begin := time.Now()
	if err := s.dismiss(); err != nil {
		t.Error(err)
	}
	t.Logf("dismissed after %v", time.Since(begin))
	for i, peer := range peers {
		buf := make([]byte, 4096)
		n, err := unix.Read(peer, buf)
		if err != nil || n == 0 || !strings.Contains(string(buf[:n]), "made up") || strings.Count(string(buf[:n]), "event: state") != 1 {
			t.Fatalf("client %d was told %q, %v, want the final state", i, buf[:max(n, 0)], err)
		}
		if n, err := unix.Read(peer, buf); n != 0 || err != nil {
			t.Errorf("client %d: read %d, %v after that, want the end", i, n, err)
		}
	}
	if len(l.slots) != 0 {
		t.Errorf("%d slots are taken, want none", len(l.slots))
	}
}

// TestGoneBeforeDismissed: from when the first client is dismissed on nobody finds control,
// who would not be served any more.
func TestGoneBeforeDismissed(t *testing.T) {
	l, address := listening(t)
	s := newSupervisor(l.dir, slog.New(slog.DiscardHandler))
	s.listener, s.starter = l, &starter{container: &container{}}
	s.state, s.ending.reason = down, byExit
	cleared := make(chan struct{})
	s.cleared = cleared // what all are dismissed after
	peer := connectTo(t, address)
	go l.accept(s.accepted)
	status := make(chan int)
	go func() { status <- s.end() }()
	if n, err := unix.Read(peer, make([]byte, 4096)); err != nil || n == 0 {
		t.Errorf("read %d, %v, want the final state", n, err)
	}
	if l.published() {
		t.Error("control is still there")
	}
	close(cleared)
	if got := <-status; got != 0 {
		t.Errorf("status %d, want 0", got)
	}
}

// TestLeftOver: that the last cgroup could not be removed is known until another start has
// got so far that it took it over, and not only until another has failed.
func TestLeftOver(t *testing.T) {
	s := newSupervisor(runDir{}, slog.New(slog.DiscardHandler))
	for i, test := range []struct {
		run  run
		want bool
	}{
		{run{}, false},
		{run{group: &fakeProcess{stays: unix.EBUSY}}, true},
		{run{}, true},
		{run{group: &fakeProcess{}}, false},
	} {
		s.clearRun(func() *run { return &test.run })
		<-s.cleared
		if got := s.leftOver.Load(); got != test.want {
			t.Errorf("after run %d: something is left: %v, want %v", i, got, test.want)
		}
	}
}
