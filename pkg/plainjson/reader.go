package plainjson

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrUnexpected is for a value of another kind than was asked for, for a key that
// the caller does not know, and for what is no JSON.
var ErrUnexpected = errors.New("unexpected content")

// Reader takes values from a JSON text, in its order. After the first error it
// takes no more: all values are zero, all objects and arrays empty. null may be taken
// only for an object or an array.
type Reader struct {
	text string // that is left
	err  error
}

// NewReader returns a reader of one value. Most strings that are taken are parts of
// one copy of the text, and keep it.
func NewReader(text []byte) *Reader { return &Reader{text: string(text)} }

// Close returns the first error. That something follows the value is one.
func (r *Reader) Close() error {
	if r.next(); len(r.text) > 0 {
		r.Fail(ErrUnexpected)
	}
	return r.err
}

// Fail ends the reading with an error, unless there has been one.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.text = ""
}

// Object calls field for each key of an object, to take the value, or skip it, or fail.
// It returns false if there is null instead.
func (r *Reader) Object(field func(key string)) bool {
	return r.composite('{', '}', func() {
		key := r.Text()
		r.want(':')
		field(key)
	})
}

// Array calls element for each element of an array, to take it. It returns false if
// there is null instead.
func (r *Reader) Array(element func()) bool { return r.composite('[', ']', element) }

func (r *Reader) composite(begin, end byte, part func()) bool {
	if r.word("null") {
		return false
	}
	r.want(begin)
	if r.is(end) {
		return true
	}
	for r.err == nil {
		part()
		if !r.is(',') {
			r.want(end)
			return true
		}
	}
	return true
}

// Text takes a string.
func (r *Reader) Text() string {
	quoted, plain := r.quoted()
	if r.err != nil {
		return ""
	}
	if plain && utf8.ValidString(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	if err := json.Unmarshal([]byte(quoted), &s); err != nil {
		r.Fail(err)
	}
	return s
}

// quoted takes a string as it is written, and says whether it stands for itself, if it is
// UTF-8.
func (r *Reader) quoted() (quoted string, plain bool) {
	if r.next() != '"' {
		r.Fail(ErrUnexpected)
		return "", false
	}
	end, plain := 1, true
	for end < len(r.text) && r.text[end] != '"' {
		switch c := r.text[end]; {
		case c == '\\':
			plain = false
			end++ // what is escaped may be a quotation mark
		case c < ' ':
			plain = false
		}
		end++
	}
	if end >= len(r.text) {
		r.Fail(ErrUnexpected)
		return "", false
	}
	quoted, r.text = r.text[:end+1], r.text[end+1:]
	return quoted, plain
}

// Bool takes true or false.
func (r *Reader) Bool() bool {
	if r.word("true") {
		return true
	}
	if !r.word("false") {
		r.Fail(ErrUnexpected)
	}
	return false
}

// Uint takes a whole number from 0 to 1<<bits - 1.
func (r *Reader) Uint(bits int) uint64 {
	n, err := strconv.ParseUint(r.number(), 10, bits)
	if err != nil {
		r.Fail(err)
	}
	return n
}

// Int takes a whole number that a signed one of so many bits holds.
func (r *Reader) Int(bits int) int64 {
	n, err := strconv.ParseInt(r.number(), 10, bits)
	if err != nil {
		r.Fail(err)
	}
	return n
}

// Float takes a number, as the nearest float64; one beyond all of them is an error.
func (r *Reader) Float() float64 {
	n, err := strconv.ParseFloat(r.number(), 64)
	if err != nil {
		r.Fail(err)
	}
	return n
}

// maxDepth is how many objects and arrays may be in one another where they are skipped.
const maxDepth = 100

// Skip takes any value, null included, and drops it. More than 100 objects and arrays in
// one another are an error.
func (r *Reader) Skip() { r.skip(maxDepth) }

func (r *Reader) skip(depth int) {
	switch c := r.next(); c {
	case '{', '[':
		switch {
		case depth == 0:
			r.Fail(ErrUnexpected)
		case c == '{':
			r.Object(func(string) { r.skip(depth - 1) })
		default:
			r.Array(func() { r.skip(depth - 1) })
		}
	case '"':
		if quoted, plain := r.quoted(); !plain && r.err == nil && !json.Valid([]byte(quoted)) {
			r.Fail(ErrUnexpected)
		}
	case 't', 'f':
		r.Bool()
	case 'n':
		if !r.word("null") {
			r.Fail(ErrUnexpected)
		}
	default:
		r.number()
	}
}

// number takes the text of a number.
func (r *Reader) number() string {
	r.next()
	end := 0
	for end < len(r.text) && strings.IndexByte("0123456789+-.eE", r.text[end]) >= 0 {
		end++
	}
	number := r.text[:end]
	r.text = r.text[end:]
	if !isWhole(number) && !json.Valid([]byte(number)) {
		r.Fail(ErrUnexpected)
	}
	return number
}

// isWhole reports whether a text is the simplest kind of number.
func isWhole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s == "0" || s != "" && s[0] != '0'
}

// next returns the first byte that is not white space, or 0 at the end.
func (r *Reader) next() byte {
	for i, c := range []byte(r.text) {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			r.text = r.text[i:]
			return c
		}
	}
	r.text = ""
	return 0
}

// is takes one byte if it is that one.
func (r *Reader) is(c byte) bool {
	if r.next() != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

func (r *Reader) want(c byte) {
	if !r.is(c) {
		r.Fail(ErrUnexpected)
	}
}

// word takes a word if it is that one.
func (r *Reader) word(w string) (is bool) {
	r.next()
	r.text, is = strings.CutPrefix(r.text, w)
	return is
}
