package main_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// story is what was done to one supervisor and what was seen of it. The model
// looks at nothing else.
type story struct {
	life   life
	began  time.Time
	deeds  []deed
	visits []*visit
	log    []logLine
	begun  int    // runs whose command said so itself
	status string // of the supervisor: a number or a signal's name
}

// deed is something that was done: a command, a signal, or one of an
// appointment's.
type deed struct {
	what     string
	from, to time.Time // the moment is between these
	err      error     // it could not be done, which is nobody's fault
}

// visit is one connection.
type visit struct {
	name     string
	from, to time.Time // of the connecting
	seen     []sighting
	end      error // how the stream ended, io.EOF mostly
	left     bool  // it was we who closed it
	rude     bool  // it has sent what it may be cut off for
}

// sighting is a state that a client has got.
type sighting struct {
	state
	at time.Time
}

// logLine is a line of the supervisor's log.
type logLine struct {
	text   string
	fields map[string]string
}

var logField = regexp.MustCompile(`([a-z]+)=("(?:[^"\\]|\\.)*"|\S+)`)

// parseLog reads the lines of slog's text handler.
func parseLog(text string) []logLine {
	var log []logLine
	for line := range strings.Lines(text) {
		l := logLine{text: strings.TrimSpace(line), fields: map[string]string{}}
		for _, match := range logField.FindAllStringSubmatch(line, -1) {
			value := match[2]
			if unquoted, err := strconv.Unquote(value); err == nil {
				value = unquoted
			}
			l.fields[match[1]] = value
		}
		log = append(log, l)
	}
	return log
}

// runNumber returns the run that the line is about, 0 if about none.
func (l logLine) runNumber() int {
	n, _ := strconv.Atoi(l.fields["run"])
	return n
}

// did returns the deeds of these kinds that could be done.
func (st *story) did(kinds ...string) []deed {
	var done []deed
	for _, d := range st.deeds {
		if d.err == nil && slices.Contains(kinds, d.what) {
			done = append(done, d)
		}
	}
	return done
}

// asked returns the deeds that ask the container to end.
func (st *story) asked() []deed { return st.did("stop", "kill", "TERM", "INT") }

// crashed reports whether the supervisor died without a chance to say anything:
// of SIGKILL, or of a signal before it could have caught any.
func (st *story) crashed() bool { return strings.HasPrefix(st.status, "SIG") }

// seen returns all sightings, in the order of time.
func (st *story) seen() []sighting {
	var all []sighting
	for _, v := range st.visits {
		all = append(all, v.seen...)
	}
	slices.SortStableFunc(all, func(a, b sighting) int { return a.at.Compare(b.at) })
	return all
}

// String tells it, in the order of time. The supervisor's own words come last:
// its clock need not be read for them.
func (st *story) String() string {
	type entry struct {
		at   time.Time
		text string
	}
	var entries []entry
	for _, d := range st.deeds {
		text := fmt.Sprintf("we: %s (%v)", d.what, d.to.Sub(d.from).Round(time.Microsecond))
		if d.err != nil {
			text += ": " + d.err.Error()
		}
		entries = append(entries, entry{d.from, text})
	}
	for _, v := range st.visits {
		entries = append(entries, entry{v.from, v.name + ": connects"})
		for _, s := range v.seen {
			entries = append(entries, entry{s.at, v.name + ": " + s.String()})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", st.life)
	for _, e := range entries {
		fmt.Fprintf(&b, "%10.3f ms  %s\n", float64(e.at.Sub(st.began).Microseconds())/1000, e.text)
	}
	for _, v := range st.visits {
		fmt.Fprintf(&b, "%s: ended with %v (left: %v, rude: %v)\n", v.name, v.end, v.left, v.rude)
	}
	fmt.Fprintf(&b, "%d runs said that they had begun; the supervisor ended with %s and had said:\n", st.begun, st.status)
	for _, l := range st.log {
		fmt.Fprintln(&b, "\t"+l.text)
	}
	return b.String()
}
