package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseConfig decodes an agent.json and validates it. Its error is one line
// that begins with the field at fault ("resources.mem: ...") or with the place
// of a syntax error; it never holds a value of Env.
func ParseConfig(data []byte) (*ContainerConfig, error) {
	// The decoder would replace what is no UTF-8, which RFC 8259 demands, and what stands
	// for no character.
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s: not UTF-8", position(data, invalidAt(data)))
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return nil, errors.New("line 1, column 1: a byte order mark, with which no JSON begins")
	}
	if at := loneSurrogate(data); at >= 0 {
		return nil, fmt.Errorf("%s: half of a surrogate pair, which is no character", position(data, at))
	}
	c := readConfig(data)
	if c == nil {
		c = &ContainerConfig{}
		if err := json.Unmarshal(data, c); err != nil {
			return nil, explain(data, err)
		}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// explain words a decoding error for a person.
func explain(data []byte, err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%s: %w", position(data, int(e.Offset)-1), err)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := e.Field
		if field == "" {
			field = "configuration"
		}
		// The place is that of the value's end, or of its opening bracket: in a map it is the
		// one thing to find it by.
		return fmt.Errorf("%s: want %s, got %s (%s)", field, wireType(e.Type.Kind().String()), e.Value, position(data, int(e.Offset)-1))
	}
	return err
}

// position words an offset as an editor shows it.
func position(data []byte, offset int) string {
	before := data[:min(max(offset, 0), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}

// invalidAt returns the offset of the first byte that is no UTF-8.
func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// loneSurrogate returns the offset of the first \u escape that is one half of a surrogate
// pair without the other (RFC 8259, section 8.2), or -1. In Python's JSON that is a byte
// which was no UTF-8.
func loneSurrogate(data []byte) int {
	for i := 0; i < len(data); {
		switch unit := escapedUnit(data[i:]); {
		case data[i] != '\\':
			i++
		case !utf16.IsSurrogate(unit):
			i += len(`\n`)
		case utf16.DecodeRune(unit, escapedUnit(data[i+len(`\u0000`):])) == utf8.RuneError:
			return i
		default:
			i += len(`\u0000\u0000`)
		}
	}
	return -1
}

// escapedUnit returns the UTF-16 code unit that text begins with as an escape, \u and four
// hexadecimal digits, or 0.
func escapedUnit(text []byte) rune {
	if !bytes.HasPrefix(text, []byte(`\u`)) || len(text) < len(`\u0000`) {
		return 0
	}
	unit, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit)
}

// wireType names a Go kind as a JSON author would.
func wireType(kind string) string {
	switch {
	case kind == "uint64":
		return "a whole number of 0 or more"
	case kind == "uint32":
		return "a whole number from 0 to 4294967295"
	case kind == "uint16":
		return "a port number"
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case kind == "float64":
		return "a number"
	case kind == "struct" || kind == "map":
		return "an object"
	case kind == "slice":
		return "an array"
	}
	return "a " + kind
}
