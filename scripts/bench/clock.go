package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long the bench waits for anything that takes milliseconds.
const patience = 10 * time.Second

// now is CLOCK_MONOTONIC in nanoseconds: the clock that the command in the
// container reads, too.
func now() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // fails for no clock that exists
	return t.Nano()
}

// since is the time since a reading of now.
func since(begin int64) time.Duration { return time.Duration(now() - begin) }

// The letters of the command's stamps, see command.c.
const (
	firstStamp = 'S'
	lastStamp  = 'E'
)

// stamps reads what the command says on its stdout.
type stamps struct {
	pipe  *os.File
	lines *bufio.Reader
}

func newStamps(pipe *os.File) *stamps { return &stamps{pipe, bufio.NewReader(pipe)} }

// next waits for the next stamp, which must have this letter.
func (s *stamps) next(letter byte) (int64, error) {
	if err := s.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	line, err := s.lines.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("stamp %c: %w", letter, err)
	}
	return parseStamp(line, letter)
}

// parseStamp reads one line.
func parseStamp(line string, letter byte) (at int64, err error) {
	if _, err := fmt.Sscanf(line, string(letter)+" %d\n", &at); err != nil {
		return 0, fmt.Errorf("stamp %c: %q: %w", letter, line, err)
	}
	return at, nil
}
