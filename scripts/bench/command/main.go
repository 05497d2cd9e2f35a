// Command command is command.c in Go, for a machine without a C compiler. Its
// first stamp is late: a Go runtime starts first.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

func main() {
	first := now()
	term := make(chan os.Signal, 1)
	signal.Notify(term, unix.SIGTERM) // before anybody is told that this runs
	tell('S', first)
	switch os.Args[1] {
	case "wait":
		io.Copy(io.Discard, os.Stdin)
	case "stay":
		<-term
	}
	tell('E', now())
	if os.Args[1] == "once" {
		os.Exit(1)
	}
}

// now is CLOCK_MONOTONIC in nanoseconds.
func now() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

// tell writes a letter and a time, as one line.
func tell(letter byte, at int64) { fmt.Printf("%c %d\n", letter, at) }
