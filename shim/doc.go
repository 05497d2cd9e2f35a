// Package shim is the half of the supervisor outside the container. It owns the
// run directory, the control socket, the signals, the cgroup, the restarts and
// the metrics of one container, for the container's life.
//
// One goroutine, the loop (supervisor.go), owns all state. Every other goroutine
// turns one blocking call into values on a channel, and has a verb for a name:
//
//	signals ----\                        /--> mailbox --> write   (for a client that is slow)
//	accept ------\                      /
//	read ---------+--> loop --> state -+----> start  --\  one run: cgroup, clone, sync pipe
//	wait --------/     ^                \---> clear   --\ what a run has left behind
//	notify, tick -/    |                                 |
//	watch, look /      \---------------------------------/
//
// For the clients one more, poll (poller.go), waits: it wakes their read and write.
//
// Nothing that the loop does can block on a client, on the container, on the run
// directory or on stderr. The states and what leads from one to the other are in
// state.go; they are announced (publish.go) by the one method that changes them.
//
// The container is cloned on the main thread of the process (clone.go), because
// the kernel sends the parent-death signal when the thread that cloned exits.
package shim
