package shim

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// links are the network links of a container whose network is not the host's,
// through a socket that was opened inside its namespace.
type links struct {
	handle *netlink.Handle
}

// netlinkTimeout bounds each request. The counters are read by the loop.
const netlinkTimeout = time.Second

// openLinks opens the network namespace that the process is in.
func openLinks(pid int) (*links, error) {
	ns, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	if err := handle.SetSocketTimeout(netlinkTimeout); err != nil {
		handle.Close()
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return &links{handle}, nil
}

// raiseLoopback sets the link lo up, which gives it its addresses.
func (l *links) raiseLoopback() error {
	lo, err := l.handle.LinkByName("lo")
	if err == nil {
		err = l.handle.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	return nil
}

// count sums the counters of all links but loopback.
func (l *links) count() (*agent.NetworkMetrics, error) {
	list, err := l.handle.LinkList()
	if err != nil {
		return nil, err
	}
	var sum agent.NetworkMetrics
	for _, link := range list {
		attrs := link.Attrs()
		if attrs.Flags&net.FlagLoopback != 0 || attrs.Statistics == nil {
			continue
		}
		sum.RxBytes += attrs.Statistics.RxBytes
		sum.TxBytes += attrs.Statistics.TxBytes
		sum.RxPackets += attrs.Statistics.RxPackets
		sum.TxPackets += attrs.Statistics.TxPackets
		sum.RxDropped += attrs.Statistics.RxDropped
		sum.TxDropped += attrs.Statistics.TxDropped
	}
	return &sum, nil
}

func (l *links) close() {
	if l != nil {
		l.handle.Close()
	}
}
