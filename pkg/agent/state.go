package agent

import "time"

// ContainerProcessState is the data of a state event: all there is to know
// about the container at one moment.
//
// Both Up and Restarting false is the final state; it is sent exactly once on
// each connection, and nothing after it.
type ContainerProcessState struct {
	// Up: the command is running.
	Up bool `json:"up"`
	// Restarting: there will be another run after this one. While up, it is
	// what the restart policy says for a failure, and false after a stop.
	Restarting bool `json:"restarting"`
	// Err says why a start failed, or that the restart limit was reached.
	// With it, Up and Restarting are false.
	Err string `json:"err,omitempty"`
	// ContainerExitStatus is how the last run ended; present only while not
	// up, after a run.
	ContainerExitStatus *ContainerExitStatus `json:"container_exit_status,omitempty"`
	// Restarts counts the runs after the first whose exec succeeded.
	Restarts uint64 `json:"restarts"`
	// OOMs counts the runs that ended because the command itself was killed
	// for exceeding the memory limit.
	OOMs uint64 `json:"ooms"`

	ContainerMetrics ContainerMetrics `json:"container_metrics"`

	// PID is the command's process ID in the supervisor's pid namespace.
	// Present only while up.
	PID int `json:"pid,omitempty"`
	// StartedAt is when the current run's exec had succeeded, RFC 3339, UTC.
	// Present only while up.
	StartedAt time.Time `json:"started_at,omitzero"`
	// ExitedAt is when the supervisor saw the last run end, RFC 3339, UTC.
	// Present exactly when ContainerExitStatus is.
	ExitedAt time.Time `json:"exited_at,omitzero"`
	// NextRestartAt is when the next run is due, RFC 3339, UTC. Present only
	// while the supervisor waits for that moment.
	NextRestartAt time.Time `json:"next_restart_at,omitzero"`
}

// Final reports whether the container is down for good.
func (s *ContainerProcessState) Final() bool { return !s.Up && !s.Restarting }

// ContainerExitStatus is how a run ended; exactly one of Exited, Signaled and
// OOMed is true.
type ContainerExitStatus struct {
	// Exited: the command called exit with ExitStatus, 0 to 255.
	Exited     bool `json:"exited,omitempty"`
	ExitStatus int  `json:"exit_status,omitempty"`
	// Signaled: the command was killed by Signal (signal(7)), which is never
	// folded into an exit status of 128 and more.
	Signaled bool `json:"signaled,omitempty"`
	Signal   int  `json:"signal,omitempty"`
	// OOMed: the kernel killed the command for exceeding the memory limit.
	OOMed bool `json:"oomed,omitempty"`
}

// Failure reports whether the run counts as failed: anything but exit 0.
func (s ContainerExitStatus) Failure() bool { return !s.Exited || s.ExitStatus != 0 }

// The event types of the control socket (package eventstream). The data of
// the commands is ignored.
const (
	EventState = "state" // to the client: data is a ContainerProcessState

	EventStop = "stop" // to the supervisor: TERM to the command, no restart
	EventKill = "kill" // to the supervisor: KILL to the command, no restart
	EventExit = "exit" // to the supervisor: end, if the container is down for good
)
