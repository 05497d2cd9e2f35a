package shim

import "runtime"

// spareThreads are as many as the runtime may want at once to hand its CPU over, beside
// those that it has in any case: while a thread takes a signal, one writes to a stderr
// that blocks, one clears a run, and one is in a system call that takes long.
const spareThreads = 3

// reserveThreads has the runtime make threads, which it keeps. Without one where it wants
// one it ends the process, and with that the container: when a signal comes, or a client,
// and the limit of processes has been reached, by a command perhaps that has part in it
// (pids.max, RLIMIT_NPROC). So it is called before there is a command.
func reserveThreads() {
	held, release := make(chan struct{}), make(chan struct{})
	for range spareThreads {
		go func() {
			runtime.LockOSThread()
			held <- struct{}{}
			<-release
			runtime.UnlockOSThread()
		}()
	}
	for range spareThreads {
		<-held
	}
	close(release)
}
