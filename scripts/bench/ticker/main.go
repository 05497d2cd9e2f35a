// Command ticker is the least that an idle supervisor in Go costs which has a
// socket and looks at something every 3 s: package net, a listener, a ticker.
//
//	ticker SOCKET
//
// It says "S 0" on stdout when it is there, and ends at TERM.
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "ticker:", err)
		os.Exit(1)
	}
	go func() {
		for {
			if _, err := listener.Accept(); err != nil {
				return
			}
		}
	}()
	fmt.Println("S 0")
	for range time.Tick(3 * time.Second) {
	}
}
