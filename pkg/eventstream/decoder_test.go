package eventstream

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unsafe"
)

// result is an event whose data outlives the next call of Next.
type result struct{ Type, Data string }

// decode returns all events of r and the error that ended them.
func decode(r io.Reader, maxEvent int) ([]result, error) { return all(NewDecoder(r, maxEvent)) }

func all(d *Decoder) ([]result, error) {
	var all []result
	for {
		e, err := d.Next()
		if err != nil {
			return all, err
		}
		all = append(all, result{e.Type, string(e.Data)})
	}
}

// decodeTests begin with the examples of the standard, section 9.2.6.
var decodeTests = []struct {
	name, stream string
	want         []result
}{
	{"example stocks", "data: YHOO\ndata: +2\ndata: 10\n\n", []result{{"message", "YHOO\n+2\n10"}}},
	{"example blocks", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
		[]result{{"message", "first event"}, {"message", "second event"}, {"message", " third event"}}},
	{"example empty", "data\n\ndata\ndata\n\ndata:", []result{{"message", ""}, {"message", "\n"}}},
	{"example space", "data:test\n\ndata: test\n\n", []result{{"message", "test"}, {"message", "test"}}},
	{"example types", "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
		[]result{{"add", "73857293"}, {"remove", "2153"}}},

	{"agent's command", "event: stop\ndata\n\n", []result{{"stop", ""}}},
	{"person's command", "event: stop\n\n", []result{{"stop", ""}}},
	{"type without data", "event:stop\n\nevent: kill\n\n", []result{{"stop", ""}, {"kill", ""}}},
	{"last type counts", "event: a\nevent: b\n\n", []result{{"b", ""}}},
	{"type taken back", "event: a\nevent\n\n", nil},
	{"empty type, data", "event: a\nevent:\ndata: x\n\n", []result{{"message", "x"}}},
	{"type does not last", "event: a\ndata: 1\n\ndata: 2\n\nevent: a\n\n", []result{{"a", "1"}, {"message", "2"}, {"a", ""}}},
	{"type after data", "data: 1\nevent: a\ndata: 2\n\n", []result{{"a", "1\n2"}}},
	{"type of spaces", "event:   \n\n", []result{{"  ", ""}}},

	{"nothing", "", nil},
	{"empty lines", "\n\n\r\r\r\n\r\n", nil},
	{"unfinished", "event: a\ndata: 1\n", nil},
	{"unfinished line", "data: 1\n\nevent: a\ndata: 2", []result{{"message", "1"}}},
	{"ignored", "id: 1\nretry: 10\nfoo: bar\nfoo\n\n", nil},
	{"ignored around", "id: 1\nevent: a\nretry: x\n: c\nfoo\ndata: 1\n:\n\n", []result{{"a", "1"}}},
	{"comment with data", ":data: 1\n:event: a\n\n", nil},
	{"names are exact", "Event: a\nDATA: 1\n event: b\ndata : 2\nevents: c\ndat: 3\n\n", nil},
	{"colons in values", "event: a: b:\ndata::c: d\n\n", []result{{"a: b:", ":c: d"}}},
	{"one space only", "event:  a \ndata:  1 \n\n", []result{{" a ", " 1 "}}},
	{"a tab is no space", "data:\t1\n\n", []result{{"message", "\t1"}}},
	{"empty data lines", "data:\ndata:\ndata: \n\n", []result{{"message", "\n\n"}}},

	{"CR", "event: a\rdata: 1\r\rdata: 2\r\r", []result{{"a", "1"}, {"message", "2"}}},
	{"CRLF", "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []result{{"a", "1"}, {"message", "2"}}},
	{"LF CR is two", "data: 1\n\rdata: 2\n\r", []result{{"message", "1"}, {"message", "2"}}},
	{"CR LF LF is two", "data: 1\r\n\ndata: 2\r\r\n", []result{{"message", "1"}, {"message", "2"}}},
	{"mixed", "event: a\rdata: 1\ndata: 2\r\n\r\nevent: b\r\r\n\n", []result{{"a", "1\n2"}, {"b", ""}}},
	{"other line ends are none", "data: 1\v\f\u0085\u2028\u20292\n\n", []result{{"message", "1\v\f\u0085\u2028\u20292"}}},

	{"BOM", "\ufeffevent: a\n\n", []result{{"a", ""}}},
	{"BOM and nothing", "\ufeff\n\ndata: 1\n\n", []result{{"message", "1"}}},
	{"BOM before data", "\ufeffdata: 1\ndata: 2\n\n", []result{{"message", "1\n2"}}},
	{"two BOMs", "\ufeff\ufeffevent: a\n\n", nil},
	{"BOM later", "\n\ufeffevent: a\n\ndata: \ufeff1\n\n", []result{{"message", "\ufeff1"}}},
	{"part of a BOM", "\xef\xbbdata: 1\n\n", nil},

	{"NUL", "event: a\x00\ndata: \x00\n\n", []result{{"a\x00", "\x00"}}},
	{"no UTF-8", "event: \xff\ndata: \xc3\n\n", []result{{"\xff", "\xc3"}}},
	{"long", "data: " + strings.Repeat("x", 3000) + "\nevent: " + strings.Repeat("y", 3000) + "\n\nevent: b\n\n",
		[]result{{strings.Repeat("y", 3000), strings.Repeat("x", 3000)}, {"b", ""}}},
}

func TestDecode(t *testing.T) {
	for _, test := range decodeTests {
		got, err := decode(strings.NewReader(test.stream), 1<<16)
		if !slices.Equal(got, test.want) || err != io.EOF {
			t.Errorf("%s: decode(%.100q) = %q, %v, want %q, EOF", test.name, test.stream, got, err, test.want)
		}
	}
}

func TestDecodeInPieces(t *testing.T) {
	for _, test := range decodeTests {
		got, err := decode(iotest.OneByteReader(strings.NewReader(test.stream)), 1<<16)
		if !slices.Equal(got, test.want) || err != io.EOF {
			t.Errorf("%s: by single bytes: decode(%.100q) = %q, %v, want %q, EOF", test.name, test.stream, got, err, test.want)
		}
		got, err = decode(iotest.DataErrReader(strings.NewReader(test.stream)), 1<<16)
		if !slices.Equal(got, test.want) || err != io.EOF {
			t.Errorf("%s: EOF with the data: decode(%.100q) = %q, %v, want %q, EOF", test.name, test.stream, got, err, test.want)
		}
		for i := range len(test.stream) {
			split := io.MultiReader(strings.NewReader(test.stream[:i]), strings.NewReader(test.stream[i:]))
			got, err := decode(split, 1<<16)
			if !slices.Equal(got, test.want) || err != io.EOF {
				t.Errorf("%s: split at %d: decode(%.100q) = %q, %v, want %q, EOF", test.name, i, test.stream, got, err, test.want)
			}
		}
	}
}

// TestNextDoesNotReadAhead has a reader that fails when the decoder asks for
// more than the event needs, as a CR at the end may tempt it to.
func TestNextDoesNotReadAhead(t *testing.T) {
	asked := errors.New("asked for more")
	for _, stream := range []string{"event: a\n\n", "event: a\r\r", "event: a\r\n\r", "event: a\n\r", "\revent: a\r\r"} {
		r := io.MultiReader(strings.NewReader(stream), iotest.ErrReader(asked))
		d := NewDecoder(r, 100)
		if e, err := d.Next(); e.Type != "a" || err != nil {
			t.Errorf("Next() of %q = %q, %v, want a, nil", stream, e.Type, err)
		}
		for range 2 {
			if _, err := d.Next(); err != asked {
				t.Errorf("Next() behind %q = %v, want %v", stream, err, asked)
			}
		}
	}
}

func TestLimit(t *testing.T) {
	a := "event: a\n\n" // 10 bytes
	tests := []struct {
		stream   string
		maxEvent int
		want     int // events before the error
		err      error
	}{
		{a + a, 10, 2, io.EOF},
		{a + a, 9, 0, ErrTooLong},
		{"event: a\r\n\r\n", 10, 1, io.EOF}, // a line end is one byte
		{"event: a\r\n\r\n", 9, 0, ErrTooLong},
		{a + ":" + a, 10, 1, io.EOF}, // ":event: a" is a comment
		{":xx\n:xx\n:\n", 10, 0, io.EOF},
		{":xx\n:xx\n:x\n:xxxxxxxx\n" + a, 10, 1, io.EOF}, // comments do not add up
		{":xxxxxxxxx\n" + a, 10, 0, ErrTooLong},
		{"id: xx\n" + a, 10, 0, ErrTooLong},
		{":xxxxxxx\n\n" + a, 10, 1, io.EOF}, // an empty line begins a new event
		{"\n\n\n\n\n\n\n\n\n\n\n\n" + a, 10, 1, io.EOF},
		{a + "event: abcd", 10, 1, ErrTooLong}, // before the line ends
		{a + "event: abc", 10, 1, io.EOF},
		{"\ufeff" + a, 13, 1, io.EOF},
		{"\ufeff" + a, 12, 0, ErrTooLong},
		{a, 0, 0, ErrTooLong},
	}
	for _, test := range tests {
		for _, r := range []io.Reader{strings.NewReader(test.stream), iotest.OneByteReader(strings.NewReader(test.stream))} {
			got, err := decode(r, test.maxEvent)
			if len(got) != test.want || !errors.Is(err, test.err) {
				t.Errorf("decode(%q, %d) = %d events, %v, want %d, %v", test.stream, test.maxEvent, len(got), err, test.want, test.err)
			}
		}
	}
}

// TestMemory feeds lines and events without an end, and looks at how much the
// decoder read and how much it holds.
func TestMemory(t *testing.T) {
	const maxEvent = 1 << 16
	for _, text := range []string{"x", ":", "data", "data:x\n", "data\n", "event: x\n", "event:", "id: \r\n"} {
		r := &endless{text: text}
		d := NewDecoder(r, maxEvent)
		for range 2 {
			if _, err := d.Next(); err != ErrTooLong {
				t.Fatalf("Next() of an endless %q = %v, want %v", text, err, ErrTooLong)
			}
		}
		// An id line's CRLF counts as one of its six bytes.
		if want := maxEvent*6/5 + chunkSize; r.read > want {
			t.Errorf("bytes read of an endless %q = %d, want at most %d", text, r.read, want)
		}
	}
	if got := unsafe.Sizeof(Decoder{}); got > 704 {
		t.Errorf("size of a Decoder = %d, want at most 704", got)
	}
}

// TestMemoryIsReleased sends one large event and looks at what is kept.
func TestMemoryIsReleased(t *testing.T) {
	const large = 1 << 16
	for _, stream := range []string{
		"data: " + strings.Repeat("x", large) + "\n\n",
		"event: " + strings.Repeat("x", large) + "\n\n",
		":" + strings.Repeat("x", large) + "\n\nevent: a\n\n",
	} {
		d := NewDecoder(strings.NewReader(stream), 2*large)
		if _, err := d.Next(); err != nil {
			t.Fatalf("Next() of %.10q... = %v, want nil", stream, err)
		}
		if got := cap(d.buf) + len(d.name); got > 2*keepSize {
			t.Errorf("bytes kept after %.10q... = %d, want at most %d", stream, got, 2*keepSize)
		}
	}
	d := NewDecoder(&endless{text: "data: " + strings.Repeat("x", 100) + "\n"}, large)
	largest := 0
	for d.err == nil {
		largest = max(largest, cap(d.buf))
		for len(d.unread) > 0 {
			if d.scan() {
				d.endLine()
			}
		}
		if d.err == nil {
			d.read()
		}
	}
	if largest < large/2 || largest > 2*large {
		t.Errorf("largest buffer = %d, want between %d and %d", largest, large/2, 2*large)
	}
}

// TestIgnoredTakesNoMemory: what changes nothing is not kept, whether its line ends or not.
func TestIgnoredTakesNoMemory(t *testing.T) {
	const large = 1 << 16
	x := strings.Repeat("x", large)
	for _, decoder := range []func(io.Reader, int) *Decoder{NewDecoder, newTypeDecoder} {
		for _, line := range []string{":" + x, "id:" + x, x, "datax" + x, "events:" + x, "\ufeff:" + x, "data:" + x, "event:" + x} {
			used := strings.HasPrefix(line, "data:") || strings.HasPrefix(line, "event:")
			for _, stream := range []string{line, line + "\n", "event: a\ndata: b\n" + line} {
				d := decoder(strings.NewReader(stream), 2*large)
				largest := 0
				for d.err == nil {
					d.read()
					for len(d.unread) > 0 && (!d.scan() || !d.endLine()) {
						largest = max(largest, cap(d.buf)+len(d.name))
					}
				}
				if largest > 4*keepSize && (d.typesOnly || !used) {
					t.Errorf("types only %v: bytes kept of %.10q... = %d, want at most %d", d.typesOnly, stream, largest, 4*keepSize)
				}
			}
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	d := NewDecoder(&endless{text: string(Append(nil, "state", stateData))}, 1<<16)
	var err error
	got := testing.AllocsPerRun(100, func() { _, err = d.Next() })
	if got != 0 || err != nil {
		t.Errorf("allocations of Next = %v, %v, want 0, nil", got, err)
	}
}

// TestDataHasNoRoom appends to the data of an event, which must not change what
// comes next.
func TestDataHasNoRoom(t *testing.T) {
	d := NewDecoder(strings.NewReader("data: 1\n\ndata: 2\n\n"), 100)
	first, _ := d.Next()
	second := append(first.Data, "xx"...)
	if e, err := d.Next(); string(e.Data) != "2" || string(second) != "1xx" || err != nil {
		t.Errorf("Next() = %q, %v beside %q, want 2, nil beside 1xx", e.Data, err, second)
	}
}
