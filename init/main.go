package nsinit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// A process that is the helper does not get beyond this package's initialisation:
// those of the packages that only the shim is made of, and main, have not been run.
// While packages are initialised the main goroutine is on the main thread, where
// the helper must be.
func init() {
	if early && len(os.Args) > 0 && os.Args[0] == syncpipe.HelperName {
		main()
	}
}

// main runs the helper and does not return: the process becomes the command or
// exits with status 1, after it has told the shim why.
func main() {
	setName("config")
	unix.Umask(0) // modes below are meant as written
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
	c := newContainer(m, pipe)
	for _, s := range steps(c) {
		current = s.name
		setName(s.threadName())
		traced := m.Config.Trace && !s.silent
		var start int64
		if traced {
			start = syncpipe.Monotonic()
		}
		err := fault(s.name)
		if err == nil {
			err = s.run(c)
		}
		if err != nil {
			return err
		}
		if traced {
			if err := pipe.Send(syncpipe.Message{Type: syncpipe.TypeStep, Step: &syncpipe.Step{
				Name: syncpipe.Short(s.name), Start: start, Took: syncpipe.Monotonic() - start,
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
	failed := &syncpipe.Failed{Text: syncpipe.Short(err.Error())}
	if e, ok := errors.AsType[*stepError](err); ok {
		failed.Step = syncpipe.Short(e.step)
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		failed.Errno = e
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		failed.Path = syncpipe.Short(e.Path)
	}
	_ = pipe.Send(syncpipe.Message{Type: syncpipe.TypeFailed, Failed: failed})
}

// setName shows the step in the thread's name, where the shim finds it when a
// step hangs. The slash keeps it apart from every executed command's name.
func setName(step string) {
	name := append([]byte("/"+step), 0)                                                            // the kernel cuts it at 15 bytes
	_ = call(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.SliceData(name))), 0) // cannot fail
}
