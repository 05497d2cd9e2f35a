package main

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	chartWidth  = 860
	chartMargin = 20
	labelWidth  = 300 // names, left of the bars
	valueWidth  = 110 // figures, right of them
	barHeight   = 14
	rowHeight   = 22
	titleHeight = 38
)

// chartHead is the beginning of an SVG with a card of its own, so that it can be
// read on any page, light or dark. The colours follow the reader's preference.
const chartHead = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>start and memory of supervisors and runtimes</title>
<style>
svg { font: 13px system-ui, sans-serif }
text { fill: #1f2328 } .title { font-weight: 600 } .card { fill: #ffffff; stroke: #d0d7de }
.pale { fill: #b6c8dc } .full { fill: #5f7f9f } .pale.ours { fill: #f3b389 } .full.ours { fill: #d9661f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .card { fill: #161b22; stroke: #30363d }
.pale { fill: #34475c } .full { fill: #7fa3c7 } .pale.ours { fill: #7a4523 } .full.ours { fill: #f0883e }
}
</style>
<rect class="card" x="0.5" y="0.5" width="%[3]d" height="%[4]d" rx="8"/>
`

// panel is a part of the chart: a bar for each subject. Where there are two
// figures the second is the pale bar.
type panel struct {
	title   string
	figures []string
	scale   float64 // what of a figure is one of the unit
	format  string  // for the figures behind the bars
}

var panels = []panel{
	{"start, ms: hot (full) and cold (pale)", []string{"start hot", "start cold"}, 1000, "%.1f"},
	{"idle supervisor, mean of 50, MiB (PSS)", []string{"pss 50"}, 1024, "%.2f"},
}

// chart is the result as an SVG.
func chart(r *result) string {
	var bars strings.Builder
	y := chartMargin
	for _, p := range panels {
		y = p.draw(&bars, r, y)
	}
	height := y + chartMargin
	return fmt.Sprintf(chartHead, chartWidth, height, chartWidth-1, height-1) + bars.String() + "</svg>\n"
}

// draw draws the panel from y on, and returns where it ends.
func (p panel) draw(out *strings.Builder, r *result, y int) int {
	longest := 0.0
	var names []string
	for _, name := range r.subjects() {
		all := true
		for _, figure := range p.figures {
			v, there := r.of(figure, name)
			all = all && there
			longest = max(longest, v)
		}
		if all {
			names = append(names, name)
		}
	}
	if longest == 0 {
		return y
	}
	fmt.Fprintf(out, `<text class="title" x="%d" y="%d">%s</text>`+"\n", chartMargin, y+18, html.EscapeString(p.title))
	y += titleHeight
	perPixel := longest / float64(chartWidth-2*chartMargin-labelWidth-valueWidth)
	for _, name := range names {
		p.bar(out, r, name, y, perPixel)
		y += rowHeight
	}
	return y + chartMargin/2
}

// bar draws a subject.
func (p panel) bar(out *strings.Builder, r *result, name string, y int, perPixel float64) {
	class := ""
	if isOurs(name) {
		class = " ours"
	}
	left := chartMargin + labelWidth
	fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, y+12, html.EscapeString(name))
	type rect struct {
		shade string
		width float64
	}
	var rects []rect
	var figures []string
	for i, figure := range p.figures {
		v, _ := r.of(figure, name)
		rects = append(rects, rect{[]string{"full", "pale"}[i], v / perPixel})
		figures = append(figures, fmt.Sprintf(p.format, v/p.scale))
	}
	// The longest first, or it would hide the others.
	slices.SortStableFunc(rects, func(a, b rect) int { return cmp.Compare(b.width, a.width) })
	for _, r := range rects {
		fmt.Fprintf(out, `<rect class="%s%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`+"\n", r.shade, class, left, y, r.width, barHeight)
	}
	fmt.Fprintf(out, `<text x="%.1f" y="%d">%s</text>`+"\n", float64(left)+rects[0].width+8, y+12, strings.Join(figures, " / "))
}
