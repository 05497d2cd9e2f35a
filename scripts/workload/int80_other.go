//go:build !amd64

package main

// int80 is there on amd64 only.
func int80(uintptr) uintptr {
	usage("int80: not on this machine")
	return 0
}
