package shim

import (
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// openNetwork opens a network that is not the host's, and brings a new one up.
func (s *starter) openNetwork(r *run) (err error) {
	network, pid := s.container.network, r.child.id()
	if network == agent.NetworkHost {
		return nil
	}
	if network == agent.NetworkNone {
		if err := raiseLoopback(pid); err != nil {
			return fmt.Errorf("raise loopback: %w", err)
		}
	}
	r.links, err = openLinks(pid)
	return err
}

// netlinkTimeout bounds each request. The kernel may let one wait while others
// make and remove links, so there is none once the command runs.
const netlinkTimeout = time.Second

// raiseLoopback sets the link lo up, which gives it its addresses, in the network
// namespace that the process is in.
func raiseLoopback(pid int) error {
	ns, err := os.Open(procFile(pid, "ns/net"))
	if err != nil {
		return err
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer handle.Close()
	if err := handle.SetSocketTimeout(netlinkTimeout); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	lo := netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: loopback}}
	return handle.LinkSetUp(&lo)
}

// loopback is the index of the link lo, LOOPBACK_IFINDEX in the kernel: it is the
// first in each namespace.
const loopback = 1
