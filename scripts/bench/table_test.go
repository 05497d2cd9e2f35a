package main

import (
	"errors"
	"slices"
	"testing"
)

func TestMiddle(t *testing.T) {
	for _, test := range []struct {
		sorted []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{1, 3}, 2},
		{[]float64{1, 2, 9}, 2},
		{[]float64{1, 2, 4, 9}, 3},
	} {
		if got := middle(test.sorted); got != test.want {
			t.Errorf("middle(%v) = %v, want %v", test.sorted, got, test.want)
		}
	}
}

// TestRecorder: medians by subject, and nothing of who was left out.
func TestRecorder(t *testing.T) {
	r := newRecorder()
	r.part = "start"
	for _, sample := range []float64{3, 1, 2} {
		r.addNumber("start hot", "ours", sample)
		r.addNumber("start hot", "crun", sample)
	}
	r.lose("ours", errors.New("an accident"))
	r.lose("crun", errors.New("an accident"))
	r.lose("crun", errors.New("not today"))
	if !r.isOut("crun") || r.isOut("ours") {
		t.Error("isOut: want crun alone")
	}
	r.part = "stop"
	if r.isOut("crun") {
		t.Error("isOut(crun) in the next part = true, want false")
	}
	r.addNumber("stop", "crun", 5)
	want := []value{
		{Figure: "start hot", Subject: "ours", Unit: "us", Median: 2, Low: 1, High: 3, Samples: 3},
		{Figure: "stop", Subject: "crun", Unit: "us", Median: 5, Low: 5, High: 5, Samples: 1},
	}
	if got := r.result().Values; !slices.Equal(got, want) {
		t.Errorf("values = %+v, want %+v", got, want)
	}
	var words []string
	for _, l := range r.result().LeftOut {
		words = append(words, l.String())
	}
	told := []string{"ours (start, one sample): an accident", "crun (start, one sample): an accident", "crun (start): not today"}
	if !slices.Equal(words, told) {
		t.Errorf("left out: %q, want %q", words, told)
	}
}

// TestLeaveOutAll: of a part that has failed nothing is told, of the others all.
func TestLeaveOutAll(t *testing.T) {
	r := newRecorder()
	for _, r.part = range []string{"stop", "restart"} {
		r.addNumber(r.part, "ours", 1)
		r.addNumber(r.part, "crun", 1)
	}
	r.leaveOut(allSubjects, errors.New("no room"))
	want := []value{
		{Figure: "stop", Subject: "ours", Unit: "us", Median: 1, Low: 1, High: 1, Samples: 1},
		{Figure: "stop", Subject: "crun", Unit: "us", Median: 1, Low: 1, High: 1, Samples: 1},
	}
	if got := r.result().Values; !slices.Equal(got, want) {
		t.Errorf("values = %+v, want %+v", got, want)
	}
}

func TestCell(t *testing.T) {
	r := &result{Values: []value{
		{Figure: "start hot", Subject: "ours", Median: 1000},
		{Figure: "start cold", Subject: "ours", Median: 2000},
		{Figure: "start hot", Subject: "crun", Median: 1500.4},
		{Figure: "start cold", Subject: "crun", Median: 8000},
		{Figure: "start hot", Subject: "half", Median: 1},
		{Figure: "200 pss", Subject: "crun", Median: 1.25},
	}}
	start := column{"start", []string{"start hot", "start cold"}, 0, false}
	for _, test := range []struct {
		column  column
		subject string
		want    string
	}{
		{start, "ours", "1000 / 2000"},
		{start, "crun", "1500 / 8000 (1.50 / 4.00)"},
		{start, "half", ""},
		{start, "nobody", ""},
		{column{"memory", []string{"200 pss"}, 1, false}, "crun", "1.2"},
		{column{"start", []string{"start hot", "start cold"}, 0, true}, "crun", "1500 / 8000"},
	} {
		if got := test.column.cell(r, test.subject); got != test.want {
			t.Errorf("cell(%s, %s) = %q, want %q", test.column.head, test.subject, got, test.want)
		}
	}
}

func TestGoal(t *testing.T) {
	ratio := goal{to: operand{"a", "b"}, must: 0.30, aim: 0.20}
	wakeUps := goal{must: none, aim: 0}
	last := goal{must: 20, aim: none, unit: "ms"}
	for _, test := range []struct {
		goal          goal
		of            float64
		text, verdict string
	}{
		{ratio, 0.1951, "0.20", "must, aim"},
		{ratio, 0.2, "0.20", "must, aim"},
		{ratio, 0.2041, "0.204", "must"},
		{ratio, 0.2141, "0.21", "must"},
		{ratio, 0.3049, "0.305", "no"},
		{ratio, 0.31, "0.31", "no"},
		{wakeUps, 0, "0.0", "aim"},
		{wakeUps, 1, "1.0", "no"},
		{last, 5.94, "5.9 ms", "must"},
		{last, 20.04, "20.04 ms", "no"},
	} {
		if text, verdict := test.goal.text(test.of), test.goal.verdict(test.of); text != test.text || verdict != test.verdict {
			t.Errorf("%v is shown as %q, %q, want %q, %q", test.of, text, verdict, test.text, test.verdict)
		}
	}
}

func TestParseStamp(t *testing.T) {
	if got, err := parseStamp("S 123\n", firstStamp); got != 123 || err != nil {
		t.Errorf("parseStamp(S 123) = %d, %v", got, err)
	}
	for _, line := range []string{"", "\n", "E 123\n", "S\n", "S x\n"} {
		if got, err := parseStamp(line, firstStamp); err == nil {
			t.Errorf("parseStamp(%q) = %d, want an error", line, got)
		}
	}
}

func TestBareVersion(t *testing.T) {
	for _, test := range []struct{ text, program, want string }{
		{"crun version 1.8.1\ncommit: f8a0\n", "crun", "1.8.1"},
		{"conmon version 2.1.6\n", "conmon", "2.1.6"},
		{"containerd github.com/containerd/containerd 1.6.20 1.6.20-1\n", "containerd", "1.6.20 1.6.20-1"},
		{"gcc (Debian 12.2.0-14) 12.2.0\n", "gcc", "(Debian 12.2.0-14) 12.2.0"},
		{"version devel (56c3c1a0)\n", "harpoon-supervisor", "devel (56c3c1a0)"},
		{"", "runc", ""},
	} {
		if got := bareVersion(test.text, test.program); got != test.want {
			t.Errorf("bareVersion(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}
