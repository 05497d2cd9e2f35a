package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hostile becomes a program that inherits what a careless parent may leave it:
// signals ignored and blocked, a umask that forbids all, a low priority.
func hostile(args []string) {
	for _, signal := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE, unix.SIGUSR1, unix.SIGCHLD} {
		check(setDisposition(signal, sigIgnore))
	}
	var set unix.Sigset_t
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGUSR2, unix.SIGALRM, unix.SIGCHLD} {
		set.Val[0] |= 1 << (signal - 1)
	}
	// The main goroutine is locked to the thread that will exec.
	check(unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil))
	unix.Umask(0o777)
	check(unix.Setpriority(unix.PRIO_PROCESS, 0, 5))
	check(unix.Exec(args[0], args, os.Environ()))
}
