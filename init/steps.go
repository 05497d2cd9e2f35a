package nsinit

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// step is one thing that init does, named for errors, the trace and ps. A thread
// name holds 14 bytes of it (prctl(2), PR_SET_NAME).
type step struct {
	name string
	run  func(*container) error
	// short is for a name that may be longer.
	short string
	// silent: no message after it, because the pipe must be quiet there, and
	// no name but the one that is reserved for the last steps.
	silent bool
	// by is who takes the step, see userns.go. Nobody means init, with a user
	// namespace or without.
	by role
}

// threadName is what the step shows in ps, and to a shim that waits for it.
func (s step) threadName() string {
	switch {
	case s.silent:
		return strings.TrimPrefix(syncpipe.ExecName, "/")
	case s.short != "":
		return s.short
	}
	return s.name
}

// container is what the steps work on.
type container struct {
	*syncpipe.Config
	pipe  *syncpipe.Conn
	tasks []int // see syncpipe.Message

	mounts []mount // tmp, volumes and resolv.conf, parents first
	rootfs int     // the root directory as the host has it
	root   int     // the mounted root, on which all mounts are made
	proc   int     // the root of its procfs, sysfs and /dev, and the null device
	sys    int
	dev    int
	null   int
	ours   []uint64 // devices of the filesystems that we have made
	path   string   // the command's file, as looked up
}

func newContainer(m syncpipe.Message, pipe *syncpipe.Conn) *container {
	return &container{Config: m.Config, pipe: pipe, tasks: m.Tasks, mounts: mounts(m.Config), rootfs: -1, root: -1, proc: -1, sys: -1, dev: -1, null: -1}
}

// steps returns the steps that this process takes, in order.
func steps(c *container) []step {
	list := make([]step, 0, len(stepsBefore)+len(c.mounts)+1+len(stepsAfter))
	list = append(list, stepsBefore...)
	for i, m := range c.mounts { // rootfs/...
		list = append(list, step{name: "mount " + m.Dest, short: m.short(), by: hostRoot, run: func(c *container) error { return c.mount(&c.mounts[i]) }})
	}
	if len(c.Mounts) > 1 {
		list = append(list, step{name: "check mounts", run: (*container).checkMounts, by: hostRoot})
	}
	list = append(list, stepsAfter...)
	return slices.DeleteFunc(list, func(s step) bool { return !s.takenBy(c.role()) })
}

// The steps in order, those before the mounts of the configuration and those after. The
// order is the content: each stands where it stands for the reason given.
var (
	stepsBefore = []step{
		// First, so that nothing of what follows is done or charged outside.
		{name: "enter cgroup", run: (*container).enterCgroup, by: each},
		// After it, or the container would see /PARENT/ID as its cgroup.
		{name: "unshare cgroup", run: (*container).unshareCgroup},
		// After it, too: the cgroup's cpuset is what the affinity is cut to.
		{name: "reset thread", run: (*container).resetThread},
		// Before sysfs, which shows the namespace of whoever mounts it.
		{name: "join network", run: (*container).joinNetwork, by: hostRoot},
		// Before any other mount, or the host would see those.
		//
		//	/         the host's mounts, private
		{name: "make private", run: (*container).makePrivate, by: each},
		{name: "open rootfs", run: (*container).openRootfs, by: hostRoot},
		// A bind mount of the rootfs over itself, or, where a mount point is
		// missing, an overlay with a tmpfs above the rootfs:
		//
		//	/         the host's mounts
		//	rootfs    bind | tmpfs, overlay
		{name: "mount root", run: (*container).mountRoot, by: hostRoot},
		{name: "place /proc", run: (*container).placeProc, by: outfitter},
		{name: "take root", run: (*container).takeRoot, by: inside},
		//	rootfs/proc
		{name: "mount /proc", run: (*container).mountProc},
		//	rootfs/sys
		{name: "mount /sys", run: (*container).mountSys, by: hostRoot},
		//	rootfs/dev, dev/pts, dev/shm
		{name: "mount /dev", run: (*container).mountDev, by: hostRoot},
	}
	stepsAfter = []step{
		// Nothing else can get there any more.
		{name: "clear /proc", run: (*container).clearProc, by: outfitter},
		// All mount points have been made now.
		{name: "make read-only", run: (*container).makeReadOnly, by: hostRoot},
		// From a /dev that is read-only already.
		{name: "own streams", run: (*container).ownStreams},
		// With the null device from there.
		//
		//	rootfs/proc/..., sys/...
		{name: "mask paths", run: (*container).maskPaths, by: each},
		//	/         rootfs and what is in it, nothing else
		{name: "switch root", run: (*container).switchRoot},
		{name: "set hostname", run: (*container).setHostname},
		{name: "set limits", run: (*container).setLimits},
		// All files of ours have been made, with the modes that were meant.
		{name: "set umask", run: (*container).setUmask},
		// While this is still root: pipes are given to the command's user.
		{name: "give pipes", run: (*container).givePipes, by: hostRoot},
		// The last step of the outfitter: now init takes its steps.
		{name: "hand over", run: (*container).handOver, by: outfitter},
		// While this is still root: its keys are counted against root's quota.
		{name: "new keyring", run: (*container).newKeyring},
		{name: "no new privs", run: (*container).noNewPrivs},
		// While there is CAP_SETPCAP.
		{name: "securebits", run: (*container).resetSecurebits},
		{name: "drop bounding", run: (*container).dropBounding},
		{name: "set user", run: (*container).setUser},
		{name: "set caps", run: (*container).setCapabilities},
		// As the command's user, who must be allowed to enter it.
		{name: "enter workdir", run: (*container).enterWorkingDir},
		{name: "find command", run: (*container).lookUp},
		// Once more, whatever the steps before it have changed.
		{name: "parent death", run: (*container).armParentDeath},
		// All that needs memory has been done. The shim writes limits that may be too
		// tight for a Go program; from here on the memory is the container's, so
		// nothing is sent but a failure.
		{name: "tell ready", run: (*container).tellReady, silent: true},
		// While the shim does so. After all that the filter forbids, and after no new
		// privs, without which only root may install one. What is left to do is allowed
		// to any command. Before the signals: whatever goes wrong here finds the runtime
		// whole.
		{name: "seccomp", run: (*container).installFilter, silent: true},
		// The runtime cannot handle signals from here on.
		{name: "reset signals", run: (*container).resetSignals, silent: true},
		{name: "close descriptors", run: (*container).closeDescriptors, silent: true},
		// Until here it was a descriptor that cannot be written to: if the runtime dies,
		// what it says is not in the command's output.
		{name: "join stderr", run: (*container).joinStderr, silent: true},
		{name: "await proceed", run: (*container).awaitProceed, silent: true},
		{name: "allow huge pages", run: (*container).allowHugePages, silent: true},
		{name: "exec", run: (*container).exec, silent: true},
	}
)

// enterCgroup moves this thread into the cgroups whose tasks files have come with
// the configuration. "0" is the writing thread (kernel document cgroup-v1/cgroups.rst);
// cgroup.procs would wait for an RCU grace period of 10 ms and more.
func (c *container) enterCgroup() error {
	for _, fd := range c.tasks {
		if _, err := unix.Write(fd, []byte("0")); err != nil {
			path, _ := os.Readlink(fdPath(fd)) // the host's /proc is there
			return pathError("write", path, err)
		}
		unix.Close(fd)
	}
	return nil
}

func (c *container) unshareCgroup() error {
	return unix.Unshare(unix.CLONE_NEWCGROUP)
}

func (c *container) joinNetwork() error {
	if c.NetNS == "" {
		return nil
	}
	fd, err := unix.Open(c.NetNS, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return pathError("open", c.NetNS, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return pathError("setns", c.NetNS, err)
	}
	return nil
}

func (c *container) setHostname() error {
	if len(c.HostnameBytes) > 0 {
		return unix.Sethostname(c.HostnameBytes)
	}
	return unix.Sethostname([]byte(c.Hostname))
}

func (c *container) tellReady() error {
	return c.pipe.Send(syncpipe.Message{Type: syncpipe.TypeReady})
}

// awaitProceed waits for the shim's answer.
func (c *container) awaitProceed() error {
	_, err := c.pipe.Expect(syncpipe.TypeProceed)
	return err
}
