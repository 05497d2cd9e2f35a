package plainjson

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// AppendKey begins a member of an object, with a comma unless it is the first.
func AppendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, key), ':')
}

// AppendBool appends a member that is true or false.
func AppendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(AppendKey(b, key), v)
}

// AppendUint appends a member that is a number.
func AppendUint(b []byte, key string, v uint64) []byte {
	return strconv.AppendUint(AppendKey(b, key), v, 10)
}

// AppendText appends a member that is a string.
func AppendText(b []byte, key, v string) []byte {
	return appendString(AppendKey(b, key), v)
}

// AppendTexts appends a member that is an array of strings, or null if that is nil.
func AppendTexts[T ~string](b []byte, key string, list []T) []byte {
	return AppendArray(b, key, list, func(b []byte, s T) []byte { return appendString(b, string(s)) })
}

// AppendArray appends a member that is an array, whose elements are appended by a
// function, or null if that is nil.
func AppendArray[T any](b []byte, key string, list []T, element func([]byte, T) []byte) []byte {
	b = AppendKey(b, key)
	if list == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, v)
	}
	return append(b, ']')
}

// appendString appends a string as json.Encoder writes it without HTML escaping.
func appendString(b []byte, s string) []byte {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	// Which characters are escaped, and what becomes of those that are none, is the
	// library's business.
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string and a buffer: neither fails
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}

// plain reports whether a string stands for itself.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
