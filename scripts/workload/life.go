package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func echo(words []string) { fmt.Println(strings.Join(words, " ")) }

func echoErr(words []string) { fmt.Fprintln(os.Stderr, strings.Join(words, " ")) }

func readStdin([]string) {
	text, err := io.ReadAll(os.Stdin)
	fmt.Printf("stdin: %d bytes, %s\n", len(text), outcome(err))
}

// first runs a command unless the file is there, and makes the file. With a
// file in a volume that is what only the first run of a container does.
func first(args []string) {
	fd, err := unix.Open(args[0], unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o644)
	if err == unix.EEXIST {
		return
	}
	check(err)
	unix.Close(fd)
	run(args[1:])
}

func sleep(args []string) { time.Sleep(duration(args[0])) }

// terminated returns a channel that gets TERM and INT. Without a handler they
// would be ignored: the kernel delivers no signal to pid 1 whose disposition is
// the default one.
func terminated() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	return signals
}

// serve is what a server looks like from outside: it says a line each second,
// and ends when it is asked to.
func serve([]string) {
	signals := terminated()
	ticks := time.NewTicker(time.Second)
	fmt.Println("serving")
	for n := 1; ; n++ {
		select {
		case <-ticks.C:
			fmt.Printf("request %d served\n", n)
		case s := <-signals:
			fmt.Printf("%v: closing\n", s)
			os.Exit(0)
		}
	}
}

// untilTerm waits to be asked to end, and then exits with the status.
func untilTerm(args []string) {
	signals := terminated()
	fmt.Println("waiting")
	report("signal", <-signals)
	os.Exit(number(args[0]))
}

// ignoreTerm says that it was asked to end, and goes on.
func ignoreTerm([]string) {
	signals := terminated()
	fmt.Println("ignoring TERM")
	for s := range signals {
		report("ignored", s)
	}
}

// rename sets the thread name, which ps shows as the command's.
func rename(args []string) {
	name, err := unix.BytePtrFromString(args[0])
	check(err)
	report("rename", outcome(unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0)))
}

// disarm takes back the signal that the kernel sends when the supervisor dies.
func disarm([]string) {
	report("disarm", outcome(unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)))
}

// holdEnd has a child trace its own end, so that it does not come to it. Nor may it come
// to anything else: a signal, the runtime's for one, stops it until it is killed. So it
// is the child that says what has become of it, and then closes its stderr.
func holdEnd([]string) {
	cmd := exec.Command("/proc/self/exe", "seize", strconv.Itoa(os.Getpid()))
	cmd.Stdout = os.Stdout
	said, err := cmd.StderrPipe()
	check(err)
	check(cmd.Start())
	_, _ = io.Copy(os.Stderr, said)
}

// seize traces a process's end, and nothing wakes it up there.
func seize(args []string) {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(number(args[0])), 0, unix.PTRACE_O_TRACEEXIT, 0, 0)
	report("seize", outcome(errno))
	check(os.Stderr.Close())
	for {
		_ = unix.Pause() // the runtime has signals of its own
	}
}

// spin uses so much of the CPU's time, however many others want some.
func spin(args []string) {
	for used := (unix.Timespec{}); used.Nano() < duration(args[0]).Nanoseconds(); {
		check(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &used))
	}
}

// flood writes as much as somebody reads.
func flood([]string) {
	block := []byte(strings.Repeat(strings.Repeat("flood ", 10)+"\n", 1000))
	for {
		if _, err := os.Stdout.Write(block); err != nil {
			os.Exit(1)
		}
	}
}

// spawn leaves N processes that have sessions of their own, hold stdout, and
// whose parent has gone.
func spawn(args []string) {
	for range number(args[0]) {
		// The middle one ends at once, and the sleeper becomes pid 1's.
		cmd := exec.Command("/proc/self/exe", "exec", "/proc/self/exe", "sleep", "1h")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
		check(cmd.Run())
	}
	report("spawned", args[0])
}

// tryExec starts a program and does not wait for it.
func tryExec(args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		report("exec "+args[0], outcome(err))
	}
	// The child's parent-death signal is not set; it outlives this thread.
	runtime.KeepAlive(cmd)
}
