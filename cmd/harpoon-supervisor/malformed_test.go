package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// malformed is what no client should send. lines is how many lines it leaves in
// the log, and cut whether the connection ends there.
var malformed = []struct {
	name, text string
	lines      int
	cut        bool
}{
	{"10 MB in one line", "event: kill" + strings.Repeat("x", 10<<20) + "\n\n", 1, true},
	{"10 MB without a line", strings.Repeat("\x00", 10<<20), 1, true},
	{"10 MB of one event's lines", "event: kill\n" + strings.Repeat("data: x\n", 10<<20/8) + "\n", 1, true},
	{"10 MB of anything", "no\ncommand\n\n" + strings.Repeat("\x00", 10<<20), 1, true},
	{"10 MB of one comment", ": " + strings.Repeat("x", 10<<20), 1, true},
	{"10 MB of comments", strings.Repeat(": x\n", 10<<20/4), 0, false},
	{"10 MB of empty lines", strings.Repeat("\n", 10<<20), 0, false},
	{"a type that is too long for a line of the log", "event: " + strings.Repeat("y", 60_000) + "\n\n", 1, false},
	{"binary", "\x00\xff\xfe\x01\n\n\x80\r\r", 1, false},
	{"a binary type", "event: \x00\xff\x1b[2J\nkill\n\n", 1, false},
	{"10 MB of what is no event", strings.Repeat("kill\n\n", 10<<20/6), 1, false},
	{"a truncated command", "event: kill\n", 1, false},
	{"no type", "data: kill\n\n", 1, false},
	{"JSON", `{"event": "kill"}` + "\n\n", 1, false},
	{"HTTP", "POST /kill HTTP/1.1\r\nHost: x\r\n\r\n", 1, false},
}

// TestMalformedCommands: what is malformed or too large is no command, costs a line in the
// log at most and no memory, and is cut off where it could go on for ever.
func TestMalformedCommands(t *testing.T) {
	needRoot(t)
	const memoryLimit = 32 << 10 // KiB
	c, s := started(t, launch{command: []string{"/bin/workload", "ignore-term"}}, "")
	client := dialed(t, c)
	if _, err := client.await("up=true"); err != nil {
		t.Fatal(err)
	}
	if err := s.loggedOnce("msg=started"); err != nil {
		t.Fatal(err)
	}
	for _, g := range malformed {
		before := s.lineCount(t)
		rude := dialed(t, c)
		if _, err := rude.next(patience); err != nil {
			t.Fatal(err)
		}
		err := rude.send(g.text)
		if g.cut {
			if ended := rude.cutOff(); ended != nil {
				t.Errorf("%s: %v", g.name, ended)
			}
		} else if err := errors.Join(err, rude.conn.CloseWrite()); err != nil {
			t.Errorf("%s: %v, want it to be read", g.name, err)
		}
		if err := s.loggedMore(t, before, g.lines); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
		rude.conn.Close()
	}
	before := s.lineCount(t)
	hasty, err := connect(c)
	if err == nil {
		_, err = hasty.Read(make([]byte, 1)) // the rest is there, too, and resets the connection
	}
	if err == nil {
		_, err = hasty.Write([]byte("event: ki"))
		hasty.Close()
	}
	if err == nil {
		err = s.loggedMore(t, before, 1)
	}
	if err != nil {
		t.Errorf("a truncated command of who leaves without reading: %v", err)
	}
	// All of it has been read by now but for what a later command overtakes.
	if err := client.command("stop"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.await("up=true", "restarting=false"); err != nil {
		t.Fatal(err)
	}
	if kib := s.memory(t, "VmRSS"); kib > memoryLimit && !raceEnabled {
		t.Errorf("resident memory = %d KiB, want %d at most", kib, memoryLimit)
	}
	text, err := os.ReadFile(s.logPath())
	if err != nil || len(text) > 16<<10 || bytes.ContainsAny(text, "\x00\x1b\xff") {
		t.Errorf("the log has %d bytes (%v), want it short and readable", len(text), err)
	}
	s.finish(t, client)
}

// cutOff waits for the end of a connection by the supervisor.
func (s *stream) cutOff() error {
	return poll(patience, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err == nil {
			return errors.New("the connection is still there")
		}
		return nil
	})
}

// loggedTimes waits until so many lines of the log hold a text.
func (s *supervisor) loggedTimes(part string, n int) error {
	return poll(patience, func() error {
		text, err := os.ReadFile(s.logPath())
		if got := bytes.Count(text, []byte(part)); got != n {
			return fmt.Errorf("%d times %s in the log, want %d", got, part, n)
		}
		return err
	})
}

// loggedMore waits for so many lines more than before.
func (s *supervisor) loggedMore(t *testing.T, before, lines int) error {
	t.Helper()
	return poll(patience, func() error {
		if got := s.lineCount(t) - before; got != lines {
			return fmt.Errorf("%d lines in the log, want %d", got, lines)
		}
		return nil
	})
}

// lineCount returns how many lines the supervisor has logged.
func (s *supervisor) lineCount(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}
