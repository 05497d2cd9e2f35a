package eventstream

// Event is one event of a stream.
type Event struct {
	// Type is the value of the last event field, "message" if there was none
	// or it was empty.
	Type string
	// Data is the values of the data fields, joined with LF; empty if there
	// were none.
	Data []byte
}

// Append appends one event to dst and returns the result, framed as
//
//	event: TYPE
//	data: DATA
//	<empty line>
//
// It does not allocate if dst has room. Data becomes one data line for each of
// its lines, whether they end in LF, CR or CRLF; a Decoder gives them back with
// LF. There is always a data line, because without one other decoders drop the
// event. An empty eventType leaves out the event line. A type is one line: it
// is cut at the first line end, which would otherwise let it forge other
// fields.
func Append(dst []byte, eventType string, data []byte) []byte {
	if n := lineEnd(eventType); n >= 0 {
		eventType = eventType[:n]
	}
	if eventType != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, eventType...)
		dst = append(dst, '\n')
	}
	for {
		n := lineEnd(data)
		if n < 0 {
			break
		}
		dst = appendData(dst, data[:n])
		if data[n] == '\r' && n+1 < len(data) && data[n+1] == '\n' {
			n++
		}
		data = data[n+1:]
	}
	dst = appendData(dst, data)
	return append(dst, '\n')
}

func appendData(dst, line []byte) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, line...)
	return append(dst, '\n')
}

// lineEnd returns the index of the first LF or CR in s, or -1. It is one loop,
// not two calls of IndexByte: those would take quadratic time on nothing but CRs.
func lineEnd[T string | []byte](s T) int {
	for i := range len(s) {
		if s[i] == '\n' || s[i] == '\r' {
			return i
		}
	}
	return -1
}
