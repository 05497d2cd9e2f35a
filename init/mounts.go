package nsinit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// resolvConf is bound from the host, where there is one.
const resolvConf = "/etc/resolv.conf"

// mount is a mount that comes after the fixed ones.
type mount struct {
	syncpipe.Mount
	index    int    // in the configuration, or -1: resolv.conf
	source   int    // of a volume, open
	err      error  // or why it is not
	dev, ino uint64 // of the root of what has been mounted
}

// short names the mount by its number in the configuration: its path may be long.
func (m mount) short() string {
	if m.index < 0 {
		return "mount resolv"
	}
	return "mount " + strconv.Itoa(m.index)
}

// setVolumeName shows that the source of a volume is being opened, which may be on a dead
// file server.
func setVolumeName(index int) { setName("volume " + strconv.Itoa(index)) }

// mounts returns the configured mounts, parents first, and that of resolv.conf after
// them: it may be a link that leads into one of them. A volume over /etc, or a mount in
// its place, has the resolv.conf that it has.
func mounts(config *syncpipe.Config) []mount {
	var list []mount
	setName("mount resolv") // the host's may be on a dead file server
	resolve := unix.Access(resolvConf, unix.F_OK) == nil
	for i, m := range config.Mounts {
		list = append(list, mount{Mount: m, index: i})
		if m.Dest == resolvConf || m.Source != "" && below(resolvConf, m.Dest) {
			resolve = false
		}
	}
	if resolve {
		list = append(list, mount{Mount: syncpipe.Mount{Source: resolvConf, Dest: resolvConf}, index: -1})
	}
	return list
}

// covered reports whether path is at or below the destination of one of mounts.
func covered(path string, mounts []mount) bool {
	return slices.ContainsFunc(mounts, func(m mount) bool { return below(path, m.Dest) })
}

func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// mount makes a mount, and notes what is to be seen there.
func (c *container) mount(m *mount) error {
	if m.Source == "" {
		return pathError("mount", m.Dest, c.mountTmp(m))
	}
	return pathError("mount "+m.Dest+" from", m.Source, c.mountVolume(m))
}

// mountTmp mounts a tmpfs for everybody in the container. Size 0 is tmpfs' own
// "no limit" (kernel document filesystems/tmpfs.rst).
func (c *container) mountTmp(m *mount) error {
	at, err := c.openPlace(m, directory)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	fd, err := filesystem{
		kind: "tmpfs", attr: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
		options: c.ofRoot("mode=1777", "size="+strconv.FormatUint(m.Size, 10)),
	}.mountAt(at)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if m.dev, m.ino, err = inode(fd); err == nil {
		c.ours = append(c.ours, m.dev)
	}
	return err
}

// mountVolume binds a file or directory of the host, recursively, and nosuid
// and nodev all the way down.
func (c *container) mountVolume(m *mount) error {
	if m.err != nil {
		return m.err
	}
	defer unix.Close(m.source)
	isDir, err := isDirectory(m.source)
	if err != nil {
		return err
	}
	missing := file
	if isDir {
		missing = directory
	}
	at, err := c.openPlace(m, missing)
	if _, owned := errors.AsType[ownedError](err); m.index < 0 && (owned || errors.Is(err, unix.ENOENT)) {
		return nil // a link to /dev/null, say, or into a volume, which has none
	}
	if err != nil {
		return err
	}
	defer unix.Close(at)
	if dev, ino, err := inode(at); err == nil && m.index < 0 && c.configured(dev, ino) != nil {
		return nil // a link to what is mounted there
	}
	if m.dev, m.ino, err = inode(m.source); err != nil {
		return err
	}
	if c.UserNS != nil && m.index >= 0 {
		return unmapped(c.bindMapped(m.source, at))
	}
	fd, err := bind(m.source, at, true)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	attr := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	if m.index < 0 { // the host's resolv.conf
		attr |= unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC
	}
	return setAttributes(fd, attr, true)
}

// inode returns the numbers of what is open, by which it is known elsewhere.
func inode(fd int) (dev, ino uint64, err error) {
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return st.Dev, st.Ino, err
}

// configured returns what the configuration has mounted by these numbers, or nil.
func (c *container) configured(dev, ino uint64) *mount {
	i := slices.IndexFunc(c.mounts, func(m mount) bool { return m.index >= 0 && m.dev == dev && m.ino == ino })
	if i < 0 {
		return nil
	}
	return &c.mounts[i]
}

// checkMounts refuses mounts that hide one another. They have been made in the order of
// their paths; where links of the rootfs lead it may be another one. (Somebody who
// exchanges what they are in hides them, too.) A tmpfs in place of another one, as of
// /run and /var/run, is as good.
func (c *container) checkMounts() error {
	for _, m := range c.mounts {
		if m.index < 0 {
			continue
		}
		var dev, ino uint64
		at, err := openInside(c.root, m.Dest, nothing, nil)
		if err == nil {
			dev, ino, err = inode(at)
			unix.Close(at)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			return err
		}
		there := c.configured(dev, ino)
		if there != nil && m.Source == "" && there.Source == "" {
			continue
		}
		if err != nil || dev != m.dev || ino != m.ino {
			return fmt.Errorf("%s is hidden by another mount (a link leads there), or was exchanged", m.Dest)
		}
	}
	return nil
}

// openPlace opens, and makes if need be, what is to be mounted on, wherever
// links lead inside the root; but not where that would hide what every container
// has: the root itself, anything in /proc, /sys and /dev/pts, and in /dev all that
// is not a directory made for a mount.
func (c *container) openPlace(m *mount, missing kind) (int, error) {
	at, err := openInside(c.root, m.Dest, missing, c.ours)
	if errors.Is(err, unix.ENOENT) {
		err = fmt.Errorf("%w (nothing is made in a volume, /proc or /sys)", err)
	}
	if err != nil {
		return -1, err
	}
	if err := c.fits(at, missing); err != nil {
		unix.Close(at)
		return -1, err
	}
	return at, nil
}

// ownedError is why nothing is mounted on what every container has.
type ownedError struct{ owner string }

func (e ownedError) Error() string {
	return fmt.Sprintf("%v (it leads to the container's own %s)", unix.EPERM, e.owner)
}

func (e ownedError) Unwrap() error { return unix.EPERM }

// fits reports why a mount may not be made on what is open.
func (c *container) fits(at int, wanted kind) error {
	owner, err := c.ownerOf(at)
	if err != nil {
		return err
	}
	if owner != "" {
		return ownedError{owner}
	}
	isDir, err := isDirectory(at)
	switch {
	case err != nil:
		return err
	case wanted == directory && !isDir:
		return unix.ENOTDIR
	case wanted == file && isDir:
		return unix.EISDIR
	}
	return nil
}

// ownerOf names what of every container an open file belongs to, if it does.
func (c *container) ownerOf(fd int) (string, error) {
	var fs unix.Statfs_t
	var st, root, dev unix.Stat_t
	if err := errors.Join(unix.Fstatfs(fd, &fs), unix.Fstat(fd, &st), unix.Fstat(c.root, &root), unix.Fstat(c.dev, &dev)); err != nil {
		return "", err
	}
	switch {
	case st.Dev == root.Dev && st.Ino == root.Ino:
		return "/", nil
	case fs.Type == unix.PROC_SUPER_MAGIC:
		return "/proc", nil
	case fs.Type == unix.SYSFS_MAGIC:
		return "/sys", nil
	case fs.Type == unix.DEVPTS_SUPER_MAGIC:
		return "/dev/pts", nil
	case st.Dev == dev.Dev && (st.Ino == dev.Ino || st.Mode&unix.S_IFMT == unix.S_IFCHR):
		return "/dev", nil
	}
	return "", nil
}
