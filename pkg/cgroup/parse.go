package cgroup

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// What these functions find is in the text of a cgroup's file. Of what a
// kernel writes they allocate nothing.

// parse finds a number: the first word if key is empty, else what follows the
// key on its line. "max" is the largest number.
func parse(text []byte, key string) (uint64, bool) {
	for line := range bytes.SplitSeq(text, newline) {
		if key == "" {
			return number(line)
		}
		if word, value, found := bytes.Cut(line, space); found && string(word) == key {
			return number(value)
		}
	}
	return 0, false
}

// attributes finds NAME=VALUE, as in "8:0 rbytes=1 wbytes=2", and adds them up.
// The key is NAME for all lines, none of which is 0; or "LINE NAME" for the lines
// whose first word is LINE, of which there must be one. A value like 0.12 counts
// in hundredths.
func attributes(text []byte, key string) (sum uint64, found bool) {
	first, name, one := strings.Cut(key, " ")
	if !one {
		name = key
	}
	found = !one
	for line := range bytes.SplitSeq(text, newline) {
		word, words, _ := bytes.Cut(line, space)
		if one && string(word) != first {
			continue
		}
		for word := range bytes.SplitSeq(words, space) {
			if attribute, value, is := bytes.Cut(word, equals); is && string(attribute) == name {
				v, ok := hundredths(value)
				if !ok {
					return 0, false
				}
				sum, found = sum+v, true
			}
		}
	}
	return sum, found
}

// operations finds lines like "8:0 Read 4096", by the operation, and adds them
// up. Without any, nothing has been counted.
func operations(text []byte, operation string) (sum uint64, found bool) {
	for line := range bytes.SplitSeq(text, newline) {
		_, words, _ := bytes.Cut(line, space)
		if word, value, _ := bytes.Cut(words, space); string(word) == operation {
			v, ok := number(value)
			if !ok {
				return 0, false
			}
			sum, found = sum+v, true
		}
	}
	return sum, found
}

var newline, space, equals, point = []byte{'\n'}, []byte{' '}, []byte{'='}, []byte{'.'}

// hundredths parses a whole number, or one with two decimals in hundredths.
func hundredths(word []byte) (uint64, bool) {
	whole, decimals, fraction := bytes.Cut(word, point)
	v, ok := number(whole)
	if !fraction || !ok {
		return v, ok
	}
	d, ok := number(decimals)
	if !ok || len(decimals) != 2 || v > (math.MaxUint64-d)/100 {
		return 0, false
	}
	return v*100 + d, true
}

// number parses an unsigned decimal number, with nothing around it.
func number(word []byte) (uint64, bool) {
	if string(word) == "max" {
		return math.MaxUint64, true
	}
	v, err := strconv.ParseUint(string(word), 10, 64)
	if err != nil {
		return 0, false
	}
	return v, true
}
