package main_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// meets returns which of the conditions does not hold in the state, or nil.
//
//	PATH=VALUE   the value, as JSON writes it, without quotes
//	PATH~REGEXP  the same, matched
//	PATH>NUMBER  a larger number
//	PATH         it is there
//	!PATH        it is not
func (s state) meets(conditions []string) error {
	for _, condition := range conditions {
		holds, err := s.meet(condition)
		if err != nil {
			return err
		}
		if !holds {
			return fmt.Errorf("not %s: %s", condition, s)
		}
	}
	return nil
}

func (s state) meet(condition string) (bool, error) {
	if path, found := strings.CutPrefix(condition, "!"); found {
		return !s.has(path), nil
	}
	i := strings.IndexAny(condition, "=~>")
	if i < 0 {
		return s.has(condition), nil
	}
	value, want := s.at(condition[:i]), condition[i+1:]
	switch condition[i] {
	case '>':
		number, _ := value.(json.Number)
		than, err := strconv.ParseFloat(want, 64)
		n, parsed := strconv.ParseFloat(number.String(), 64)
		return parsed == nil && n > than, err
	case '~':
		return regexp.MatchString(want, fmt.Sprint(value))
	}
	return value != nil && fmt.Sprint(value) == want, nil
}

func TestMeet(t *testing.T) {
	s := state{"up": true, "err": "start container: no", "restarts": json.Number("3"), "a": map[string]any{"b": json.Number("10")}}
	tests := []struct {
		condition string
		want      bool
	}{
		{"up=true", true},
		{"up=false", false},
		{"err~^start", true},
		{"err~^no", false},
		{"restarts=3", true},
		{"restarts>2", true},
		{"restarts>3", false},
		{"a.b=10", true},
		{"a.b>9", true},
		{"a.c>0", false},
		{"a.c", false},
		{"!a.c", true},
		{"!a.b", false},
		{"a", true},
		{"a.c=<nil>", false},
	}
	for _, test := range tests {
		if got, err := s.meet(test.condition); got != test.want || err != nil {
			t.Errorf("meet(%q) = %v, %v, want %v", test.condition, got, err, test.want)
		}
	}
}
