package shim

import (
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// exit is the end of a command.
type exit struct {
	run    *run
	status unix.WaitStatus
	err    error
	at     time.Time
}

// exitStatus words a wait status as the wire does; oomed is the verdict.
func exitStatus(status unix.WaitStatus, oomed bool) *agent.ContainerExitStatus {
	switch {
	case oomed:
		return &agent.ContainerExitStatus{OOMed: true}
	case status.Signaled():
		return &agent.ContainerExitStatus{Signaled: true, Signal: int(status.Signal())}
	}
	return &agent.ContainerExitStatus{Exited: true, ExitStatus: status.ExitStatus()}
}

// how words an exit status for the log.
func how(e *agent.ContainerExitStatus) []any {
	switch {
	case e.OOMed:
		return []any{"how", "out of memory"}
	case e.Signaled:
		return []any{"how", "signal", "signal", e.Signal}
	}
	return []any{"how", "exit", "status", e.ExitStatus}
}
