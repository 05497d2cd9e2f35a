package shim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// tracer writes the steps and messages of each start to a file, as Chrome trace
// events ("Trace Event Format", complete events). The file is one JSON array
// after every write. A nil tracer does nothing.
type tracer struct {
	file    *os.File
	log     *slog.Logger
	private bool // the file is nobody else's to read
	over    bool // there will be no more events
}

// traceEvent is one complete event. Its times are microseconds of
// CLOCK_MONOTONIC, which both halves share.
type traceEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat"` // step or message
	Phase    string         `json:"ph"`
	Start    microseconds   `json:"ts"`
	Duration microseconds   `json:"dur"`
	PID      int            `json:"pid"`
	TID      int            `json:"tid"`
	Args     map[string]any `json:"args"`
}

// microseconds is a time in nanoseconds, written as microseconds.
type microseconds int64

func (m microseconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%03d", m/1000, m%1000), nil
}

// openTrace opens the trace file, new or one of earlier runs. A file that
// cannot be used is logged, and costs nothing but the trace.
func openTrace(name string, log *slog.Logger) *tracer {
	if name == "" {
		return nil
	}
	var file *os.File
	err := soon("open trace", func() (err error) {
		file, err = openTraceFile(name)
		return err
	})
	if err != nil {
		log.Error("no trace", "error", err)
		return nil
	}
	return &tracer{file: file, log: log}
}

// tracePatience is how long an event may take to be written: so short that no other
// deadline of a start is missed for it.
func tracePatience() time.Duration { return syncpipe.Timeout / 5 }

// soon is a step that may hang, without which things go on then.
func soon(name string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- step(name, f) }()
	select {
	case err := <-done:
		return err
	case <-time.After(tracePatience()):
		return noAnswer(name, tracePatience())
	}
}

func openTraceFile(name string) (*os.File, error) {
	// Not blocking, lest the name be a FIFO's.
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NONBLOCK, 0o600)
	if err == nil {
		var info os.FileInfo
		if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
			err = &os.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
			file.Close()
		}
	}
	return file, err
}

// now is when what will be recorded begins. (Of the clock each reading is a system
// call, and there are sixty steps and messages in a start.)
func (t *tracer) now() int64 {
	if t == nil {
		return 0
	}
	return syncpipe.Monotonic()
}

// step records a step that has just ended.
func (t *tracer) step(run int, name string, start int64) {
	if t != nil {
		t.write(traceEvent{Name: name, Category: "step", Start: microseconds(start), Duration: microseconds(syncpipe.Monotonic() - start), PID: os.Getpid(), Args: map[string]any{"run": run}})
	}
}

// initStep records a step that init has reported.
func (t *tracer) initStep(run, pid int, s *syncpipe.Step) {
	if t != nil {
		t.write(traceEvent{Name: s.Name, Category: "step", Start: microseconds(s.Start), Duration: microseconds(s.Took), PID: pid, Args: map[string]any{"run": run}})
	}
}

// message records a message that has just been sent or received; the duration
// is that of the call, waiting included. m is nil at the end of the pipe.
func (t *tracer) message(run int, from, to string, m *syncpipe.Message, start int64) {
	if t == nil {
		return
	}
	e := traceEvent{Category: "message", Start: microseconds(start), Duration: microseconds(syncpipe.Monotonic() - start), PID: os.Getpid(), Args: map[string]any{"run": run, "from": from, "to": to}}
	if m == nil {
		e.Name = "EOF"
	} else {
		e.Name = string(m.Type)
		e.Args["message"] = redact(*m)
	}
	t.write(e)
}

// redact returns the message as people may see it: text instead of base64, and
// the length of each value of the environment in its place.
func redact(m syncpipe.Message) any {
	if m.Config == nil {
		return m
	}
	type config syncpipe.Config // shadows the two fields that differ
	shown := struct {
		config
		Argv []string `json:"argv"`
		Env  []string `json:"env"`
	}{config: config(*m.Config)}
	for _, arg := range m.Config.Argv {
		shown.Argv = append(shown.Argv, string(arg))
	}
	for _, entry := range m.Config.Env {
		key, value, _ := bytes.Cut(entry, []byte("="))
		shown.Env = append(shown.Env, string(key)+"="+strconv.Itoa(len(value)))
	}
	return map[string]any{"type": m.Type, "config": shown}
}

// write appends an event. If it cannot, there will be no more of them.
func (t *tracer) write(e traceEvent) {
	if t.over {
		return
	}
	e.Phase, e.TID = "X", e.PID
	err := soon("write trace", func() error {
		err := t.append(e)
		if err != nil {
			t.file.Close()
		}
		return err
	})
	if err != nil {
		t.log.Error("trace ends", "error", err)
		t.over = true
	}
}

// append puts an event in the place of the array's end, in one write. Another
// supervisor may write to the same file, hence the lock.
func (t *tracer) append(e traceEvent) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := t.lock(); err != nil {
		return err
	}
	defer func() { _ = unix.Flock(int(t.file.Fd()), unix.LOCK_UN) }() // an open file can be unlocked
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	at := info.Size()
	if at == 0 {
		text = fmt.Appendf(nil, "[\n%s\n]", text)
	} else {
		end := make([]byte, 2)
		if _, err := t.file.ReadAt(end, max(at-2, 0)); err != nil || string(end) != "\n]" {
			return fmt.Errorf("%s: not a trace", t.file.Name())
		}
		at -= 2
		text = fmt.Appendf(nil, ",\n%s\n]", text)
	}
	if !t.private { // it may be an old one
		if err := t.file.Chmod(0o600); err != nil {
			return err
		}
		t.private = true
	}
	if _, err = t.file.WriteAt(text, at); err != nil { // a full disk
		_ = t.file.Truncate(info.Size())
		if at > 0 {
			_, _ = t.file.WriteAt([]byte("\n]"), at) // where these two bytes have been before
		}
	}
	return err
}

// lock takes the lock, but does not wait for somebody who keeps it.
func (t *tracer) lock() error {
	var err error
	for range 100 {
		err = unix.Flock(int(t.file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return os.NewSyscallError("flock", err)
}
