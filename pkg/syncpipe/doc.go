// Package syncpipe is the protocol between the two halves of the supervisor:
// the shim outside and init inside the new namespaces. It runs over one pair of
// SOCK_SEQPACKET sockets (unix(7)); the child's end is descriptor FD. A message
// is one JSON object in one packet, so that
//
//	strace -f -e trace=sendmsg,recvmsg
//
// shows the whole conversation:
//
//	shim                               init
//	config  ------------------------->        enter the cgroup, then all steps that need memory
//	write roomy limits
//	        <------------------------- step   {name, start, took}, only with Config.Trace
//	        <------------------------- ready
//	raise loopback, write tight limits        seccomp, signals, close descriptors
//	proceed ------------------------->        execve
//	        <------------------------- EOF    execve closed the pipe: the command runs
//	        <------------------------- failed {step, path, errno, text}, at any time instead
//
// proceed is also init's proof that the shim lives: init has armed its
// parent-death signal before ready, and a shim that died earlier sends none.
//
// EOF comes also when init dies before execve. To tell the two apart, init has
// set its thread name (PR_SET_NAME, shown in /proc/PID/stat) to ExecName by
// then. The kernel names a process after the last element of the path that it
// executes, so a name with a slash is no executed command's; one that gives
// itself this very name differs from init in its executable file.
//
// Before that, the thread name is a slash and the step that init is in, so that
// the shim finds out where init hangs without a message for each step.
//
// With a user namespace there is a second pair of sockets before all this, to the
// outfitter, which makes the mounts while init waits for its config:
//
//	shim                               outfitter
//	config  ------------------------->        the steps that need the host's root
//	        <------------------------- ready  the mounts are in init's namespace; it exits
//
// The packages shim and init use this one; nothing else should.
package syncpipe
