package main

import (
	"fmt"
	"slices"
	"strings"
)

// introduction is what one has to know to read the tables.
const introduction = `
## What it costs

All took their turns within one run: absolute figures vary by the hour, with the machine's other work, ratios within a run less so. Figures are
medians; in brackets, divided by ours. *Hot* is the second of two runs back to back, *cold* after a pause of 0.25 s, as in real life.
*Ours* is the default configuration with a memory limit, with everything that the container is promised above. The floors
do what cannot be left out, once in C, once in a Go program that executes itself again: a cgroup, namespaces, /proc and /dev, the root, the
identity. *Lean* has that and no more; *default mounts*, and masks, are those of ` + "`runc spec`" + `, but with the host's network, as ours; *seccomp* is our own list of
system calls, by name, as engines give it. conmon gets the lean container; containerd makes what it makes by default, without seccomp, and what CPU time that
takes cannot be told, as a daemon does part of it. CPU time is that of the hot run. The program in the container reads the clock with its first instruction, and again before it exits. Its end is known when
a client of ours has the state; by conmon's exit file; by containerd's event; with the others when they have ended. A stop of ours lasts from
sending it until the client knows, without the end of the supervisor; for crun and runc it is kill and delete, for conmon and containerd it lasts from kill until the end is known, without a delete. A restart is compared with a new start after a pause.
Wake-ups are the voluntary context switches of all threads. Memory a client is the supervisor's, without the kernel's for a socket.

![start and memory, as a chart](scripts/bench/chart.svg)
`

// page is the section of README.md.
func page(r *result) string {
	var text strings.Builder
	text.WriteString(introduction)
	for _, t := range tables {
		if rows := t.rows(r); len(rows) > 1 {
			text.WriteString("\n" + markdown(rows))
		}
	}
	if rows := goalRows(r); len(rows) > 1 {
		text.WriteString("\nWhat this project set itself, as ratios within one run (*must*, *aim*), and what was reached:\n\n" + markdown(rows))
	}
	fmt.Fprintf(&text, "\nMeasured %s, %s, on: %s.\n", r.Date, rounds(r), joined(r.Machine))
	fmt.Fprintf(&text, "Versions: %s.\n", joined(r.Versions))
	for _, l := range r.LeftOut {
		fmt.Fprintf(&text, "Left out: %s.\n", l)
	}
	text.WriteString("\n`make bench` repeats it as root, within a quarter of an hour, and leaves nothing behind but the Debian packages that it lacked.\n\n")
	return text.String()
}

// rounds says how often it was measured: of a part that was not, nothing.
func rounds(r *result) string {
	text := fmt.Sprintf("%d rounds", r.Rounds)
	if slices.ContainsFunc(r.Values, func(v value) bool { return v.Figure == "pss one" || v.Figure == "idle cpu" || v.Figure == "200 start" }) {
		text += fmt.Sprintf(", %d of what takes long (memory, idling, 200 at once)", few(r.Rounds))
	}
	if slices.ContainsFunc(r.Values, func(v value) bool { return v.Figure == "clients last" }) {
		text += fmt.Sprintf(", %d of 1,000 clients", clientRounds(r.Rounds))
	}
	return text
}

// markdown makes a table of rows, of which the first is the head.
func markdown(rows [][]string) string {
	var text strings.Builder
	for i, row := range rows {
		text.WriteString("|")
		for _, cell := range row {
			if cell != "" {
				cell += " "
			}
			text.WriteString(" " + cell + "|")
		}
		text.WriteString("\n")
		if i == 0 {
			text.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return text.String()
}

// joined makes one line of facts.
func joined(facts []fact) string {
	var words []string
	for _, f := range facts {
		words = append(words, f.Name+" "+f.Is)
	}
	return strings.Join(words, "; ")
}
