package cgroup

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 4\noom_group_kill 0\n"
	for _, tt := range []struct {
		text, key string
		want      uint64
		ok        bool
	}{
		{"0\n", "", 0, true},
		{"4096\n", "", 4096, true},
		{"4096", "", 4096, true},
		{"18446744073709551615\n", "", math.MaxUint64, true},
		{"max\n", "", math.MaxUint64, true},
		{"1 2\n", "", 0, false},
		{"18446744073709551616\n", "", 0, false},
		{"99999999999999999999\n", "", 0, false},
		{"", "", 0, false},
		{"\n", "", 0, false},
		{"-1\n", "", 0, false},
		{"12a\n", "", 0, false},
		{events, "low", 0, true},
		{events, "oom", 3, true},
		{events, "oom_kill", 4, true},
		{events, "kill", 0, false},
		{events, "oom_kil", 0, false},
		{"oom_kill_disable 0\nunder_oom 0\noom_kill 7\n", "oom_kill", 7, true},
		{"oom_kill", "oom_kill", 0, false},
		{"oom_kill ", "oom_kill", 0, false},
		{"oom_kill x\n", "oom_kill", 0, false},
		{"", "oom_kill", 0, false},
	} {
		got, ok := parse([]byte(tt.text), tt.key)
		if got != tt.want || ok != tt.ok {
			t.Errorf("parse(%q, %q) = %d, %v, want %d, %v", tt.text, tt.key, got, ok, tt.want, tt.ok)
		}
	}
}

func TestAttributes(t *testing.T) {
	const pressure = "some avg10=1.05 avg60=2.00 total=7\nfull avg10=0.30 avg60=0.00 total=9\n"
	for _, tt := range []struct {
		text, key string
		want      uint64
		ok        bool
	}{
		{pressure, "some avg10", 105, true},
		{pressure, "full avg10", 30, true},
		{pressure, "full total", 9, true},
		{pressure, "some avg1", 0, false},
		{pressure, "so total", 0, false},
		{"some avg10=1.05\n", "full avg10", 0, false},
		{"some avg10=1.5\n", "some avg10", 0, false},
		{"some avg10=.05\n", "some avg10", 0, false},
		{"some avg10=\n", "some avg10", 0, false},
		{"", "some avg10", 0, false},
		{"", "rbytes", 0, true},
		{"\n", "rbytes", 0, true},
		{"8:0 rbytes=1 wbytes=2\n8:16 wbytes=4\n", "rbytes", 1, true},
		{"8:0 rbytes=1 wbytes=2\n8:16 wbytes=4\n", "wbytes", 6, true},
		{"8:0 rbytes wbytes=2\n", "rbytes", 0, true},
		{"8:0 rbytes=-1\n", "rbytes", 0, false},
		{"8:0 rbytes=x\n", "rbytes", 0, false},
		{"8:0 rbytes=184467440737095516.16\n", "rbytes", 0, false},
	} {
		got, ok := attributes([]byte(tt.text), tt.key)
		if got != tt.want || ok != tt.ok {
			t.Errorf("attributes(%q, %q) = %d, %v, want %d, %v", tt.text, tt.key, got, ok, tt.want, tt.ok)
		}
	}
}

func TestOperations(t *testing.T) {
	for _, tt := range []struct {
		text string
		want uint64
		ok   bool
	}{
		{"8:0 Read 4096\n8:0 Write 1\n8:0 Total 4097\n8:16 Read 2\nTotal 4099\n", 4098, true},
		{"8:0 Read 0\n", 0, true},
		{"Total 0\n", 0, false},
		{"", 0, false},
		{"8:0 Read\n", 0, false},
		{"8:0 Read x\n", 0, false},
		{"8:0 Reads 1\n", 0, false},
	} {
		if got, ok := operations([]byte(tt.text), "Read"); got != tt.want || ok != tt.ok {
			t.Errorf("operations(%q, Read) = %d, %v, want %d, %v", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

// parse agrees with a plain reading of the same format. No key holds a blank.
func FuzzParse(f *testing.F) {
	f.Add("4096\n", "")
	f.Add("max\n", "")
	f.Add("low 0\noom 3\noom_kill 4\n", "oom_kill")
	f.Add("usage_usec 18446744073709551616\n", "usage_usec")
	f.Fuzz(func(t *testing.T, text, key string) {
		key = strings.ReplaceAll(key, " ", "_")
		got, ok := parse([]byte(text), key)
		want, wantOK := parsePlainly(text, key)
		if got != want || ok != wantOK {
			t.Errorf("parse(%q, %q) = %d, %v, want %d, %v", text, key, got, ok, want, wantOK)
		}
	})
}

func parsePlainly(text, key string) (uint64, bool) {
	for line := range strings.Lines(text) {
		word := strings.TrimSuffix(line, "\n")
		if key != "" {
			var found bool
			if word, found = strings.CutPrefix(word, key+" "); !found {
				continue
			}
		}
		if word == "max" {
			return math.MaxUint64, true
		}
		v, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return 0, false
		}
		return v, true
	}
	return 0, false
}

func TestLimitRead(t *testing.T) {
	for _, tt := range []struct{ v, want uint64 }{
		{0, 0}, {4096, 4096}, {1 << 40, 1 << 40},
		{9223372036854771712, 0}, {0x7fffffffffff0000, 0}, {math.MaxUint64, 0},
	} {
		if got := limit(tt.v); got != tt.want {
			t.Errorf("limit(%d) = %d, want %d", tt.v, got, tt.want)
		}
	}
}
