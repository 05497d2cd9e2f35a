package eventstream

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func newTypeDecoder(r io.Reader, maxEvent int) *Decoder { return NewTypeDecoder(r, maxEvent, nil) }

// TestIgnored: what is no event is told once, but not what keeps a connection alive.
func TestIgnored(t *testing.T) {
	for _, test := range []struct {
		stream string
		want   int
	}{
		{"", 0}, {"\n\n\r\r\n", 0}, {": a comment\n\n", 0}, {"id: 1\nretry: 5\n\n", 0}, {": unfinished", 0},
		{"event: stop\n\n", 0}, {"event: stop\nfield: x\n\n", 0}, {"data\n\n", 0}, {"\ufeffevent: stop\n\n", 0},
		{"stop\n\n", 1}, {"stop\r\r", 1}, {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1}, {"Event: stop\n\n", 1}, {"event:\n\n", 1},
		{"event: stop\n", 1}, {"event: stop", 1}, {"data", 1}, {"x", 1}, {"id: 1\nx\n: c\n\n", 1},
		{"a\n\nb\n\nevent: stop\n\nc", 3}, {strings.Repeat("x", 10_000) + "\n\n", 1}, {"\x00\xff\n\n", 1},
	} {
		for n := 1; n < 5; n++ {
			got := 0
			d := NewTypeDecoder(pieces{strings.NewReader(test.stream), n}, 1<<16, func() { got++ })
			if _, err := all(d); err != io.EOF {
				t.Errorf("%.50q: %v", test.stream, err)
			}
			if _, err := d.Next(); got != test.want || err != io.EOF {
				t.Errorf("%.50q by %d bytes: ignored %d times (%v), want %d", test.stream, n, got, err, test.want)
			}
		}
	}
}

// TestTypeDecoder: all that it does not tell is what there is beside a type.
func TestTypeDecoder(t *testing.T) {
	for _, test := range decodeTests {
		got, err := all(newTypeDecoder(strings.NewReader(test.stream), 1<<16))
		if want := types(test.want); !slices.Equal(types(got), want) || err != io.EOF {
			t.Errorf("%s: %.2000q, %v, want %.2000q, EOF", test.name, got, err, want)
		}
		if slices.ContainsFunc(got, func(e result) bool { return e.Data != "" || len(e.Type) > keepSize }) {
			t.Errorf("%s: %.2000q, want types only, and cut", test.name, got)
		}
	}
}

// types leaves what a decoder of types tells for certain.
func types(events []result) (list []result) {
	for _, e := range events {
		list = append(list, result{Type: e.Type[:min(len(e.Type), 1000)]})
	}
	return list
}
