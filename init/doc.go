// Package nsinit is the half of the supervisor inside the container's
// namespaces. It lives for a few milliseconds: it takes its configuration from
// the sync pipe (package syncpipe), goes through a linear list of steps, and
// becomes the command by execve.
//
// With a user namespace a second process of this package, the outfitter, takes
// those steps that need the powers of the host's root (userns.go).
//
// The package is not named after its directory, because Go refuses an import
// named init.
//
// Everything here runs on the main thread of the process, where the main goroutine is
// while packages are initialised: cgroup membership, namespaces and credentials belong
// to threads, and it is this thread that executes the command. So system calls that change them
// are made raw; the wrappers of package syscall would run them on every thread.
//
// It writes nothing to its standard streams, which are the command's already:
// whatever goes wrong goes to the shim as one message.
package nsinit
