package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// start starts a supervisor. The keys:
//
//	binary=PATH          the program, instead of the one under test
//	via=WORDS            a program that becomes the supervisor
//	leak=N               so many descriptors more than 0, 1 and 2
//	stdin=FILE           or polled: a pipe that does not block
//	stdout=, stderr=...  closed: a pipe without a reader; blocked: one that
//	                     nobody reads; or a file
func (b *bed) start(ts *testscript.TestScript, args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	l := launch{env: scriptEnv(ts)}
	words := args[1:]
	for len(words) > 0 && words[0] != "--" {
		key, value, _ := strings.Cut(words[0], "=")
		var err error
		switch key {
		case "binary":
			l.binary = ts.MkAbs(value)
		case "via":
			l.via = strings.Fields(value)
		case "stdin":
			l.stdin, err = inlet(ts, value)
		case "stdout":
			l.stdout, err = outlet(ts, value)
		case "stderr":
			l.stderr, err = outlet(ts, value)
		case "leak":
			err = l.leakInto(value)
		default:
			l.flags = append(l.flags, words[0])
		}
		if err != nil {
			return err
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return errors.New("no --")
	}
	l.command = words[1:]
	defer l.close()
	s, err := c.start(l)
	if err == nil {
		if old := b.supervisors[args[0]]; old != nil {
			ts.Defer(old.destroy)
		}
		b.supervisors[args[0]] = s
	}
	return err
}

// scriptEnv is the environment that the script has set.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "SECRET", "HARPOON_TRACE", "HOME", "GORACE"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// inlet opens what a supervisor is given as stdin.
func inlet(ts *testscript.TestScript, kind string) (*os.File, error) {
	if kind != "polled" {
		return os.Open(ts.MkAbs(kind))
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, err
	}
	ts.Defer(func() { unix.Close(fds[1]) })
	return os.NewFile(uintptr(fds[0]), "polled"), nil
}

// outlet opens what a supervisor is given as stdout or stderr.
func outlet(ts *testscript.TestScript, kind string) (*os.File, error) {
	if kind != "closed" && kind != "blocked" {
		return os.OpenFile(ts.MkAbs(kind), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if kind == "closed" {
		return w, r.Close()
	}
	ts.Defer(func() { r.Close() })
	return w, nil
}

// leakInto opens descriptors that an agent would have forgotten to close.
func (l *launch) leakInto(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	for range n {
		f, err := os.Open("/dev/null")
		if err != nil {
			return err
		}
		l.leak = append(l.leak, f)
	}
	return nil
}

// close closes our copies.
func (l *launch) close() {
	for _, f := range append(l.leak, l.stdin, l.stdout, l.stderr) {
		if f != nil {
			f.Close()
		}
	}
}

// exits runs a program, which must end with the given status.
func (b *bed) exits(ts *testscript.TestScript, args []string) error {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = scriptEnv(ts)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return err
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		return fmt.Errorf("%s exited with %s, want %s", args[1], cmd.ProcessState, args[0])
	}
	return nil
}

// signalNumber reads a name like TERM.
func signalNumber(name string) (syscall.Signal, error) {
	n := unix.SignalNum("SIG" + name)
	if n == 0 {
		return 0, fmt.Errorf("no signal %q", name)
	}
	return n, nil
}

func (b *bed) signal(_ *testscript.TestScript, args []string) error {
	s, err := b.supervisor(args[0])
	if err != nil {
		return err
	}
	n, err := signalNumber(args[1])
	if err != nil {
		return err
	}
	return s.signal(n)
}

// hit sends a signal to the command, whose pid is known from the last state.
func (b *bed) hit(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	n, err := signalNumber(args[1])
	if err != nil {
		return err
	}
	return s.last().kill(n)
}

// hitAll sends a signal to what is in the cgroup; during a start, that is init.
func (b *bed) hitAll(_ *testscript.TestScript, args []string) error {
	c, err := b.container(args[0])
	if err != nil {
		return err
	}
	n, err := signalNumber(args[1])
	if err != nil {
		return err
	}
	for _, field := range c.processes() {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		if err := unix.Kill(pid, n); err != nil {
			return err
		}
	}
	return nil
}

// ended waits for the end of the supervisor and looks at what is left. After a
// SIGKILL that is only what the kernel cleans up.
func (b *bed) ended(_ *testscript.TestScript, args []string) error {
	s, err := b.supervisor(args[0])
	if err != nil {
		return err
	}
	status, err := s.end()
	if err != nil {
		return err
	}
	if status != args[1] {
		return fmt.Errorf("supervisor ended with %s, want %s", status, args[1])
	}
	if stream := b.streams[args[0]]; stream != nil {
		delete(b.streams, args[0])
		defer stream.conn.Close()
	}
	if status == "SIGKILL" {
		return nil
	}
	return errors.Join(s.container.leftovers(), s.complaints())
}

func (b *bed) outputHas(args []string) error {
	s, err := b.supervisor(args[0])
	if err != nil {
		return err
	}
	return match(args[1], s.output.String())
}

func (b *bed) logHas(args []string) error {
	s, err := b.supervisor(args[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err
	}
	return match(args[1], string(text))
}

func (b *bed) owner(_ *testscript.TestScript, args []string) error {
	s, err := b.stream(args[0])
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+fmt.Sprint(s.last().at("pid")), &st); err != nil {
		return err
	}
	if got := fmt.Sprintf("%d:%d", st.Uid, st.Gid); got != args[1] {
		return fmt.Errorf("the command is %s, want %s", got, args[1])
	}
	return nil
}

func (b *bed) procHas(args []string) error {
	s, err := b.supervisor(args[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, args[1]))
	if err != nil {
		return err
	}
	return match(args[2], string(text))
}
