package eventstream

import (
	"bytes"
	"errors"
	"io"
)

// ErrTooLong is what Next returns for an event that is larger than the decoder
// allows.
var ErrTooLong = errors.New("event too long")

const (
	// chunkSize is how much is read at a time. There is one decoder for each
	// client of a control socket, and there may be 10,000 of those: a
	// bufio.Reader would take 40 MB.
	chunkSize = 512
	// keepSize is the largest buffer kept from one event for the next one, so
	// that a client that once sent a large event holds no memory afterwards.
	keepSize = 1024
	// headSize is as much of a line as tells whether it is ignored.
	headSize = len("\ufeffevent:")
)

// A Decoder reads events from a stream. It is not safe for concurrent use.
type Decoder struct {
	r         io.Reader
	max       int
	typesOnly bool // see NewTypeDecoder
	ignored   func()
	err       error // returned once unread is used up

	unread  []byte // what of chunk has not been decoded
	begun   bool   // the first line, which may begin with a BOM, has been seen
	afterCR bool   // the last line ended in CR: a LF that follows belongs to it

	// The event so far.
	named  bool   // name is its type
	name   string // kept from event to event: mostly it is the same one again
	filled bool   // it has data
	odd    bool   // it has a line that is neither a comment nor of an id or retry
	size   int    // all its bytes, a line end counted as one
	buf    []byte // its data lines, each with a LF, then the line being read
	data   int    // length of the data lines in buf
	line   int    // length of the line being read
	cut    bool   // no more of that is in buf: what follows changes nothing

	chunk [chunkSize]byte
}

// NewDecoder returns a Decoder that reads events of at most maxEvent bytes from
// r, in reads of at most 512 bytes. An event's size is that of all its lines up
// to and including the empty one, ignored fields included, where each line end
// counts as one byte. Comments, which keep a connection alive for any time, count
// only until their line has ended. The decoder's memory is bounded by a small
// multiple of maxEvent; what it ignores takes none, and while it waits for an event
// to begin it holds no more than a few KiB.
func NewDecoder(r io.Reader, maxEvent int) *Decoder {
	return &Decoder{r: r, max: maxEvent}
}

// NewTypeDecoder returns a Decoder for who asks for the types of events alone. It is
// as that of NewDecoder, but that events have no Data, whatever was sent, and that of
// a long type there are only the first bytes, 1000 at least; so it never holds more
// than a few KiB. Next calls ignored, unless it is nil, for each group of lines that made
// no event, though not all were comments, ids and retries, and for an unfinished event at
// the end of the stream: somebody meant something by it.
func NewTypeDecoder(r io.Reader, maxEvent int, ignored func()) *Decoder {
	return &Decoder{r: r, max: maxEvent, typesOnly: true, ignored: ignored}
}

// Next returns the next event. Its Data is valid until the next call of Next.
//
// An event is returned as soon as the line end that completes it has been read,
// even if that is a CR of which nobody can know yet whether a LF follows.
//
// The error is io.EOF at the end of the stream (what is then unfinished is
// dropped, as the standard says), ErrTooLong, or the reader's.
// After an error Next returns the same error for ever.
func (d *Decoder) Next() (Event, error) {
	for {
		for len(d.unread) > 0 {
			if d.scan() && d.endLine() {
				return d.take(), nil
			}
		}
		if d.err != nil {
			d.drop()
			return Event{}, d.err
		}
		d.read()
	}
}

// drop ends what is unfinished at the end of the stream.
func (d *Decoder) drop() {
	if d.err != io.EOF {
		return
	}
	if d.line > 0 {
		d.endLine()
	}
	d.forget()
}

// read fills unread, or sets err, or both: a reader may return its last bytes
// together with its error.
func (d *Decoder) read() {
	n, err := d.r.Read(d.chunk[:])
	d.unread, d.err = d.chunk[:n], err
}

// scan moves bytes from unread to buf, up to the next line end, and reports
// whether there was one.
func (d *Decoder) scan() bool {
	if d.afterCR {
		d.afterCR = false
		if d.unread[0] == '\n' {
			d.unread = d.unread[1:]
			return false
		}
	}
	n := lineEnd(d.unread)
	if n < 0 {
		if d.fits(len(d.unread)) {
			d.keep(d.unread)
			d.unread = nil
		}
		return false
	}
	if !d.fits(n + 1) {
		return false
	}
	d.keep(d.unread[:n])
	d.afterCR = d.unread[n] == '\r'
	d.unread = d.unread[n+1:]
	return true
}

// keep appends bytes of a line to buf, as far as they are of use.
func (d *Decoder) keep(b []byte) {
	d.line += len(b)
	if d.cut {
		return
	}
	d.buf = append(d.buf, b...)
	line := d.buf[d.data:]
	if len(line) <= headSize {
		return
	}
	head, limit := d.withoutBOM(line), headSize
	isType := bytes.HasPrefix(head, []byte("event:"))
	switch {
	case !d.typesOnly && (isType || bytes.HasPrefix(head, []byte("data:"))):
		return
	case isType:
		limit = keepSize
	}
	if len(line) > limit {
		d.buf, d.cut = d.buf[:d.data+limit], true
	}
}

// fits adds n bytes to the size of the event. If that is too large it ends the
// decoding and reports false.
func (d *Decoder) fits(n int) bool {
	d.size += n
	if d.size <= d.max {
		return true
	}
	d.err = ErrTooLong
	d.unread, d.buf, d.name = nil, nil, ""
	return false
}

var bom = []byte("\ufeff")

// endLine interprets the line at the end of buf and removes it; it reports
// whether it was the empty line that completes an event.
func (d *Decoder) endLine() bool {
	line, length := d.withoutBOM(d.buf[d.data:]), d.line
	d.begun, d.line, d.cut = true, 0, false
	if len(line) == 0 {
		d.buf = d.buf[:d.data]
		if d.named || d.filled {
			return true
		}
		d.forget()
		return false
	}
	if line[0] == ':' {
		d.size -= length + 1
	} else {
		d.field(line)
	}
	d.buf = d.buf[:d.data]
	return false
}

// withoutBOM returns a line without what the first one may begin with.
func (d *Decoder) withoutBOM(line []byte) []byte {
	if d.begun {
		return line
	}
	return bytes.TrimPrefix(line, bom)
}

// field interprets a line that is not empty and lies in buf behind the data.
func (d *Decoder) field(line []byte) {
	name, value := line, []byte(nil)
	if colon := bytes.IndexByte(line, ':'); colon >= 0 {
		name, value = line[:colon], line[colon+1:]
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
	}
	d.odd = d.odd || string(name) != "id" && string(name) != "retry"
	switch string(name) {
	case "event":
		d.named = len(value) > 0
		if d.name != string(value) {
			d.name = string(value)
		}
	case "data":
		d.filled = true
		if d.typesOnly {
			return
		}
		// The value moves to the left over the field's name, whose four bytes
		// make room for the LF too.
		d.data += copy(d.buf[d.data:], value)
		d.buf[d.data] = '\n'
		d.data++
	}
	// Everything else is ignored.
}

// take returns the event that is complete, and begins the next one.
func (d *Decoder) take() Event {
	// Without the last line's LF, and without capacity: an append by the
	// caller must not write into buf.
	end := max(d.data-1, 0)
	e := Event{Type: "message", Data: d.buf[:end:end]}
	if d.named {
		e.Type = d.name
	}
	d.reset()
	return e
}

// forget is reset for what has not become an event.
func (d *Decoder) forget() {
	if d.odd && d.ignored != nil {
		d.ignored()
	}
	d.reset()
}

// reset begins a new event.
func (d *Decoder) reset() {
	d.size, d.data, d.named, d.filled, d.odd = 0, 0, false, false, false
	d.buf = d.buf[:0]
	if cap(d.buf) > keepSize {
		d.buf = nil
	}
	if len(d.name) > keepSize {
		d.name = ""
	}
}
