package shim

import "harpoon-supervisor/pkg/agent"

// state is where the container is between its first start and down for good.
//
//	starting --started--> up --------ended for good-------> down
//	    |                 | ^ \                              ^ ^ ^
//	    |                 | |  \--ended to restart--> backing off
//	    |               stop|                          |      | |
//	    |                 | \--started-- restarting <-due    stop
//	  stop                |               |      \--failed---/| |
//	    v                 v             stop                  | |
//	 aborting --started-> stopping ------------ended----------/ |
//	    ^  \--failed--------------------------------------------/
//	    \-- restarting, when stop is asked
//
// (starting --failed--> down is left out of the picture.)
type state uint8

const (
	starting   state = iota // the first start is in progress; nobody is told anything
	aborting                // a start is in progress, and stop has been asked
	up                      // the command runs
	stopping                // the command runs, and stop has been asked
	backingOff              // waiting for the time of the next start
	restarting              // a later start is in progress
	down                    // down for good
	states                  // how many there are
)

func (s state) String() string {
	return [states]string{"starting", "aborting", "up", "stopping", "backing off", "restarting", "down"}[s]
}

// running reports whether there is a command.
func (s state) running() bool { return s == up || s == stopping }

// startInProgress reports whether one is.
func (s state) startInProgress() bool { return s == starting || s == aborting || s == restarting }

// event is what can happen to the container.
type event uint8

const (
	started        event = iota // the exec of a start has succeeded
	startFailed                 // a start has failed, or was aborted
	endedForGood                // the command has ended; the policy wants no other run
	endedToRestart              // the command has ended; the policy wants another run
	stopAsked                   // stop, kill, TERM or INT
	restartDue                  // the back-off is over
	events                      // how many there are
)

func (e event) String() string {
	return [events]string{"started", "start failed", "ended for good", "ended to restart", "stop asked", "restart due"}[e]
}

// never marks what cannot happen: a run ends only after it has started, and a
// start is made only where the table below leads to one.
const never = states

// transitions is total: each event in each state has its entry, and a state's
// own name says that nothing changes.
var transitions = [states][events]state{
	//           started   startFailed endedForGood endedToRestart stopAsked restartDue
	starting:   {up, down, never, never, aborting, never},
	aborting:   {stopping, down, never, never, aborting, never},
	up:         {never, never, down, backingOff, stopping, never},
	stopping:   {never, never, down, down, stopping, never},
	backingOff: {never, never, never, never, down, restarting},
	restarting: {up, down, never, never, aborting, never},
	down:       {never, never, never, never, down, never},
}

// next returns the state after an event, and whether the event can happen at all.
func next(s state, e event) (state, bool) {
	to := transitions[s][e]
	if to == never {
		return s, false
	}
	return to, true
}

// wantsRestart is the restart policy: whether another run follows one that
// ended so. A stop that was asked for overrules it, by the table above.
func wantsRestart(policy agent.Restart, exit agent.ContainerExitStatus) bool {
	switch policy {
	case agent.RestartAlways:
		return true
	case agent.RestartOnFailure:
		return exit.Failure()
	}
	return false
}
