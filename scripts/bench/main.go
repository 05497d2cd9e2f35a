// Command bench measures what a container costs: its start, its exit, a stop and
// a restart, and a supervisor that stands over it; ours against crun, runc,
// conmon, bubblewrap, containerd, and against floors in C and Go that do nothing
// but what cannot be left out. All take their turns within one run, because only
// ratios within one run mean something: absolute figures drift with the machine's
// other work.
//
// Usage, as root, in the repository:
//
//	bench [-rounds N] [-only start,stop] [-match REGEXP] [-out DIR] SUPERVISOR
//	bench -render FILE
//
// It prints tables. With -out it also writes them, as result.json, result.md and
// chart.svg. With -render it measures nothing: it makes the result in FILE the one
// that is committed and shown in README.md.
//
// It leaves nothing behind, unless it is ended by SIGKILL: see warden.go. Its status
// is 1 if ours was left out.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if dir := os.Getenv(insideVariable); dir != "" {
		exit(inside(dir))
	}
	var s settings
	flag.IntVar(&s.Rounds, "rounds", 40, "how often each start is measured; the other figures in proportion")
	only := flag.String("only", "", "measure only these `parts`: "+strings.Join(partNames(), ","))
	flag.StringVar(&s.Match, "match", "", "measure only subjects whose name matches this `regexp`; ratios need \"ours\"")
	out := flag.String("out", "", "`directory` for result.json, result.md and chart.svg")
	render := flag.String("render", "", "`file`, a result.json, to be committed and shown in README.md")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: bench [FLAGS] SUPERVISOR, or bench -render FILE")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *only != "" {
		s.Only = strings.Split(*only, ",")
	}
	if *render != "" && flag.NArg() == 0 {
		exit(renderAll(*render, "."))
	}
	if err := s.check(); err != nil || flag.NArg() != 1 {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		flag.Usage()
		os.Exit(2)
	}
	exit(guard(flag.Arg(0), s, *out))
}

// check returns what is wrong with the settings.
func (s settings) check() error {
	if s.Rounds < 1 {
		return fmt.Errorf("-rounds %d: less than 1", s.Rounds)
	}
	for _, name := range s.Only {
		if !slices.Contains(partNames(), name) {
			return fmt.Errorf("-only %s: no such part", name)
		}
	}
	wanted, err := regexp.Compile(s.Match)
	if err != nil {
		return fmt.Errorf("-match: %w", err)
	}
	if !slices.ContainsFunc(everybody(), func(s subject) bool { return wanted.MatchString(s.name) }) {
		return fmt.Errorf("-match %s: no such subject", s.Match)
	}
	return nil
}

// exit ends the program, with a word on why it failed.
func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
