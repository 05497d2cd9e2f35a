package main

// int80 makes a system call of i386 from a 64-bit program.
func int80(number uintptr) uintptr
