package main

import (
	"fmt"
	"strconv"
	"strings"
)

// goal is a ratio of two figures, or a figure alone, that must not be exceeded.
type goal struct {
	name      string
	of        operand
	to        operand // none: of is compared as it is
	must, aim float64
	unit      string // of a goal without to
}

// none is the must or the aim of a goal that has none.
const none = -1

// operand is a figure of a subject.
type operand struct{ figure, subject string }

// goals are those that the project was built against.
var goals = []goal{
	{name: "start, against crun lean, hot", of: operand{"start hot", "ours"}, to: operand{"start hot", "crun, lean"}, must: 0.85, aim: 0.55},
	{name: "start, against crun lean, cold", of: operand{"start cold", "ours"}, to: operand{"start cold", "crun, lean"}, must: 0.30, aim: 0.20},
	{name: "start, against runc lean, hot", of: operand{"start hot", "ours"}, to: operand{"start hot", "runc, lean"}, must: 0.25, aim: 0.18},
	{name: "start, against runc lean, cold", of: operand{"start cold", "ours"}, to: operand{"start cold", "runc, lean"}, must: 0.18, aim: none},
	{name: "start, against crun with its default mounts and seccomp, hot", of: operand{"start hot", "ours"}, to: operand{"start hot", "crun, default mounts, seccomp"}, must: 0.25, aim: 0.20},
	{name: "start, against the floor in Go, hot", of: operand{"start hot", "ours"}, to: operand{"start hot", "floor in Go"}, must: 1.5, aim: 1.15},
	{name: "start, own cold against own hot", of: operand{"start cold", "ours"}, to: operand{"start hot", "ours"}, must: 1.5, aim: 1.3},
	{name: "exit to the state at a client, against conmon's, cold", of: operand{"exit cold", "ours"}, to: operand{"exit cold", "conmon + crun"}, must: 0.45, aim: 0.33},
	{name: "stop to `up:false`, against crun kill and delete", of: operand{"stop", "ours"}, to: operand{"stop", "crun, lean"}, must: 0.30, aim: 0.20},
	{name: "restart less the back-off, against a fresh crun run", of: operand{"restart", "ours"}, to: operand{"restart", "crun, lean"}, must: 0.42, aim: 0.20},
	{name: "PSS, mean of 50, against containerd-shim", of: operand{"pss 50", "ours"}, to: operand{"pss 50", "containerd-shim-runc-v2"}, must: 0.50, aim: none},
	{name: "PSS, mean of 50, against Go with package net", of: operand{"pss 50", "ours"}, to: operand{"pss 50", tickerName}, must: none, aim: 1.2},
	{name: "PSS of one, against containerd-shim", of: operand{"pss one", "ours"}, to: operand{"pss one", "containerd-shim-runc-v2"}, must: 0.60, aim: none},
	{name: "PSS of one, against Go with package net", of: operand{"pss one", "ours"}, to: operand{"pss one", tickerName}, must: none, aim: 1.3},
	{name: "idle CPU, one client, against containerd-shim", of: operand{"idle cpu", "ours, one client"}, to: operand{"idle cpu", "containerd-shim-runc-v2"}, must: 0.35, aim: 0.16},
	{name: "idle CPU, nobody connected, against containerd-shim", of: operand{"idle cpu", "ours"}, to: operand{"idle cpu", "containerd-shim-runc-v2"}, must: 0.02, aim: none},
	{name: "idle wake-ups a minute, nobody connected", of: operand{"idle wake-ups", "ours"}, must: none, aim: 0},
	{name: "idle wake-ups a minute, one client, 20 samples", of: operand{"idle wake-ups", withClient}, must: none, aim: 20},
	{name: "200 at once, start, against conmon + crun", of: operand{"200 start", "ours"}, to: operand{"200 start", "conmon + crun"}, must: 0.33, aim: 0.22},
	{name: "200 at once, stop, against conmon + crun", of: operand{"200 stop", "ours"}, to: operand{"200 stop", "conmon + crun"}, must: 0.30, aim: 0.20},
	{name: "a change of state at the last of 1,000 clients", of: operand{"clients last", "ours"}, must: 20, aim: none, unit: "ms"},
	{name: "memory a client", of: operand{"clients memory", "ours"}, must: 16, aim: none, unit: "KiB"},
	{name: "binary, stripped", of: operand{"binary", "ours"}, must: 9, aim: 6, unit: "MiB"},
}

// goalRows is the table of goals: those of which there are both figures.
func goalRows(r *result) [][]string {
	rows := [][]string{{"figure", "this run", "must", "aim", "reached"}}
	for _, g := range goals {
		if reached, there := g.reached(r); there {
			rows = append(rows, []string{g.name, g.text(reached), g.limit(g.must), g.limit(g.aim), g.verdict(reached)})
		}
	}
	return rows
}

// reached is the ratio or figure of this run.
func (g goal) reached(r *result) (float64, bool) {
	v, there := r.of(g.of.figure, g.of.subject)
	if g.to == (operand{}) || !there {
		return v, there
	}
	to, there := r.of(g.to.figure, g.to.subject)
	return v / to, there && finite(v/to)
}

// text shows a figure with a digit more than usual where that makes the difference:
// nobody would believe that 0.20 is more than 0.20.
func (g goal) text(v float64) string {
	digits := 1
	if g.to != (operand{}) {
		digits = 2
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if shown, _ := strconv.ParseFloat(text, 64); g.verdict(shown) != g.verdict(v) {
		text = strconv.FormatFloat(v, 'f', digits+1, 64)
	}
	return strings.TrimSpace(text + " " + g.unit)
}

// verdict says which of the two was reached.
func (g goal) verdict(v float64) string {
	var words []string
	if g.must != none && v <= g.must {
		words = append(words, "must")
	}
	if g.aim != none && v <= g.aim {
		words = append(words, "aim")
	}
	if len(words) == 0 {
		return "no"
	}
	return strings.Join(words, ", ")
}

func (g goal) limit(v float64) string {
	if v == none {
		return ""
	}
	if g.to != (operand{}) {
		return fmt.Sprintf("%.2f", v)
	}
	return strings.TrimSpace(fmt.Sprintf("%g %s", v, g.unit))
}
