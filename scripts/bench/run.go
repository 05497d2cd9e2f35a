package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// run is a command that was launched, with pipes to its stdin and stdout.
type run struct {
	cmd    *exec.Cmd
	begin  time.Time
	stdin  io.WriteCloser
	stdout io.ReadCloser
	log    *os.File // its stderr, a file without a name
}

// launch starts cmd.
func launch(cmd *exec.Cmd) (*run, error) {
	r := &run{cmd: cmd}
	var err error
	if r.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if r.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if r.log, err = os.CreateTemp("", "harpoon-bench-log-"); err != nil {
		return nil, err
	}
	os.Remove(r.log.Name())
	cmd.Stderr = r.log
	r.begin = time.Now()
	return r, cmd.Start()
}

// started waits for the command's first byte and returns how long it took.
func (r *run) started() (time.Duration, error) {
	if _, err := io.ReadFull(r.stdout, make([]byte, 1)); err != nil {
		r.log.Seek(0, io.SeekStart)
		words, _ := io.ReadAll(r.log)
		return 0, fmt.Errorf("start: no output: %w\n%s", err, words)
	}
	return time.Since(r.begin), nil
}

// clear ends what an error left running.
func (r *run) clear() {
	if r.cmd.ProcessState == nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
	}
	r.log.Close()
}
