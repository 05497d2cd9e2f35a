package shim

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
)

// upSupervisor returns the loop's data of a container that is up: its cgroup is a
// real one, its process made up. Nothing runs.
func upSupervisor(t testing.TB) *supervisor {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for a cgroup")
	}
	host, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	g, err := host.Create("/", fmt.Sprintf("harpoon-test-shim-%d", os.Getpid()), cgroup.Owner{Dev: 1, Ino: 2}, cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	s := newSupervisor(runDir{}, slog.New(slog.DiscardHandler))
	s.starter = &starter{container: &container{restart: agent.RestartOnFailure}}
	s.state, s.runs = up, 1
	s.run = &run{number: 1, group: g, child: &fakeProcess{number: 1}}
	s.meter.sample(s.run)
	return s
}

// audience is a client whose events are written and read within one goroutine.
type audience struct {
	*client
	peer *os.File
	ends []unix.PollFd // the peer's, to be looked at
	buf  []byte
}

func (s *supervisor) addAudience(t testing.TB) audience {
	t.Helper()
	c, peer := connect(t)
	s.clients[c] = struct{}{}
	raw, err := peer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]unix.PollFd, 1)
	if err := raw.Control(func(fd uintptr) { ends[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN} }); err != nil {
		t.Fatal(err)
	}
	return audience{c, peer, ends, make([]byte, 4096)}
}

// pass reads at the other end what the loop has written, and lets the next event
// follow at once.
func (l audience) pass(t testing.TB) {
	if n, err := unix.Poll(l.ends, 0); n == 0 || err != nil {
		t.Fatalf("nothing has been written, %v", err)
	}
	n, err := l.peer.Read(l.buf)
	if err != nil || !bytes.HasSuffix(l.buf[:n], []byte("\n\n")) {
		t.Fatalf("read %q, %v, want an event", l.buf[:n], err)
	}
	l.earliest = time.Time{}
}

func BenchmarkTick(b *testing.B) {
	s := upSupervisor(b)
	l := s.addAudience(b)
	b.ReportAllocs()
	for b.Loop() {
		s.onTick()
		l.pass(b)
	}
}

// BenchmarkSample: one sample of the metrics, with the host's network, which is not
// counted, and with one whose links are.
func BenchmarkSample(b *testing.B) {
	for _, network := range []agent.Network{agent.NetworkHost, agent.NetworkNone} {
		b.Run(string(network), func(b *testing.B) {
			s := upSupervisor(b)
			if network == agent.NetworkNone {
				var err error
				if s.run.links, err = openLinks(os.Getpid()); err != nil {
					b.Fatal(err)
				}
				defer s.run.links.close()
			}
			b.ReportAllocs()
			for b.Loop() {
				s.meter.sample(s.run)
			}
		})
	}
}

func BenchmarkJudgeKills(b *testing.B) {
	s := upSupervisor(b)
	b.ReportAllocs()
	for b.Loop() {
		s.run.judgeKills()
	}
}

func BenchmarkAnnouncement(b *testing.B) {
	s := upSupervisor(b)
	b.SetBytes(int64(len(s.announcement().event)))
	b.ReportAllocs()
	for b.Loop() {
		s.announcement()
	}
}

// BenchmarkPublish: a state is encoded and put into n mailboxes, each of which
// holds one that nobody has taken.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := upSupervisor(b)
			for range n {
				s.clients[&client{writing: true, mailbox: make(chan announcement, 1)}] = struct{}{}
			}
			b.ReportAllocs()
			for b.Loop() {
				s.publish()
			}
		})
	}
}
