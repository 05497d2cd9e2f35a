package nsinit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// Name is argv[0] of the helper process. It is the whole command line, so that
// nothing of the configuration shows in ps.
const Name = "harpoon-init"

// Main runs the helper and does not return: the process becomes the command or
// exits with status 1, after it has told the shim why. The calling goroutine
// must be locked to the main thread.
func Main() {
	debug.SetGCPercent(-1) // a collection costs more than this process ever allocates
	setName("config")
	pipe, err := syncpipe.Inherited()
	if err != nil {
		os.Exit(1) // started by hand: there is nobody to tell
	}
	report(pipe, run(pipe))
	os.Exit(1)
}

// run does everything, and returns only if that failed.
func run(pipe *syncpipe.Conn) (err error) {
	current := "config"
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
		err = &stepError{step: current, err: err}
	}()
	m, err := pipe.Expect(syncpipe.TypeConfig)
	if err != nil {
		return err
	}
	for _, s := range steps(newContainer(m.Config, pipe)) {
		current = s.name
		setName(current)
		start := monotonic()
		if err := s.run(); err != nil {
			return err
		}
		if m.Config.Trace && !s.silent {
			if err := pipe.Send(syncpipe.Message{Type: syncpipe.TypeStep, Step: &syncpipe.Step{
				Name: s.name, Start: start, Took: monotonic() - start,
			}}); err != nil {
				return err
			}
		}
	}
	return errors.New("internal error: the last step returned")
}

// stepError adds the step to an error.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string {
	// "mount /data: mount /data from /host/dir: ..." would say it twice.
	if text := e.err.Error(); strings.HasPrefix(text, e.step) {
		return text
	}
	return e.step + ": " + e.err.Error()
}

func (e *stepError) Unwrap() error { return e.err }

// report tells the shim. If it is gone there is nobody else to tell.
func report(pipe *syncpipe.Conn, err error) {
	failed := &syncpipe.Failed{Text: err.Error()}
	if e, ok := errors.AsType[*stepError](err); ok {
		failed.Step = e.step
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		failed.Errno = e
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		failed.Path = e.Path
	}
	_ = pipe.Send(syncpipe.Message{Type: syncpipe.TypeFailed, Failed: failed})
}

// setName shows the step in the thread's name, where the shim finds it when a
// step hangs. The slash keeps it apart from every executed command's name.
func setName(step string) {
	name := append([]byte("/"+step), 0)                                                        // the kernel cuts it at 15 bytes
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.SliceData(name))), 0, 0, 0) // cannot fail
}

// monotonic returns the time of CLOCK_MONOTONIC, which both halves share.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return ts.Nano()
}
