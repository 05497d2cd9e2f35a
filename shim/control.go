package shim

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// onSignal: TERM and INT end the supervisor with the container; all others
// are survived.
func (s *supervisor) onSignal(signal syscall.Signal) {
	switch signal {
	case unix.SIGTERM, unix.SIGINT:
		with := unix.SIGTERM
		if s.ending.signal != 0 {
			with = unix.SIGKILL
		} else {
			s.ending.signal = signal
		}
		s.stop(with, "signal", unix.SignalName(signal))
	case unix.SIGQUIT:
		stacks := make([]byte, 1<<20)
		_, _ = s.lines.Write(stacks[:runtime.Stack(stacks, true)]) // never fails
	}
}

func (s *supervisor) onCommand(c command) {
	by := []any{"uid", c.from.peer.Uid, "pid", c.from.peer.Pid}
	switch c.name {
	case agent.EventStop:
		s.stop(unix.SIGTERM, by...)
	case agent.EventKill:
		s.stop(unix.SIGKILL, by...)
	case agent.EventExit:
		if s.state != down {
			s.log.Warn("exit refused: not down for good", append(by, "state", s.state)...)
			return
		}
		s.log.Info("exit asked", by...)
		s.endFor(byExit)
	default:
		s.log.Warn("bad command", append(by, "command", short(c.name))...)
	}
}

// short cuts a text from outside for the log.
func short(text string) string {
	return text[:min(len(text), 64)]
}

// stop ends the container: the run with a signal, a start in progress or a
// restart to come by calling it off.
func (s *supervisor) stop(with syscall.Signal, by ...any) {
	s.log.Info("stop asked", append(by, "with", unix.SignalName(with), "state", s.state)...)
	if s.stopWith != unix.SIGKILL {
		s.stopWith = with
	}
	running := s.state.running()
	s.apply(stopAsked)
	if running {
		s.signalRun(with)
	}
}

func (s *supervisor) signalRun(with syscall.Signal) {
	if err := s.run.signal(with); err != nil {
		s.log.Error("stop", "signal", unix.SignalName(with), "error", err)
	}
}

// lookAtDir ends a supervisor that is down for good and whose directory has been
// deleted: nobody can ever reach it. Only then is there anything to watch for.
func (s *supervisor) lookAtDir() {
	s.lookDir = nil
	if s.state != down {
		return
	}
	if s.unwatch == nil {
		stop, err := s.dir.watch(s.deleted)
		if err != nil { // fs.inotify.max_user_instances: look by the clock instead
			stop = func() {}
			s.unwatched = true
		}
		s.unwatch = stop
	}
	if s.dir.deleted() {
		s.log.Warn("run directory has been deleted")
		s.endFor(byItself)
	} else if s.unwatched || !s.listener.published() {
		// The directory goes after control, if it goes, and without an event.
		s.lookDir = time.After(dirInterval)
	}
}

// isHangUp reports whether a connection has ended in one of the usual ways.
func isHangUp(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
