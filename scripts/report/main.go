// Command report reads the output of "go test -json" and prints what a person
// wants of it: what failed, with its output, what was measured, and one line for
// each package. It appends each skipped test, with the reason, to a file, so that
// no skip goes by unseen, and each that failed, with its last words, to another, for a
// summary behind all else. It exits with status 1 if anything failed.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// event is a line of test2json (go doc test2json), as far as it is of use here.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// report is what the events so far amount to.
type report struct {
	out     io.Writer
	output  map[string][]string // the lines of tests that have not ended, by package and test
	skipped []string
	failed  []string // tests, with their last words
	bad     bool     // something failed, a test or not
}

func main() {
	name := flag.String("name", "test", "what a skip is prefixed with")
	skipped := flag.String("skipped", "", "`file` to append the skipped tests to")
	failed := flag.String("failed", "", "`file` to append the tests that failed to")
	flag.Parse()

	r := report{out: os.Stdout, output: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	err := errors.Join(appendLines(*skipped, *name+": ", r.skipped), appendLines(*failed, *name+": ", r.failed))
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	if r.bad {
		os.Exit(1)
	}
}

// read takes events until the input ends. A line that is no event, a crash of
// the go command for one, is printed as it is. A test that has not ended by then has
// failed: what ran it was killed, or crashed.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			r.take(e)
		} else {
			fmt.Fprint(r.out, line)
		}
		if err == io.EOF {
			r.endAll()
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test output: %w", err)
		}
	}
}

// take handles one event.
func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "build-fail":
		r.bad = true
	case "pass", "fail", "skip":
		r.end(e, r.output[key])
		delete(r.output, key)
	}
}

// end handles the end of a test, or of a package where e.Test is empty.
func (r *report) end(e event, output []string) {
	r.bad = r.bad || e.Action == "fail"
	switch {
	case e.Test == "":
		printPackage(r.out, e.Action, output)
	case e.Action == "fail":
		fmt.Fprint(r.out, strings.Join(output, ""))
		r.failed = append(r.failed, strings.TrimSuffix(named(e)+": "+lastWords(output), ": "))
	case e.Action == "pass":
		printMeasured(r.out, e.Test, output)
	case e.Action == "skip":
		r.skipped = append(r.skipped, named(e)+": "+reason(output))
	}
}

// endAll ends the tests that are left.
func (r *report) endAll() {
	for _, key := range slices.Sorted(maps.Keys(r.output)) {
		if pkg, test, _ := strings.Cut(key, " "); test != "" {
			r.end(event{Action: "fail", Package: pkg, Test: test}, r.output[key])
		}
	}
}

// named returns the name of a test, behind its package's where that is known.
func named(e event) string {
	return strings.TrimSpace(strings.TrimPrefix(e.Package, "harpoon-supervisor/") + " " + e.Test)
}

// printPackage prints a package's summary line; all its output if it failed,
// for a panic or a leak check speaks there.
func printPackage(out io.Writer, action string, output []string) {
	for _, line := range output {
		summary := strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "? ")
		if summary || action == "fail" {
			fmt.Fprint(out, line)
		}
	}
}

// printMeasured prints what a test that passed has measured, which is the lines
// that say so: a figure that nobody is shown is measured for nothing.
func printMeasured(out io.Writer, test string, output []string) {
	for _, line := range output {
		if _, figure, found := strings.Cut(line, ": measured: "); found {
			fmt.Fprintf(out, "     %s: %s", test, figure)
		}
	}
}

// reason returns what a skipped test said.
func reason(output []string) string {
	if said := words(output); len(said) > 0 {
		return strings.Join(said, " ")
	}
	return "no reason given"
}

// lastWords returns the last line that a test said: as a rule the cause of its failure.
func lastWords(output []string) string {
	said := words(output)
	if len(said) == 0 {
		return ""
	}
	return said[len(said)-1]
}

// words returns the lines that a test said, without the framing of go test.
func words(output []string) []string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return said
}

// appendLines appends lines to a file, each behind a prefix. Without a path it
// prints them.
func appendLines(path, prefix string, lines []string) error {
	out := os.Stdout
	if path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, prefix+line); err != nil {
			return err
		}
	}
	return nil
}
