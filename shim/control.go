package shim

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

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
		s.ending.reason = byExit
	case "":
		s.log.Warn("no command: one is a line \"event: NAME\" and an empty line", by...)
	default:
		s.log.Warn("bad command", append(by, "command", c.name[:min(len(c.name), 64)])...)
	}
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

// signalRun sends the command a signal. A TERM that it does not heed yet is lost, and so it
// is sent again, should the command get there.
func (s *supervisor) signalRun(with syscall.Signal) {
	s.lookHeed = nil
	heeded := s.run.heeds(with)
	if err := s.run.signal(with); err != nil {
		s.log.Error("stop", "signal", unix.SignalName(with), "error", err)
	}
	switch {
	case with == unix.SIGKILL && s.run.killing == nil:
		s.run.killing = make(chan struct{})
		go s.run.killAll()
	case with != unix.SIGKILL && !heeded:
		s.heedLooks = heedLooks
		s.awaitHeed()
	}
}

// A command that has just been executed may not have come to its handlers. One that has
// none gets no TERM ever, and is looked at in vain.
const (
	firstHeedLook = time.Millisecond // after a TERM that has been lost
	heedLooks     = 13               // at doubling distances: eight seconds in all
)

func (s *supervisor) awaitHeed() {
	if s.heedLooks > 0 {
		s.lookHeed = time.After(firstHeedLook << (heedLooks - s.heedLooks))
		s.heedLooks--
	}
}

// lookAtHeed sends the lost TERM again to a command that heeds it by now.
func (s *supervisor) lookAtHeed() {
	s.lookHeed = nil
	switch {
	case s.run == nil: // it has ended
	case s.run.heeds(s.stopWith):
		s.log.Info("stop repeated: the command heeds it by now", "with", unix.SignalName(s.stopWith))
		s.signalRun(s.stopWith)
	default:
		s.awaitHeed()
	}
}
