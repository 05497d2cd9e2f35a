package shim

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/eventstream"
)

// TestMailbox: while a client is slow the newest announcement wins, and nothing
// follows a final one.
func TestMailbox(t *testing.T) {
	c, _ := connect(t)
	c.writing, c.mailbox = true, make(chan announcement, 1)
	for i := range 5 {
		if !c.put(announcement{event: fmt.Append(nil, i)}) {
			t.Errorf("announcement %d is not kept", i)
		}
	}
	if got := <-c.mailbox; string(got.event) != "4" {
		t.Errorf("mailbox = %s, want the newest", got.event)
	}
	c.put(announcement{event: []byte("final"), final: true})
	c.put(announcement{event: []byte("late")})
	if got := <-c.mailbox; string(got.event) != "final" {
		t.Errorf("mailbox = %s, want final", got.event)
	}
	select {
	case got := <-c.mailbox:
		t.Errorf("after the final one came %s", got.event)
	default:
	}
}

// TestSentAtOnce: what the socket takes is there when put returns, nobody keeps
// it, and no goroutine is begun for it.
func TestSentAtOnce(t *testing.T) {
	c, peer := connect(t)
	finals := 0
	c.sent = func() { finals++ }
	for _, a := range []announcement{{event: []byte("one\n")}, {event: []byte("two\n")}, {event: []byte("end\n"), final: true}} {
		if c.put(a) || c.writing {
			t.Errorf("%q is kept, written by another", a.event)
		}
	}
	buf := make([]byte, 32)
	if n, err := peer.Read(buf); err != nil || string(buf[:n]) != "one\ntwo\nend\n" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if finals != 1 {
		t.Errorf("%d final ones sent, want 1", finals)
	}
	c.finish()
	<-c.written
}

// TestRestFollows: of what the socket takes a part of, the rest comes first, though
// something newer has been put; and no pace holds it back.
func TestRestFollows(t *testing.T) {
	c, peer := connect(t)
	large := append(bytes.Repeat([]byte("x"), 4<<20), '\n') // more than the socket's buffer
	c.put(announcement{event: []byte("first\n")})           // after the next one there is a pace to keep
	for i, a := range []announcement{{event: large}, {event: []byte("old\n")}, {event: []byte("new\n"), final: true}} {
		if !c.put(a) {
			t.Errorf("announcement %d is not kept", i)
		}
	}
	want := append(append([]byte("first\n"), large...), "new\n"...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes that end with %q, %v", len(got), got[len(got)-8:], err)
	}
	c.finish()
	<-c.written
	if c.writing {
		t.Error("the goroutine has not ended")
	}
}

// TestWriterEnds: after a client has been slow, the loop writes to it again.
func TestWriterEnds(t *testing.T) {
	c, peer := connect(t)
	synctest.Test(t, func(t *testing.T) {
		for range paceBurst {
			c.put(announcement{event: []byte("a")})
		}
		if !c.put(announcement{event: []byte("b")}) {
			t.Error("what came too soon is not kept")
		}
		<-time.After(paceInterval)
		synctest.Wait()
		<-time.After(paceInterval)
		if c.put(announcement{event: []byte("c")}) {
			t.Error("the goroutine is still there")
		}
		buf := make([]byte, 32)
		if n, err := unix.Read(int(peer.Fd()), buf); err != nil || string(buf[:n]) != "aabc" {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		c.finish()
	})
}

// TestNothingIsAllocated: neither by an announcement to a client that reads.
func TestNothingIsAllocated(t *testing.T) {
	c, peer := connect(t)
	s := &supervisor{clients: map[*client]struct{}{c: {}}, record: record{state: down, runs: 1}}
	buf := make([]byte, 8192)
	s.publish()
	n := testing.AllocsPerRun(100, func() {
		c.earliest, c.final = time.Time{}, false
		s.publish()
		_, _ = unix.Read(int(peer.Fd()), buf)
	})
	if n != 0 {
		t.Errorf("publish allocates %v times, want 0", n)
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &client{mailbox: make(chan announcement, 1)}
		start := time.Now()
		if got := c.pace(announcement{event: []byte("a")}, 0); string(got.event) != "a" || time.Since(start) != 0 {
			t.Errorf("without a wait: %s after %v", got.event, time.Since(start))
		}
		c.replace(announcement{event: []byte("b")})
		if got := c.pace(announcement{event: []byte("a")}, paceInterval); string(got.event) != "b" || time.Since(start) != paceInterval {
			t.Errorf("with a wait: %s after %v, want the newest after %v", got.event, time.Since(start), paceInterval)
		}
		start = time.Now()
		c.replace(announcement{event: []byte("end"), final: true})
		if got := c.pace(announcement{event: []byte("a")}, paceInterval); string(got.event) != "end" || time.Since(start) != 0 {
			t.Errorf("final one: %s after %v, want it at once", got.event, time.Since(start))
		}
	})
}

// TestFlood: what changes faster than the pace is not sent faster, and the final
// state still arrives, once.
func TestFlood(t *testing.T) {
	c, peer := connect(t)
	finals := 0
	c.sent = func() { finals++ }
	start := time.Now()
	for time.Since(start) < 5*paceInterval {
		c.put(announcement{event: eventstream.Append(nil, "state", []byte("x"))})
	}
	c.put(announcement{event: eventstream.Append(nil, "state", []byte("end")), final: true})
	took := time.Since(start)
	c.finish()
	<-c.written
	c.file.Close()
	got, err := io.ReadAll(peer)
	if err != nil {
		t.Fatal(err)
	}
	n := bytes.Count(got, []byte("event: state\n"))
	if most := int(took/paceInterval) + paceBurst + 1; n > most {
		t.Errorf("%d events in %v, want at most %d", n, took, most)
	}
	if !bytes.HasSuffix(got, []byte("event: state\ndata: end\n\n")) || finals != 1 {
		t.Errorf("ends with %q, %d finals", got[max(0, len(got)-40):], finals)
	}
}

// TestStoppedClient: a peer that reads nothing is given up after a time without
// progress, and delays nobody who puts.
func TestStoppedClient(t *testing.T) {
	c, _ := connect(t)
	c.sent = func() { t.Error("sent to a client that reads nothing") }
	large := bytes.Repeat([]byte("x"), 4<<20) // more than the socket's buffer
	c.put(announcement{event: large})
	c.put(announcement{event: large, final: true})
	start := time.Now()
	c.finish()
	<-c.written
	if took := time.Since(start); took < endProgress/2 {
		t.Errorf("given up after %v", took)
	}
}

// TestSlowToTheEnd: who reads steadily is told the final state, though the socket is never
// so empty that the kernel would tell of room in it.
func TestSlowToTheEnd(t *testing.T) {
	c, peer := connect(t)
	sent := make(chan struct{})
	c.sent = func() { close(sent) }
	c.put(announcement{event: bytes.Repeat([]byte("x"), 400<<10)}) // more than the socket's buffer
	c.put(announcement{event: []byte("end\n"), final: true})
	c.finish()
	var got []byte
	for buf := make([]byte, 8<<10); !bytes.HasSuffix(got, []byte("end\n")); {
		select {
		case <-c.written:
		case <-time.After(endProgress / endTries):
		}
		n, err := peer.Read(buf)
		if err != nil || n == 0 {
			t.Fatalf("read %d, %v after %d bytes, want the final state", n, err, len(got))
		}
		got = append(got, buf[:n]...)
		select {
		case <-c.written:
			select {
			case <-sent:
			default:
				t.Fatalf("given up after %d bytes", len(got))
			}
		default:
		}
	}
}
