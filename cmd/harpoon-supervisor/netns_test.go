package main_test

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// makeNetns makes a network namespace as a CNI plugin would hand one over, with
// a link that packets can be sent to. It lives as long as the thread that is in it:
// nothing is mounted for it.
func (b *bed) makeNetns(ts *testscript.TestScript, args []string) error {
	ready, done, gone := make(chan error), make(chan struct{}), make(chan struct{})
	var path string
	go func() {
		defer close(gone)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = addLink()
		}
		path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
		ready <- err
		<-done
	}()
	err := <-ready
	ts.Defer(func() {
		close(done)
		<-gone
	})
	ts.Setenv(args[0], path)
	return err
}

// addLink makes a pair of links in the namespace of the thread. What is sent to
// the network of the one arrives at the other.
func addLink() error {
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "one"}, PeerName: "two"}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("add links: %w", err)
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 9, 0, 1), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(veth, addr); err != nil {
		return fmt.Errorf("add address: %w", err)
	}
	for _, name := range []string{"lo", "one", "two"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("raise %s: %w", name, err)
		}
	}
	// What is sent before the kernel has noticed that both ends are up is dropped.
	return poll(patience, func() error {
		link, err := netlink.LinkByName("one")
		if err == nil && link.Attrs().OperState != netlink.OperUp {
			err = fmt.Errorf("link one is %v", link.Attrs().OperState)
		}
		return err
	})
}
