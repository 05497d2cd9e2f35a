package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// result is all that a run has found, as in result.json.
type result struct {
	Date     string    `json:"date"`
	Rounds   int       `json:"rounds"`
	Machine  []fact    `json:"machine"`
	Versions []fact    `json:"versions"`
	Values   []value   `json:"values"`
	LeftOut  []leftOut `json:"left_out,omitempty"`
}

// fact is something that is true of the machine or a program.
type fact struct {
	Name string `json:"name"`
	Is   string `json:"is"`
}

// value is a figure of a subject.
type value struct {
	Figure  string  `json:"figure"`
	Subject string  `json:"subject"`
	Unit    string  `json:"unit"`
	Median  float64 `json:"median"`
	Low     float64 `json:"low"`  // a quarter of the samples is below
	High    float64 `json:"high"` // a quarter is above
	Samples int     `json:"samples"`
}

// units are those of all figures.
var units = map[string]string{
	"start hot": "us", "start cold": "us", "exit hot": "us", "exit cold": "us", "cpu": "us", "stop": "us", "restart": "us",
	"pss one": "KiB", "pss 50": "KiB", "idle cpu": "ms a minute", "idle wake-ups": "a minute",
	"200 start": "ms", "200 stop": "ms", "200 pss": "MiB", "clients last": "ms", "clients memory": "KiB a client",
	"binary": "MiB",
}

// leftOut is a subject that could not be measured, or one sample of it.
type leftOut struct {
	Part    string `json:"part,omitempty"` // of the measurements; empty: all
	Subject string `json:"subject"`
	Error   string `json:"error"`
	Once    bool   `json:"once,omitempty"` // only one sample is missing
}

// allSubjects is the subject of what was left out if that is a whole part.
const allSubjects = "all"

func (l leftOut) String() string {
	who := l.Subject
	switch {
	case l.Once:
		who += " (" + l.Part + ", one sample)"
	case l.Part != "":
		who += " (" + l.Part + ")"
	}
	return who + ": " + l.Error
}

// whole returns an error if something is missing that the page tells: of ours in one of
// the tables, of a goal, or samples for a median. The run was of a part only.
func (r *result) whole() error {
	for _, table := range tables {
		for _, column := range table.columns {
			if column.cell(r, "ours") == "" {
				return fmt.Errorf("no whole run: %s: %s: nothing of ours", table.title, column.head)
			}
		}
	}
	for _, goal := range goals {
		if _, there := goal.reached(r); !there {
			return fmt.Errorf("no whole run: goal %q: not measured", goal.name)
		}
	}
	for _, v := range r.Values {
		if want := few(r.Rounds); v.Samples < want && v.Figure != "binary" {
			return fmt.Errorf("no whole run: %s of %s: %d samples, want %d", v.Figure, v.Subject, v.Samples, want)
		}
	}
	return nil
}

// failed returns an error if what the run was for could not be measured. Of others
// that were left out, and of ours in other configurations, the tables tell.
func (r *result) failed() error {
	for _, l := range r.LeftOut {
		if !l.Once && (l.Subject == "ours" || l.Subject == allSubjects) {
			return fmt.Errorf("left out: %s", l)
		}
	}
	if !slices.ContainsFunc(r.Values, func(v value) bool { return v.Figure != "binary" }) {
		return errors.New("nothing was measured")
	}
	return nil
}

// of returns the median of a figure of a subject, if it was measured.
func (r *result) of(figure, subject string) (median float64, there bool) {
	for _, v := range r.Values {
		if v.Figure == figure && v.Subject == subject {
			return v.Median, true
		}
	}
	return 0, false
}

// readResult reads result.json.
func readResult(name string) (*result, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &r, nil
}

// key is what samples belong to.
type key struct{ part, figure, subject string }

// recorder collects samples.
type recorder struct {
	part    string // that is being measured
	order   []key
	samples map[key][]float64
	out     []leftOut
}

func newRecorder() *recorder { return &recorder{samples: map[key][]float64{}} }

// add adds a sample of a time.
func (r *recorder) add(figure, subject string, d time.Duration) {
	r.addNumber(figure, subject, float64(d.Nanoseconds())/1000)
}

// addNumber adds a sample of anything.
func (r *recorder) addNumber(figure, subject string, sample float64) {
	k := key{r.part, figure, subject}
	if _, there := r.samples[k]; !there {
		r.order = append(r.order, k)
	}
	r.samples[k] = append(r.samples[k], sample)
}

// leaveOut takes a subject, or all, out of the part that is being measured, with the
// samples that there are, and says why.
func (r *recorder) leaveOut(subject string, err error) {
	fmt.Fprintf(os.Stderr, "\nbench: %s: %s: left out: %v\n", r.part, subject, err)
	r.out = append(r.out, leftOut{Part: r.part, Subject: subject, Error: err.Error()})
	r.order = slices.DeleteFunc(r.order, func(k key) bool {
		return k.part == r.part && (k.subject == subject || subject == allSubjects)
	})
}

// lose goes on without a sample: among hundreds, one accident of a machine that
// others use, too, is no reason to know nothing. With the second, the subject is
// left out.
func (r *recorder) lose(subject string, err error) {
	lost := func(l leftOut) bool { return l.Once && l.Part == r.part && l.Subject == subject }
	if slices.ContainsFunc(r.out, lost) {
		r.leaveOut(subject, err)
		return
	}
	fmt.Fprintf(os.Stderr, "\nbench: %s: %s: one sample lost: %v\n", r.part, subject, err)
	r.out = append(r.out, leftOut{Part: r.part, Subject: subject, Error: err.Error(), Once: true})
}

// isOut reports whether a subject has been left out.
func (r *recorder) isOut(subject string) bool {
	return slices.ContainsFunc(r.out, func(l leftOut) bool { return !l.Once && l.Part == r.part && l.Subject == subject })
}

// tick shows that a round is done.
func (r *recorder) tick() { fmt.Fprint(os.Stderr, ".") }

// result makes medians of the samples.
func (r *recorder) result() *result {
	all := &result{LeftOut: r.out}
	for _, k := range r.order {
		sorted := slices.Sorted(slices.Values(r.samples[k]))
		n := len(sorted)
		all.Values = append(all.Values, value{k.figure, k.subject, units[k.figure], middle(sorted), sorted[n/4], sorted[(3*n-1)/4], n})
	}
	return all
}

// middle is the median of what is sorted.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
