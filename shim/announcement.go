package shim

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// announcement is an encoded state event. Who keeps one must not change it: it
// may be another's as well.
type announcement struct {
	event []byte
	final bool
}

// The pace of announcements to one client.
const (
	paceInterval = 20 * time.Millisecond // between two of them, in the long run
	paceBurst    = 2                     // may follow one another at once
)

// The patience with clients at the end of the supervisor.
const (
	endProgress = 500 * time.Millisecond // without a byte taken,
	endTries    = 10                     // which is tried so often
	endTotal    = 900 * time.Millisecond
)

// put tells the client what has been announced, and reports whether it keeps
// the event. It never waits. Only the loop puts.
//
// Nearly always the socket takes it all. Then no other goroutine has anything to
// do, nor has another thread.
func (c *client) put(a announcement) (kept bool) {
	if c.final {
		return false
	}
	c.final = a.final
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return false
	}
	if c.writing {
		c.replace(a)
		return true
	}
	begun := false
	if c.wait() <= 0 || a.final {
		n, err := sendNow(c.fd, a.event)
		if err != nil {
			c.broken = true
			return false
		}
		if begun = n > 0; begun {
			c.pass()
		}
		if a.event = a.event[n:]; len(a.event) == 0 {
			if a.final {
				c.sent()
			}
			return false
		}
	}
	if c.mailbox == nil {
		c.mailbox = make(chan announcement, 1)
	}
	c.writing = true
	go c.write(a, begun)
	return true
}

// replace puts an announcement in the mailbox, in place of an older one.
func (c *client) replace(a announcement) {
	select {
	case <-c.mailbox:
	default:
	}
	c.mailbox <- a
}

// sendNow writes as much as the socket takes at once. The system call does not
// block, so the runtime is not told of it: it would wake its monitor, a thread
// that sleeps while nothing happens.
func sendNow(fd int, event []byte) (n int, err error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(event))), uintptr(len(event)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}

// wait returns for how long the next announcement has to wait.
func (c *client) wait() time.Duration {
	return time.Until(c.earliest.Add(-(paceBurst - 1) * paceInterval)) // not overflowing before the first
}

// pass counts one announcement.
func (c *client) pass() {
	if now := time.Now(); c.earliest.Before(now) {
		c.earliest = now
	}
	c.earliest = c.earliest.Add(paceInterval)
}

// write is the goroutine that writes an announcement which the loop could not,
// and those that come meanwhile. Of one that has been begun there is only the
// rest, which has to follow.
func (c *client) write(a announcement, begun bool) {
	for more := true; more; a, more = c.next() {
		if !begun {
			a = c.pace(a, c.wait())
			c.pass()
		}
		begun = false
		if c.writeAll(a.event) != nil {
			// Nobody reads any more; but what was sent before is still to
			// be read, and read reports the end.
			c.mu.Lock()
			c.broken = true
			c.leave()
			c.mu.Unlock()
			return
		}
		if a.final {
			c.sent()
		}
	}
}

// pace waits before an announcement and returns the newest by then. A final
// one does not wait.
func (c *client) pace(a announcement, wait time.Duration) announcement {
	if wait <= 0 || a.final {
		return a
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case newer, open := <-c.mailbox:
			if !open {
				return a
			}
			if a = newer; a.final {
				return a
			}
		case <-timer.C:
			return a
		}
	}
}

// writeAll writes one event, or the rest of it.
func (c *client) writeAll(event []byte) error {
	c.poller.change(c, slow)
	defer c.poller.change(c, always)
	for futile := 0; ; {
		var n int
		var err error
		if closed := c.raw.Control(func(fd uintptr) {
			n, err = sendNow(int(fd), event)
		}); closed != nil {
			return os.ErrClosed
		}
		if event = event[n:]; err != nil || len(event) == 0 {
			return err
		}
		if n > 0 {
			futile = 0
		}
		late, err := c.awaitRoom()
		if err != nil {
			return err
		}
		if late {
			futile++
		}
		if futile == endTries {
			return os.ErrDeadlineExceeded
		}
	}
}

// awaitRoom waits until the socket may take more. At the end of the supervisor that is
// tried now and then: the kernel tells of room only when a quarter of the buffer is left
// in use (unix_writable), which one who reads slowly does not come to in time.
func (c *client) awaitRoom() (late bool, err error) {
	var open bool
	select {
	case _, open = <-c.writable:
	case <-c.finishing:
		select {
		case _, open = <-c.writable:
		case <-time.After(endProgress / endTries):
			return true, nil
		}
	}
	if !open {
		return false, os.ErrClosed
	}
	return false, nil
}

// next returns what has been put meanwhile. If there is nothing, the loop
// writes again.
func (c *client) next() (a announcement, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case a, more = <-c.mailbox:
	default:
	}
	if !more {
		c.leave()
	}
	return a, more
}

// leave is the end of write.
func (c *client) leave() {
	c.writing = false
	select {
	case <-c.finishing:
		close(c.written)
	default:
	}
}

// finish closes written as soon as what has been put has been written, or cannot
// be. The loop must not put anything afterwards.
func (c *client) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.finishing)
	if c.writing {
		close(c.mailbox) // whoever waits for its pace need not
	} else {
		close(c.written)
	}
}
