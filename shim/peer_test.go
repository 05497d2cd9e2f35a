package shim

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAllowed(t *testing.T) {
	for uid, want := range map[uint32]bool{0: true, uint32(os.Geteuid()): true, 12345: false} {
		if got := allowed(uid); got != want {
			t.Errorf("allowed(%d) = %v, want %v", uid, got, want)
		}
	}
}

func TestParseLevels(t *testing.T) {
	for _, test := range []struct {
		text string
		want int // 0: an error
	}{
		{"Name:\tx\nNSpid:\t4711\n", 1},
		{"pos:\t0\nPid:\t4711\nNSpid:\t4711\t1\n", 2},
		{"NSpid:\t4711\t12\t1", 3},
		{"Pid:\t-1\nNSpid:\t-1\n", 0}, // reaped
		{"Pid:\t0\nNSpid:\t0\n", 0},   // of another namespace than /proc
		{"NSpid:\n", 0},
		{"NSpid:\tx\n", 0},
		{"Pid:\t4711\n", 0},
		{"", 0},
	} {
		got, err := parseLevels(test.text)
		if got != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("parseLevels(%q) = %d, %v, want %d", test.text, got, err, test.want)
		}
	}
}

// TestLevelsByNumber is what there is before Linux 6.5.
func TestLevelsByNumber(t *testing.T) {
	own, err := ownLevels()
	if err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[uintptr]int{0: own, unix.CLONE_NEWPID: own + 1} {
		peer, _ := connectFrom(t, flags)
		status := procFile(peer.pid, "status")
		if got, err := readLevels(status); got != want || err != nil {
			t.Errorf("%s: levels = %d, %v, want %d", status, got, err, want)
		}
		peer.end(t)
		if got, err := readLevels(status); err != errEnded {
			t.Errorf("%s of a reaped process: levels = %d, %v, want %v", status, got, err, errEnded)
		}
	}
}

// TestPeerWithoutNumber: in a namespace that is not below ours, it has none.
func TestPeerWithoutNumber(t *testing.T) {
	if err := checkNamespace(-1, 0); err != errNamespace {
		t.Errorf("checkNamespace(pid 0) = %v, want %v", err, errNamespace)
	}
}

// TestIdentify: a peer in a pid namespace of its own is refused, also as a zombie.
// One that is not known any more is refused if it may be the container's.
func TestIdentify(t *testing.T) {
	for name, test := range map[string]struct {
		flags uintptr
		want  error
	}{
		"ours":  {0, nil},
		"below": {unix.CLONE_NEWPID, errNamespace},
	} {
		peer, c := connectFrom(t, test.flags)
		if c.refusal != test.want || int(c.peer.Pid) != peer.pid {
			t.Errorf("%s: pid %d is refused with %v, want pid %d and %v", name, c.peer.Pid, c.refusal, peer.pid, test.want)
		}
		peer.awaitZombie(t)
		if _, got := identify(int(c.file.Fd()), false); got != test.want {
			t.Errorf("%s: a zombie is refused with %v, want %v", name, got, test.want)
		}
		peer.end(t)
		for rootInside, want := range map[bool]error{true: errEnded, false: nil} {
			if _, got := identify(int(c.file.Fd()), rootInside); got != want {
				t.Errorf("%s: a reaped peer, root inside %v, is refused with %v, want %v", name, rootInside, got, want)
			}
		}
	}
}

// peerProcess is a process that has connected and stays until it is told to end.
type peerProcess struct {
	pid  int
	cmd  *exec.Cmd
	stay io.Closer
}

// connectFrom starts a process in new namespaces that connects to a listener.
func connectFrom(t *testing.T, flags uintptr) (*peerProcess, *client) {
	t.Helper()
	l, _ := listening(t)
	dir, err := os.Readlink(strings.TrimSuffix(l.dir.path(""), "/"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), peerVariable+"="+dir+"/"+controlName)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	stay, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, unix.EPERM) {
		t.Skip("needs root, for a pid namespace")
	} else if err != nil {
		t.Fatal(err)
	}
	p := &peerProcess{cmd.Process.Pid, cmd, stay}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
	fd, err := l.next()
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(fd, true, aPoller(t))
	t.Cleanup(func() { c.file.Close() })
	return p, c
}

// awaitZombie lets the process end, and does not reap it.
func (p *peerProcess) awaitZombie(t *testing.T) {
	t.Helper()
	p.stay.Close()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

// end lets the process end, and reaps it.
func (p *peerProcess) end(t *testing.T) {
	t.Helper()
	p.stay.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("peer: %v", err)
	}
}

// peerVariable names the address that this program, as a peer, connects to.
const peerVariable = "SHIM_TEST_CONNECT_TO"

// playPeer is what a peer does.
func playPeer(address string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: address})
	}
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until its end
}

// TestIdentifyLater: who comes when there is no descriptor is refused, and nobody after him.
func TestIdentifyLater(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	own = 0 // nobody has come yet
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	_, none := identify(pair[0], false)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if _, refusal := identify(pair[0], false); none == nil || refusal != nil {
		t.Errorf("without descriptors: %v; later: %v", none, refusal)
	}
}
