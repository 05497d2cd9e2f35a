package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// order is a program to be started.
type order struct {
	argv  []string // argv[0] is the path
	dir   string
	env   []string
	extra []*os.File // from descriptor 3 on
}

// process is a program that was started, with pipes to its stdin and stdout.
type process struct {
	*stamps
	name    string
	handle  *os.Process
	spawned int64 // just before the fork
	stdin   *os.File
	errors  *os.File // its stderr, a file without a name
	ended   bool
}

// crunVariable tells crun where it makes an empty file for a moment, which stays if it
// is killed then: in /tmp, if nothing is said.
const crunVariable = "_LIBCONTAINER_STATEDIR"

// spawn starts a program. Its environment is what the order says and nothing
// else, so that everybody has the same.
func spawn(o order) (*process, error) {
	p := &process{name: filepath.Base(o.argv[0])}
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer stdout.Close()
	p.stdin, p.stamps = in, newStamps(out)
	if p.errors, err = nameless(); err == nil {
		attr := &os.ProcAttr{
			Dir:   o.dir,
			Env:   append(o.env, "PATH="+os.Getenv("PATH"), crunVariable+"="+os.Getenv(crunVariable)),
			Files: append([]*os.File{stdin, stdout, p.errors}, o.extra...),
		}
		p.spawned = now()
		p.handle, err = os.StartProcess(o.argv[0], o.argv, attr)
	}
	if err != nil {
		p.ended = true
		p.clear()
		return nil, err
	}
	return p, nil
}

// nameless makes a file that nobody needs to remove.
func nameless() (*os.File, error) {
	fd, err := unix.MemfdCreate("stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "stderr"), nil
}

// wait waits for the end, and returns the CPU time of the process and of all
// that it has waited for. A status other than 0 is an error.
func (p *process) wait() (cpu time.Duration, err error) {
	timer := time.AfterFunc(patience, func() { p.handle.Kill() })
	defer timer.Stop()
	state, err := p.handle.Wait()
	if err != nil {
		return 0, err
	}
	p.ended = true
	cpu = state.UserTime() + state.SystemTime()
	if !state.Success() {
		return cpu, p.blame(errors.New(state.String()))
	}
	return cpu, nil
}

// blame adds to an error who it was and what it said last.
func (p *process) blame(err error) error {
	if err == nil {
		return nil
	}
	text, _ := io.ReadAll(io.NewSectionReader(p.errors, 0, 1<<16))
	words := strings.TrimSpace(string(text))
	if len(words) > 300 {
		words = "..." + words[len(words)-300:]
	}
	if words == "" {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return fmt.Errorf("%s: %w: %s", p.name, err, words)
}

// noStamp is the error of a process that had no stamp to give: how it ended, if
// it did, says more.
func (p *process) noStamp(err error) error {
	if errors.Is(err, io.EOF) {
		if _, ended := p.wait(); ended != nil {
			return ended
		}
	}
	return p.blame(err)
}

// clear ends what an error left running, and closes the pipes.
func (p *process) clear() {
	if !p.ended {
		p.handle.Kill()
		p.handle.Wait()
	}
	for _, f := range []*os.File{p.stdin, p.errors} {
		if f != nil {
			f.Close()
		}
	}
	if p.stamps != nil {
		p.pipe.Close()
	}
}

// call runs a program to its end.
func call(argv ...string) (cpu time.Duration, err error) {
	p, err := spawn(order{argv: argv})
	if err != nil {
		return 0, err
	}
	defer p.clear()
	return p.wait()
}

// reap waits for a process that was left to us, and returns its CPU time.
func reap(pid int) (time.Duration, error) {
	handle, err := os.FindProcess(pid)
	if err != nil {
		return 0, err
	}
	timer := time.AfterFunc(patience, func() { handle.Kill() })
	defer timer.Stop()
	state, err := handle.Wait()
	if err != nil {
		return 0, fmt.Errorf("wait for %d: %w", pid, err)
	}
	return state.UserTime() + state.SystemTime(), nil
}
