package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// committedResult is what README.md shows.
func committedResult(t *testing.T) *result {
	t.Helper()
	r, err := readResult("result.json")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPage: README.md and the chart say what result.json says, and nothing else.
func TestPage(t *testing.T) {
	r := committedResult(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := replaceSection(string(readme), page(r))
	if err != nil {
		t.Fatal(err)
	}
	const remedy = "go run ./scripts/bench -render scripts/bench/result.json"
	if string(readme) != want {
		t.Errorf("README.md is not what result.json says: %s", remedy)
	}
	svg, err := os.ReadFile("chart.svg")
	if err != nil {
		t.Fatal(err)
	}
	if string(svg) != chart(r) {
		t.Errorf("chart.svg is not what result.json says: %s", remedy)
	}
}

// TestCommittedResult: every figure and every goal was measured.
func TestCommittedResult(t *testing.T) {
	r := committedResult(t)
	if err := r.whole(); err != nil {
		t.Error(err)
	}
	for _, v := range r.Values {
		if v.Unit == "" || v.Unit != units[v.Figure] {
			t.Errorf("%s: unit %q, want %q", v.Figure, v.Unit, units[v.Figure])
		}
	}
}

// TestChartIsXML: a browser shows nothing of an SVG that is not well-formed.
func TestChartIsXML(t *testing.T) {
	r := &result{Values: []value{{Figure: "start hot", Subject: "a < b & c", Median: 1000}, {Figure: "start cold", Subject: "a < b & c", Median: 2000}}}
	for decoder := xml.NewDecoder(strings.NewReader(chart(r))); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRenderAll writes README.md, the result and the chart from a result.
func TestRenderAll(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, committed), 0o755); err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(dir, "README.md")
	if err := os.WriteFile(readme, []byte("before\n"+sectionBegin+"old\n"+sectionEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := renderAll("result.json", dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	if want := "before\n" + sectionBegin + page(committedResult(t)) + sectionEnd + "after\n"; string(text) != want {
		t.Errorf("README.md = %q, want %q", text, want)
	}
	for _, name := range []string{"result.json", "chart.svg"} {
		got, errGot := os.ReadFile(filepath.Join(dir, committed, name))
		want, errWant := os.ReadFile(name)
		if err := errors.Join(errGot, errWant); err != nil || string(got) != string(want) {
			t.Errorf("%s is another one, %v", name, err)
		}
	}
}

// TestRenderAllOfAPart: what a part of a run has found does not replace the page.
func TestRenderAllOfAPart(t *testing.T) {
	for want, lose := range map[string]func(*result){
		"stop: nothing of ours": func(r *result) {
			r.Values = slices.DeleteFunc(r.Values, func(v value) bool { return v.Figure == "stop" })
		},
		`goal "start, against crun lean, hot": not measured`: func(r *result) {
			r.Values = slices.DeleteFunc(r.Values, func(v value) bool { return v.Subject == "crun, lean" })
		},
		"start hot of ours: 2 samples, want 3": func(r *result) { r.Values[0].Samples = 2 },
	} {
		r := committedResult(t)
		lose(r)
		dir := t.TempDir()
		part := filepath.Join(dir, "result.json")
		if err := writeJSON(part, r); err != nil {
			t.Fatal(err)
		}
		if err := renderAll(part, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("renderAll = %v, want %q", err, want)
		}
	}
}

// TestPageOfAPart: nothing is said of what was not measured.
func TestPageOfAPart(t *testing.T) {
	for figure, want := range map[string]string{
		"exit hot":     ", 40 rounds, on: ",
		"pss one":      ", 40 rounds, 3 of what takes long (memory, idling, 200 at once), on: ",
		"clients last": ", 40 rounds, 5 of 1,000 clients, on: ",
	} {
		text := page(&result{Rounds: 40, Values: []value{{Figure: figure, Subject: "crun, lean", Samples: 3}}})
		if !strings.Contains(text, want) || strings.Contains(text, "set itself") {
			t.Errorf("page with %q = %q, want %q, and no goals", figure, text[len(introduction):], want)
		}
	}
}

func TestReplaceSectionWithoutMarks(t *testing.T) {
	for _, text := range []string{"", sectionBegin, sectionEnd, sectionEnd + sectionBegin} {
		if got, err := replaceSection(text, "new"); err == nil {
			t.Errorf("replaceSection(%q) = %q, want an error", text, got)
		}
	}
}
