package shim

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink/nl"
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
	if !isHostNetwork(pid) {
		r.links, err = openLinks(pid)
	}
	return err
}

// isHostNetwork reports whether a process is in the network namespace of this one, to
// which a path may have led.
func isHostNetwork(pid int) bool {
	own, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return false
	}
	its, err := os.Stat(procFile(pid, "ns/net"))
	return err == nil && os.SameFile(own, its)
}

// raiseLoopback sets the link lo up, which gives it its addresses, in the network
// namespace that the process is in. The kernel does so before it takes the next request,
// and may let it wait while others make and remove links: no timeout of a socket bounds
// that, so it is a step of the start. The request is rtnetlink(7)'s own, by package nl:
// to link package netlink, which has a name for it, costs each start a thirtieth.
func raiseLoopback(pid int) error {
	ns, err := os.Open(procFile(pid, "ns/net"))
	if err != nil {
		return err
	}
	defer ns.Close()
	socket, err := nl.GetNetlinkSocketAt(netns.NsHandle(ns.Fd()), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer socket.Close()
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	lo := nl.NewIfInfomsg(unix.AF_UNSPEC)
	lo.Index, lo.Flags, lo.Change = loopback, unix.IFF_UP, unix.IFF_UP
	request.AddData(lo)
	_, err = request.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// loopback is the index of the link lo, LOOPBACK_IFINDEX in the kernel: it is the
// first in each namespace.
const loopback = 1
