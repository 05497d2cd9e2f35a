package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// table is one of the tables: subjects by figures.
type table struct {
	title   string
	columns []column
}

// column is a figure, or the hot and the cold one.
type column struct {
	head    string
	figures []string
	digits  int  // behind the point
	bare    bool // without ratios: ours may be next to nothing
}

// tables are all of them, in order.
var tables = []table{
	{"microseconds, hot / cold", []column{
		{"spawn to the command's first instruction", []string{"start hot", "start cold"}, 0, false},
		{"exit of the command to known", []string{"exit hot", "exit cold"}, 0, false},
		{"CPU of the run", []string{"cpu"}, 0, false},
	}},
	{"microseconds", []column{
		{"stop", []string{"stop"}, 0, false},
		{"restart, less the back-off", []string{"restart"}, 0, false},
	}},
	{"an idle supervisor", []column{
		{"PSS of one / mean of 50, KiB", []string{"pss one", "pss 50"}, 0, false},
		{"CPU a minute, ms", []string{"idle cpu"}, 2, true},
		{"wake-ups a minute", []string{"idle wake-ups"}, 0, true},
	}},
	{"200 containers, 8 in parallel", []column{
		{"start all / stop all, ms", []string{"200 start", "200 stop"}, 0, false},
		{"PSS of all, MiB", []string{"200 pss"}, 1, false},
	}},
	{"1,000 clients of one supervisor", []column{
		{"a change of state to the last one, ms", []string{"clients last"}, 1, false},
		{"memory a client, KiB", []string{"clients memory"}, 1, false},
	}},
}

// rows returns the table's cells: the head, then one row for each subject of
// which there is a value. Behind each value is its ratio to ours, if that is there.
func (t table) rows(r *result) [][]string {
	head := []string{t.title}
	for _, c := range t.columns {
		head = append(head, c.head)
	}
	rows := [][]string{head}
	for _, subject := range r.subjects() {
		row, any := []string{subject}, false
		for _, c := range t.columns {
			cell := c.cell(r, subject)
			any = any || cell != ""
			row = append(row, cell)
		}
		if any {
			rows = append(rows, row)
		}
	}
	return rows
}

// cell is what the table says of a subject; empty if nothing is known.
func (c column) cell(r *result, subject string) string {
	var values, ratios []string
	for _, figure := range c.figures {
		v, there := r.of(figure, subject)
		if !there {
			return ""
		}
		values = append(values, fmt.Sprintf("%.*f", c.digits, v))
		if ours, there := r.of(figure, "ours"); there && !c.bare && subject != "ours" {
			ratios = append(ratios, fmt.Sprintf("%.2f", v/ours))
		}
	}
	text := strings.Join(values, " / ")
	if len(ratios) > 0 {
		text += " (" + strings.Join(ratios, " / ") + ")"
	}
	return text
}

// subjects are those of which there is any value: ours first, the others in the
// order of measuring.
func (r *result) subjects() []string {
	var names []string
	seen := map[string]bool{}
	for _, v := range r.Values {
		if !seen[v.Subject] {
			seen[v.Subject] = true
			names = append(names, v.Subject)
		}
	}
	others := slices.DeleteFunc(slices.Clone(names), isOurs)
	return append(slices.DeleteFunc(names, func(name string) bool { return !isOurs(name) }), others...)
}

// isOurs reports whether a subject is ours, in whatever configuration.
func isOurs(name string) bool { return strings.HasPrefix(name, "ours") }

// align makes text of rows: columns padded to the widest cell.
func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var text strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += fmt.Sprintf("%-*s   ", widths[i], cell)
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}

// plain is the whole result as text for a terminal.
func plain(r *result) string {
	var text strings.Builder
	for _, t := range tables {
		if rows := t.rows(r); len(rows) > 1 {
			text.WriteString("\n" + align(rows))
		}
	}
	if rows := goalRows(r); len(rows) > 1 {
		text.WriteString("\n" + align(rows))
	}
	fmt.Fprintf(&text, "\nMedians of up to %d; in brackets the ratio to ours.\n", r.Rounds)
	for _, facts := range [][]fact{r.Machine, r.Versions} {
		for _, f := range facts {
			fmt.Fprintf(&text, "%s: %s\n", f.Name, f.Is)
		}
	}
	for _, l := range r.LeftOut {
		fmt.Fprintf(&text, "left out: %s\n", l)
	}
	return text.String()
}

// finite reports whether a ratio means something.
func finite(ratio float64) bool { return !math.IsNaN(ratio) && !math.IsInf(ratio, 0) }
