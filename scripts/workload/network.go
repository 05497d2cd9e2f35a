package main

import (
	"io"
	"net"
)

func reportNetwork([]string) {
	links, err := net.Interfaces()
	check(err)
	for _, link := range links {
		report("link "+link.Name, link.Flags)
	}
}

// tryLoopback sends a word to itself over 127.0.0.1.
func tryLoopback([]string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		report("loopback", err)
		return
	}
	go func() {
		if conn, err := net.Dial("tcp", listener.Addr().String()); err == nil {
			_, _ = conn.Write([]byte("ok")) // what arrives is what is reported
			conn.Close()
		}
	}()
	conn, err := listener.Accept()
	check(err)
	word, err := io.ReadAll(conn)
	check(err)
	report("loopback", string(word))
}

// trySend sends one UDP packet.
func trySend(args []string) {
	conn, err := net.Dial("udp", args[0])
	if err == nil {
		_, err = conn.Write(make([]byte, number(args[1])))
	}
	report("send "+args[0], outcome(err))
}

// tryBind listens on a TCP address for a moment.
func tryBind(args []string) {
	listener, err := net.Listen("tcp", args[0])
	if err == nil {
		listener.Close()
	}
	report("bind "+args[0], outcome(err))
}
