package shim

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// What the kernel writes, with one link and another; the names are the oddest that
// it admits.
const (
	linkHeadings = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	loLine  = "    lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\n"
	oneLine = "  eth0:    1000       10    1    2    3     4          5         6     2000       20    7    8    9    10      11         12\n"
	oddLine = "\xff|-\x01\"é.-1234567:18446744073709550000 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0\n"
)

func TestSumLinks(t *testing.T) {
	one := agent.NetworkMetrics{RxBytes: 1000, TxBytes: 2000, RxPackets: 10, TxPackets: 20, RxDropped: 2, TxDropped: 8}
	both := one
	both.RxBytes, both.RxPackets, both.TxPackets = math.MaxUint64-615, 11, 21
	for _, test := range []struct {
		text string
		want agent.NetworkMetrics
	}{
		{linkHeadings, agent.NetworkMetrics{}},
		{linkHeadings + loLine, agent.NetworkMetrics{}},
		{linkHeadings + oneLine, one},
		{linkHeadings + loLine + oneLine, one},
		{linkHeadings + oneLine + loLine + oddLine, both},
		{linkHeadings + strings.Replace(oneLine, "eth0", "lo0", 1), one},
		{linkHeadings + strings.Replace(oneLine, "eth0", "l", 1), one},
		{linkHeadings + strings.Replace(oneLine, "\n", " 13\n", 1), one}, // another kernel's
	} {
		got := agent.NetworkMetrics{RxBytes: 1} // what was there is gone
		if err := sumLinks(&got, []byte(test.text)); err != nil || got != test.want {
			t.Errorf("sumLinks(%q) = %+v, %v, want %+v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{
		"", "\n", linkHeadings[:80],
		linkHeadings + "\n",
		linkHeadings + "eth0\n",
		linkHeadings + "eth0:\n",
		linkHeadings + strings.TrimSuffix(oneLine, "\n"),
		linkHeadings + strings.Replace(oneLine, " 12\n", "\n", 1),
		linkHeadings + strings.Replace(oneLine, "1000", "-1000", 1),
		linkHeadings + strings.Replace(oneLine, "1000", "0x1000", 1),
		linkHeadings + strings.Replace(oneLine, "1000", "18446744073709551616", 1),
		linkHeadings + strings.Replace(loLine, "9", "", 16),
	} {
		var got agent.NetworkMetrics
		if err := sumLinks(&got, []byte(text)); err == nil {
			t.Errorf("sumLinks(%q) = %+v, want an error", text, got)
		}
	}
}

// sumLinks agrees with a plain reading of the same format.
func FuzzSumLinks(f *testing.F) {
	for _, text := range []string{"", linkHeadings, linkHeadings + loLine + oneLine + oddLine, linkHeadings + "eth0: 1 2 3\n", linkHeadings + oneLine + "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got agent.NetworkMetrics
		err := sumLinks(&got, []byte(text))
		want, ok := sumPlainly(text)
		if (err == nil) != ok || ok && got != want {
			t.Errorf("sumLinks(%q) = %+v, %v, want %+v, %v", text, got, err, want, ok)
		}
	})
}

func sumPlainly(text string) (sum agent.NetworkMetrics, ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[len(lines)-1] != "" {
		return sum, false
	}
	for _, line := range lines[2 : len(lines)-1] {
		name, words, found := strings.Cut(line, ":")
		fields := strings.FieldsFunc(words, func(r rune) bool { return r == ' ' })
		if !found || len(fields) < 16 {
			return sum, false
		}
		var c [16]uint64
		for i := range c {
			var err error
			if c[i], err = strconv.ParseUint(fields[i], 10, 64); err != nil {
				return sum, false
			}
		}
		if strings.TrimLeft(name, " ") != "lo" {
			sum = agent.NetworkMetrics{
				RxBytes: sum.RxBytes + c[0], RxPackets: sum.RxPackets + c[1], RxDropped: sum.RxDropped + c[3],
				TxBytes: sum.TxBytes + c[8], TxPackets: sum.TxPackets + c[9], TxDropped: sum.TxDropped + c[11],
			}
		}
	}
	return sum, true
}

// TestLinks: a namespace has more links than the kernel tells of at a time, which
// are counted as netlink does.
func TestLinks(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	const pairs = 20
	var l *links
	var before, count, after agent.NetworkMetrics
	err := inNewNetwork(func() error {
		for i := range pairs {
			if err := addPair(i); err != nil {
				return err
			}
		}
		if err := broadcast(fmt.Sprintf(pairAddress, pairs-1)); err != nil {
			return err
		}
		opened, err := openLinks(unix.Gettid())
		if err != nil {
			return err
		}
		l = opened
		if before, err = askNetlink(); err != nil {
			return err
		}
		for range 2 { // with a buffer that is too small, and with one that is large enough
			if err := l.count(&count); err != nil {
				return err
			}
		}
		after, err = askNetlink()
		return err
	})
	defer func() { l.close() }() // nil, if it was not opened
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range figures(&count) { // the kernel sends a packet itself now and then
		if f < figures(&before)[i] || f > figures(&after)[i] {
			t.Errorf("count() = %+v, want what netlink tells, from %+v to %+v", count, before, after)
			break
		}
	}
	if count.TxPackets == 0 || count.RxBytes < 1000 {
		t.Errorf("count() = %+v, want the packets sent", count)
	}
	if len(l.buf) < pairs*2*100 {
		t.Errorf("the buffer has %d bytes: the table is too short for this test", len(l.buf))
	}
}

// TestLinksOutlive: the counters of a network can be read when the process that
// was in it has ended, and the last sample of a run is taken then.
func TestLinksOutlive(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	sleeper := exec.Command("sleep", "60")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	pid := sleeper.Process.Pid
	err := raiseLoopback(pid)
	l, unopened := openLinks(pid)
	_ = sleeper.Process.Kill()
	_ = sleeper.Wait() // killed
	if err != nil || unopened != nil {
		t.Fatal(err, unopened)
	}
	defer l.close()
	count := agent.NetworkMetrics{RxBytes: 1}
	if err := l.count(&count); err != nil || count != (agent.NetworkMetrics{}) {
		t.Errorf("count() = %+v, %v, want zeros", count, err)
	}
	if l, err := openLinks(pid); err == nil {
		l.close()
		t.Error("openLinks() of a process that has ended: no error")
	}
}

func figures(m *agent.NetworkMetrics) [6]uint64 {
	return [...]uint64{m.RxBytes, m.TxBytes, m.RxPackets, m.TxPackets, m.RxDropped, m.TxDropped}
}

// inNewNetwork calls f in a network namespace of its own, and ends the thread that
// was in it.
func inNewNetwork(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// addPair adds two links, of which what the one sends arrives at the other.
func addPair(i int) error {
	a := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("a\xff|%d", i), Flags: net.FlagUp}, PeerName: fmt.Sprintf("b-%d", i)}
	if err := netlink.LinkAdd(a); err != nil {
		return fmt.Errorf("add links: %w", err)
	}
	b, err := netlink.LinkByName(a.PeerName)
	if err == nil {
		err = netlink.LinkSetUp(b)
	}
	if err != nil {
		return err
	}
	address, err := netlink.ParseAddr(fmt.Sprintf(pairAddress, i) + "/24")
	if err == nil {
		err = netlink.AddrAdd(a, address)
	}
	return err
}

const pairAddress = "10.9.%d.1"

// broadcast sends packets over the link that has the address until one has arrived:
// the kernel drops those that come before it has noticed that both ends are up.
func broadcast(address string) error {
	conn, err := net.Dial("udp", strings.TrimSuffix(address, "1")+"255:9")
	if err != nil {
		return err
	}
	defer conn.Close()
	packet := make([]byte, 1000)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if _, err := conn.Write(packet); err != nil {
			return err
		}
		count, err := askNetlink()
		if err != nil || count.RxBytes >= uint64(len(packet)) {
			return err
		}
	}
	return errors.New("no packet has arrived")
}

func askNetlink() (sum agent.NetworkMetrics, err error) {
	list, err := netlink.LinkList()
	for _, link := range list {
		if a := link.Attrs(); a.Flags&net.FlagLoopback == 0 {
			sum.RxBytes += a.Statistics.RxBytes
			sum.TxBytes += a.Statistics.TxBytes
			sum.RxPackets += a.Statistics.RxPackets
			sum.TxPackets += a.Statistics.TxPackets
			sum.RxDropped += a.Statistics.RxDropped
			sum.TxDropped += a.Statistics.TxDropped
		}
	}
	return sum, err
}
