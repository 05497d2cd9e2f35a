package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// sample is one start and one exit.
type sample struct {
	start time.Duration // from the call that starts it to the command's first output
	exit  time.Duration // from the command being told to end to its end being known
}

// subject is what is measured.
type subject struct {
	name    string
	samples []sample
}

// measure takes one sample. Each subject has an untimed pause before it: back
// to back the kernel's deferred work of one start speeds up the next.
func (s *subject) measure(take func() (sample, error)) error {
	time.Sleep(20 * time.Millisecond)
	one, err := take()
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.samples = append(s.samples, one)
	return nil
}

// median returns the median of one figure of all samples.
func (s *subject) median(figure func(sample) time.Duration) time.Duration {
	var all []time.Duration
	for _, one := range s.samples {
		all = append(all, figure(one))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// printTable prints the medians and their ratio.
func printTable(out io.Writer, rounds int, ours, floor subject) {
	figures := []struct {
		name string
		of   func(sample) time.Duration
	}{
		{"start", func(s sample) time.Duration { return s.start }},
		{"exit", func(s sample) time.Duration { return s.exit }},
		{"both", func(s sample) time.Duration { return s.start + s.exit }},
	}
	fmt.Fprintf(out, "medians of %d, in microseconds\n%-8s%12s%14s%8s\n", rounds, "", ours.name, floor.name, "ratio")
	for _, figure := range figures {
		a, b := ours.median(figure.of), floor.median(figure.of)
		fmt.Fprintf(out, "%-8s%12d%14d%8.2f\n", figure.name, a.Microseconds(), b.Microseconds(), float64(a)/float64(b))
	}
}

// commandArg makes this program the command in the container.
const commandArg = "command"

// command writes one byte, which ends the start, and waits until its stdin is
// closed, which begins the exit.
func command() {
	os.Stdout.Write([]byte{'.'})
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
