package nsinit

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// With a user namespace there are two helpers. Init must be born in it, for a
// process with several threads, as a Go program is, cannot enter one later
// (setns(2)); and all other namespaces of the container belong to it. There it
// has no power over what is the host's: it can make no device, bind no path that
// it may not see, mount no overlay before Linux 5.11, map no volume, and not show
// the host's network in /sys. So the outfitter, the host's root in a mount
// namespace of its own, takes those steps, as init does without a user namespace.
// What it has mounted it moves into init's mount namespace, and ends. Both are
// this program with one list of steps; init waits for its configuration meanwhile.

// role is a set of those who take a step.
type role int

const (
	alone     role = 1 << iota // init, without a user namespace
	inside                     // init in a user namespace
	outfitter                  // the host's root, for the latter

	each     = alone | inside | outfitter
	hostRoot = alone | outfitter // what needs its powers
)

func (c *container) role() role {
	switch {
	case c.UserNS == nil:
		return alone
	case c.UserNS.Init == 0:
		return inside
	}
	return outfitter
}

// takenBy reports whether the step is one of those that who takes.
func (s step) takenBy(who role) bool {
	if s.by == 0 {
		s.by = alone | inside
	}
	return s.by&who != 0
}

// hostUID returns a user ID of the container as the host has it; hostGID a group's.
func (c *container) hostUID(uid uint32) int {
	if c.UserNS != nil {
		uid += c.UserNS.UID
	}
	return int(uid)
}

func (c *container) hostGID(gid uint32) int {
	if c.UserNS != nil {
		gid += c.UserNS.GID
	}
	return int(gid)
}

// ofRoot adds to the options of a tmpfs that it belongs to the container's root.
func (c *container) ofRoot(options ...string) []string {
	if c.UserNS == nil {
		return options
	}
	return append(options, "uid="+strconv.Itoa(c.hostUID(0)), "gid="+strconv.Itoa(c.hostGID(0)))
}

// ofInit is a file of init's directory in /proc, for the outfitter.
func (c *container) ofInit(name string) string {
	return fmt.Sprintf("/proc/%d/%s", c.UserNS.Init, name)
}

// placeProc makes the mount point of /proc. Only init can mount it: it shows the
// PID namespace of whoever mounts it. In its place is the host's meanwhile, so that
// no other mount gets there, see ownerOf.
func (c *container) placeProc() error {
	at, err := c.openFixed(c.root, "proc", "/proc")
	if err != nil {
		return err
	}
	defer unix.Close(at)
	host, err := openDir("/proc")
	if err != nil {
		return err
	}
	defer unix.Close(host)
	c.proc, err = bind(host, at, false)
	return pathError("mount", "/proc", err)
}

// clearProc makes way for init's.
func (c *container) clearProc() error {
	defer unix.Close(c.proc)
	return pathError("unmount", "/proc", unix.Unmount(fdPath(c.proc), unix.MNT_DETACH))
}

// handedOver is where init finds its root: a directory that all hosts have and
// everybody may reach, and that init has no other use for.
const handedOver = "/sys"

// handOver copies the mounts and moves them into init's mount namespace, of which
// nothing can be seen elsewhere. Then there is nothing left to do.
//
// A command with CAP_SYS_ADMIN could make writable there what is read-only, and reach
// devices. The kernel locks a mount's attributes, and the mounts in one another, when
// it copies a mount namespace for another user namespace than its owner's
// (mount_namespaces(7), Restrictions on mount namespaces). So they are copied that
// way once more, out of init's namespace, and those copies take their place.
func (c *container) handOver() error {
	ns, err := unix.Open(c.ofInit("ns/mnt"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return pathError("open", c.ofInit("ns/mnt"), err)
	}
	var mounts int
	copyTree := func(at int, path string) func() error {
		return func() (err error) {
			mounts, err = unix.OpenTree(at, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_EMPTY_PATH)
			return err
		}
	}
	unshare := func(what int) func() error { return func() error { return unix.Unshare(what) } }
	enter := func() error { return unix.Setns(ns, unix.CLONE_NEWNS) }
	move := func() error {
		return unix.MoveMount(mounts, "", unix.AT_FDCWD, handedOver, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	for _, call := range []struct {
		name string
		run  func() error
	}{
		{"open_tree", copyTree(c.root, "")},
		{"unshare root", unshare(unix.CLONE_FS)}, // who shares his root with others cannot change it
		{"setns", enter},
		{"move_mount", move},
		{"unshare mounts", unshare(unix.CLONE_NEWNS)},
		{"open_tree of the locked", copyTree(unix.AT_FDCWD, handedOver)},
		{"setns back", enter},
		{"umount of the unlocked", func() error { return unix.Unmount(handedOver, unix.MNT_DETACH) }},
		{"move_mount of the locked", move},
	} {
		if err := call.run(); err != nil {
			return fmt.Errorf("%s: %w", call.name, err)
		}
	}
	if err := c.pipe.Send(syncpipe.Message{Type: syncpipe.TypeReady}); err != nil {
		return err
	}
	os.Exit(0)
	return nil
}

// takeRoot opens what the outfitter has mounted, and what init has to do with.
func (c *container) takeRoot() (err error) {
	if c.root, err = openDir(handedOver); err != nil {
		return err
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if c.dev, err = unix.Openat(c.root, "dev", flags, 0); err == unix.EACCES {
		return fmt.Errorf("%w (with userns everybody must be allowed to enter the rootfs: chmod a+rX)", pathError("open", "/dev", err))
	}
	if err != nil {
		return pathError("open", "/dev", err)
	}
	c.null, err = openDevice(c.dev, "null", unix.Mkdev(1, 3))
	return pathError("open", "/dev/null", err)
}

// bindMapped binds what is open as source, with all that is mounted below it, so
// that its files keep their IDs: those of the container's user N belong to N on
// the host's filesystem. A mount can be mapped only before it is in its place.
func (c *container) bindMapped(source, at int) error {
	users, err := unix.Open(c.ofInit("ns/user"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return pathError("open", c.ofInit("ns/user"), err)
	}
	defer unix.Close(users)
	tree, err := unix.OpenTree(source, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{
		Attr_set:  unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_IDMAP,
		Userns_fd: uint64(users),
	}); err != nil {
		return err
	}
	return put(tree, at)
}

// unmapped is the error of a volume that cannot be mapped: without it the command
// could do nothing there but read what everybody may.
func unmapped(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (with userns a volume needs an idmapped mount, and so does each mount below it: Linux 5.12, and a filesystem that has them)", err)
}
