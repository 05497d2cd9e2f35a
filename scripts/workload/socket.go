package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// reportSockets tries to connect to every unix socket of the network namespace
// whose name holds the word. Names that begin with @ are abstract (unix(7)).
func reportSockets(args []string) {
	text, err := os.ReadFile("/proc/self/net/unix")
	check(err)
	var names []string
	for line := range strings.Lines(string(text)) {
		// Seven columns, and the name if there is one.
		if f := strings.Fields(line); len(f) == 8 && strings.Contains(f[7], args[0]) {
			names = append(names, f[7])
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		conn, err := net.Dial("unix", name)
		if err == nil {
			conn.Close()
		}
		report("socket "+name, outcome(err))
	}
}

// tryAsk sends a command to a control socket and says what comes first.
func tryAsk(args []string) {
	conn, err := net.Dial("unix", args[0])
	if err != nil {
		report("ask "+args[0], outcome(err))
		return
	}
	line := ""
	if _, err = io.WriteString(conn, "event: "+args[1]+"\n\n"); err == nil {
		line, err = bufio.NewReader(conn).ReadString('\n')
	}
	switch {
	case err == nil:
		report("ask "+args[0], strings.TrimSpace(line))
	case err == io.EOF || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE):
		report("ask "+args[0], "closed")
	default:
		report("ask "+args[0], outcome(err))
	}
}
