package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// ErrUnexpected is for a value of another kind than was asked for, and for a key
// that the caller does not know.
var ErrUnexpected = errors.New("unexpected content")

// Reader takes values from a JSON text, in its order. After the first error it
// takes no more: all values are zero, all objects and arrays empty. null may stand
// only where an object or an array may.
type Reader struct {
	d   *json.Decoder
	err error
}

// NewReader returns a reader of one value.
func NewReader(text []byte) *Reader {
	r := &Reader{d: json.NewDecoder(bytes.NewReader(text))}
	r.d.UseNumber()
	return r
}

// Close returns the first error. That something follows the value is one.
func (r *Reader) Close() error {
	if _, err := r.d.Token(); r.err == nil && err != io.EOF {
		r.Fail(ErrUnexpected)
	}
	return r.err
}

// Fail ends the reading with an error, unless there has been one.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Object calls field for each key of an object, to take the value or to fail. It
// returns false if there is null instead.
func (r *Reader) Object(field func(key string)) bool {
	return r.composite('{', '}', func() { field(r.Text()) })
}

// Array calls element for each element of an array, to take it. It returns false if
// there is null instead.
func (r *Reader) Array(element func()) bool { return r.composite('[', ']', element) }

func (r *Reader) composite(begin, end json.Delim, part func()) bool {
	t := r.token()
	if t == nil {
		return r.err != nil // else it is null
	}
	if t != begin {
		r.Fail(ErrUnexpected)
	}
	for r.err == nil && r.d.More() {
		part()
	}
	if r.token() != end {
		r.Fail(ErrUnexpected)
	}
	return true
}

// Text takes a string.
func (r *Reader) Text() string { return take[string](r) }

// Bool takes true or false.
func (r *Reader) Bool() bool { return take[bool](r) }

// Uint takes a whole number from 0 to 1<<bits - 1.
func (r *Reader) Uint(bits int) uint64 {
	n, err := strconv.ParseUint(string(take[json.Number](r)), 10, bits)
	if err != nil {
		r.Fail(err)
	}
	return n
}

// Int takes a whole number that a signed one of so many bits holds.
func (r *Reader) Int(bits int) int64 {
	n, err := strconv.ParseInt(string(take[json.Number](r)), 10, bits)
	if err != nil {
		r.Fail(err)
	}
	return n
}

// Float takes a number, as the nearest float64; one beyond all of them is an error.
func (r *Reader) Float() float64 {
	n, err := strconv.ParseFloat(string(take[json.Number](r)), 64)
	if err != nil {
		r.Fail(err)
	}
	return n
}

// token takes the next token, nil after an error.
func (r *Reader) token() json.Token {
	if r.err != nil {
		return nil
	}
	t, err := r.d.Token()
	if err != nil {
		r.Fail(err)
	}
	return t
}

// take takes the next token, which must be a T.
func take[T json.Token](r *Reader) (value T) {
	value, ok := r.token().(T)
	if !ok {
		r.Fail(ErrUnexpected)
	}
	return value
}
