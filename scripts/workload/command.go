package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// allCommands returns the table. In args, <> is mandatory and [] is not.
func allCommands() map[string]command {
	return map[string]command{
		// What a container sees.
		"argv":     {reportArgv, ""},
		"env":      {reportEnv, ""},
		"cwd":      {reportCwd, ""},
		"hostname": {reportHostname, ""},
		"umask":    {reportUmask, ""},
		"limits":   {reportLimits, ""},
		"ids":      {reportIDs, ""},
		"identity": {reportIdentity, ""},
		"session":  {reportSession, ""},
		"status":   {reportStatus, "<FIELD> [FIELD ...]"},
		"ns":       {reportNamespaces, ""},
		"owners":   {reportOwners, ""},
		"procs":    {reportProcesses, ""},
		"fds":      {reportDescriptors, ""},
		"streams":  {reportStreams, ""},
		"mounts":   {reportMounts, "[PATH ...]"},
		"cat":      {reportContent, "<FILE> [FILE ...]"},
		"list":     {reportDirectory, "<DIR> [DIR ...]"},
		"stat":     {reportStat, "<PATH> [PATH ...]"},
		"survey":   {survey, ""},
		"statfs":   {reportStatfs, "<PATH> [PATH ...]"},
		"net":      {reportNetwork, ""},
		"sockets":  {reportSockets, "<WORD>"},

		// What it may do.
		"open":     {tryOpen, "<PATH> [PATH ...]"},
		"write":    {tryWrite, "<PATH> [TEXT]"},
		"chown":    {tryChown, "<PATH> <UID>"},
		"key":      {tryKey, "<NAME>"},
		"mkdir":    {tryMkdir, "<PATH> [PATH ...]"},
		"fill":     {tryFill, "<PATH> <MIB>"},
		"sync":     {trySync, "<PATH>"},
		"lock":     {tryLock, "<PATH>"},
		"exec":     {tryExec, "<PATH> [ARG ...]"},
		"pty":      {tryPty, ""},
		"loopback": {tryLoopback, ""},
		"send":     {trySend, "<ADDR> <BYTES>"},
		"ask":      {tryAsk, "<SOCKET> <COMMAND>"},
		"bind":     {tryBind, "<ADDR>"},
		"syscall":  {trySyscalls, "<CALL[,ARG,...]> [CALL[,ARG,...] ...]"},
		"ioctl":    {tryIoctls, "<REQUEST> [REQUEST ...]"},
		"int80":    {tryInt80, "<NUMBER> [NUMBER ...]"},

		// How it would get out.
		"cgroup-mount":        {tryCgroupMount, "<DIR>"},
		"cgroup-mount-inside": {cgroupMountInside, "<DIR>"},
		"loosen":              {tryLoosen, "<PATH> [PATH ...]"},
		"spoil-streams":       {spoilStreams, ""},

		// How it lives.
		"echo":        {echo, "[TEXT ...]"},
		"echo-err":    {echoErr, "[TEXT ...]"},
		"stdin":       {readStdin, ""},
		"first":       {first, "<FILE> <COMMAND> [ARG ...]"},
		"sleep":       {sleep, "<DURATION>"},
		"serve":       {serve, ""},
		"until-term":  {untilTerm, "<STATUS>"},
		"ignore-term": {ignoreTerm, ""},
		"disarm":      {disarm, ""},
		"hold-end":    {holdEnd, ""},
		"seize":       {seize, "<PID>"},
		"rename":      {rename, "<NAME>"},
		"hostile":     {hostile, "<PROGRAM> [ARG ...]"},
		"slices":      {longSlices, "<NS> <PROGRAM> [ARG ...]"},
		"bequeath":    {bequeath, "<FILE> <PROGRAM> [ARG ...]"},
		"deny":        {deny, "<ERRNO> <CALL,...> <PROGRAM> [ARG ...]"},
		"spin":        {spin, "<DURATION>"},
		"flood":       {flood, ""},
		"spawn":       {spawn, "<N>"},
		"storm":       {storm, "<N>"},

		// How it ends.
		"exit":      {exit, "<STATUS>"},
		"crash":     {crash, ""},
		"kill-self": {killSelf, ""},
		"kill-all":  {killAll, ""},
		"eat":       {eat, "<MIB>"},
		"eat-child": {eatChild, "<MIB>"},
	}
}

// number reads an argument that is a number.
func number(arg string) int {
	n, err := strconv.Atoi(arg)
	if err != nil {
		usage(err.Error())
	}
	return n
}

// duration reads an argument that is a duration.
func duration(arg string) time.Duration {
	d, err := time.ParseDuration(arg)
	if err != nil {
		usage(err.Error())
	}
	return d
}

// check ends the workload if it is itself what does not work.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(2)
	}
}
