package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// retryInterval is the time between two attempts to connect.
const retryInterval = 25 * time.Millisecond

// maxSunPath is the longest path that fits a sockaddr_un with its NUL, in bytes
// (unix(7)).
const maxSunPath = 107

// Dial connects to the control socket at path, which may be relative, and of
// any length that a path may have.
//
// As long as the socket does not exist, refuses connections or has a full
// backlog, Dial tries again every 25 ms until ctx is done; its error then wraps
// both the one of ctx and the one of the last attempt. Any other error is
// returned at once. A ctx that will never be done waits for ever; one that is done
// connects to nobody.
//
// The Client has a goroutine and a descriptor until it is closed.
func Dial(ctx context.Context, path string) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", path, err)
	}
	for {
		conn, err := connect(path)
		if err == nil {
			return newClient(conn), nil
		}
		err = fmt.Errorf("dial %s: %w", path, cause(err))
		if !temporary(err) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(retryInterval):
		}
	}
}

// temporary reports whether a supervisor that starts, or one that has many
// clients at once (EAGAIN: the backlog is full), may be the reason of err.
func temporary(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EAGAIN)
}

// connect makes one attempt. It needs no context: connecting a unix socket that
// does not block never waits.
func connect(path string) (*net.UnixConn, error) {
	if strings.ContainsRune(path, 0) {
		return nil, unix.EINVAL // the kernel would connect to what comes before it
	}
	// A leading @ would make package net use an abstract socket.
	if len(path) <= maxSunPath && !strings.HasPrefix(path, "@") {
		return connectUnix(path)
	}
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	fd, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	short := "/proc/self/fd/" + strconv.Itoa(fd) + "/" + name
	if len(short) > maxSunPath {
		return nil, unix.ENAMETOOLONG
	}
	return connectUnix(short)
}

func connectUnix(path string) (*net.UnixConn, error) {
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
}

// openDir opens a directory only to name it, which needs no permission to read
// it (open(2), O_PATH).
func openDir(dir string) (int, error) {
	for {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// cause strips what package net puts before an error: it names the socket by
// the path through /proc, if at all.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
