package shim

import (
	"syscall"

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

func (s *supervisor) signalRun(with syscall.Signal) {
	if err := s.run.signal(with); err != nil {
		s.log.Error("stop", "signal", unix.SignalName(with), "error", err)
	}
	if with == unix.SIGKILL && s.run.killing == nil {
		s.run.killing = make(chan struct{})
		go s.run.killAll()
	}
}
