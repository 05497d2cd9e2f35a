package cgroup

import (
	"bytes"
	"math"
)

// parse finds a number in the text of a cgroup's file: the first word if key is
// empty, else what follows the key on its line. "max" is the largest number. It
// allocates nothing.
func parse(text []byte, key string) (uint64, bool) {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		if key == "" {
			return number(line)
		}
		if len(line) > len(key) && string(line[:len(key)]) == key && line[len(key)] == ' ' {
			return number(line[len(key)+1:])
		}
		text = rest
	}
	return 0, false
}

var newline = []byte{'\n'}

// number parses an unsigned decimal number, with nothing around it.
func number(word []byte) (uint64, bool) {
	if string(word) == "max" {
		return math.MaxUint64, true
	}
	var v uint64
	for _, c := range word {
		d := uint64(c - '0')
		if c < '0' || c > '9' || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, len(word) > 0
}
