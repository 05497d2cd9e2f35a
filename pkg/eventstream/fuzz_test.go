package eventstream

import (
	"io"
	"slices"
	"strings"
	"testing"
)

// seeds are the streams that FuzzDecoder begins with, beside those of
// TestDecode. Each holds an event.
var seeds = []string{
	"event: state\ndata: {\"up\":true,\"restarting\":false}\n\n",
	"\ufeffevent: stop\r\ndata\r\n\r\nevent: kill\r\revent: exit\n\n",
	": comment\nid: 1\nretry: 2\ndata: a\ndata:b\ndata\n\r\n",
	"data:\xff\x00\nevent\nevent:  x\n\n\n\n\r",
}

// TestSeedsReachDecoder proves that the fuzzing starts beyond the first lines.
func TestSeedsReachDecoder(t *testing.T) {
	for _, seed := range seeds {
		if got, err := decode(strings.NewReader(seed), 1<<16); len(got) == 0 || err != io.EOF {
			t.Errorf("decode(%q) = %d events, %v, want at least 1, EOF", seed, len(got), err)
		}
	}
}

// pieces reads at most n bytes at a time.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// reference decodes a whole stream in the plainest way, without a limit.
func reference(stream string) []result {
	var all []result
	var e result
	hasData := false
	stream = strings.TrimPrefix(stream, "\ufeff")
	lines := strings.Split(unify(stream), "\n")
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if e.Type == "" && hasData {
				e.Type = "message"
			}
			if e.Type != "" {
				all = append(all, result{e.Type, strings.TrimSuffix(e.Data, "\n")})
			}
			e, hasData = result{}, false
		case name == "event":
			e.Type = value
		case name == "data":
			e.Data, hasData = e.Data+value+"\n", true
		}
	}
	return all
}

// unify makes every line end of s a LF.
func unify(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func FuzzDecoder(f *testing.F) {
	for _, test := range decodeTests {
		f.Add(test.stream, uint8(7))
	}
	for i, seed := range seeds {
		f.Add(seed, uint8(i))
	}
	f.Fuzz(func(t *testing.T, stream string, size uint8) {
		want := reference(stream)
		got, err := decode(strings.NewReader(stream), len(stream)+1)
		if !slices.Equal(got, want) || err != io.EOF {
			t.Errorf("decode(%q) = %q, %v, want %q, EOF", stream, got, err, want)
		}
		n := int(size)%32 + 1
		got, err = decode(pieces{strings.NewReader(stream), n}, len(stream)+1)
		if !slices.Equal(got, want) || err != io.EOF {
			t.Errorf("by %d bytes: decode(%q) = %q, %v, want %q, EOF", n, stream, got, err, want)
		}

		got, err = all(newTypeDecoder(pieces{strings.NewReader(stream), n}, len(stream)+1))
		if want := types(want); !slices.Equal(types(got), want) || err != io.EOF {
			t.Errorf("types by %d bytes: decode(%q) = %q, %v, want %q, EOF", n, stream, got, err, want)
		}

		small := int(size)
		want, wantErr := decode(strings.NewReader(stream), small)
		got, err = decode(pieces{strings.NewReader(stream), n}, small)
		if !slices.Equal(got, want) || err != wantErr {
			t.Errorf("by %d bytes: decode(%q, %d) = %q, %v, want %q, %v", n, stream, small, got, err, want, wantErr)
		}

		frame := Append(Append(nil, "state", []byte(stream)), "stop", nil)
		want = []result{{"state", unify(stream)}, {"stop", ""}}
		got, err = decode(strings.NewReader(string(frame)), len(frame))
		if !slices.Equal(got, want) || err != io.EOF {
			t.Errorf("decode(Append(%q)) = %q, %v, want %q, EOF", stream, got, err, want)
		}
	})
}
