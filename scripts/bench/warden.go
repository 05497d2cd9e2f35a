package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Two processes of this program take part. The warden stays outside: it builds
// what is needed, starts the other one in a mount and a pid namespace, and clears
// up when that has ended, however it ended. With the first process of the pid
// namespace all others die, and with the last the mounts go; so what is left to
// clear are the directory, the cgroups and a mount point in /run.

// insideVariable tells the process inside its directory.
const insideVariable = "HARPOON_BENCH_DIRECTORY"

// settings are what the command line says.
type settings struct {
	Rounds int
	Only   []string // names of parts; none means all
	Match  string   // a regular expression for names of subjects
}

// guard measures everything, writes the tables to out and prints them.
func guard(supervisor string, s settings, out string) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("needs root, for namespaces and cgroups")
	}
	// The kernel kills the process inside when the thread that started it is gone.
	runtime.LockOSThread()
	// With PIPE, a write to a stdout that nobody reads is an error, not the end.
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	defer stop()
	if out != "" {
		if err := tryOut(out); err != nil {
			return fmt.Errorf("-out: %w", err)
		}
	}
	tmp, err := filepath.Abs(os.TempDir()) // TMPDIR may be relative
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(tmp, cgroupPrefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	restore, err := noteCgroups(filepath.Base(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()
	r, err := measureAll(ctx, dir, supervisor, s)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted") // the error is of what this has ended
	}
	if err != nil {
		return err
	}
	// Before it is printed, perhaps to nobody.
	if out != "" {
		err = save(r, out)
	}
	_, unread := io.WriteString(os.Stdout, plain(r))
	return errors.Join(err, unread, r.failed())
}

// measureAll makes the result in the bench's directory.
func measureAll(ctx context.Context, dir, supervisor string, s settings) (*result, error) {
	missing, err := furnish(ctx, dir, supervisor)
	if err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(dir, "settings.json"), s); err != nil {
		return nil, err
	}
	if err := measureInside(ctx, dir); err != nil {
		return nil, err
	}
	r, err := readResult(filepath.Join(dir, "result.json"))
	if err != nil {
		return nil, err
	}
	r.LeftOut = append(missing, r.LeftOut...)
	return r, describe(r, dir)
}

// measureInside runs this program in namespaces of its own. When ctx is done it
// is killed, and all that it has started with it.
func measureInside(ctx context.Context, dir string) error {
	// A tmpfs goes over it, inside. If somebody else has it, it is left alone.
	if err := os.Mkdir(containerdRun, 0o711); err == nil {
		defer os.Remove(containerdRun)
	} else if !os.IsExist(err) {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), insideVariable+"="+dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		Setpgid:    true, // a terminal's ^C is for the warden
		Pdeathsig:  unix.SIGKILL,
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("inside: %w", err)
	}
	return nil
}

// writeJSON writes a value for people and programs.
func writeJSON(name string, value any) error {
	text, err := indented(value)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// indented is a value as JSON, a line for each field.
func indented(value any) ([]byte, error) {
	text, err := json.MarshalIndent(value, "", "\t")
	return append(text, '\n'), err
}
