package budget

import (
	"strings"
	"testing"
)

const sample = `# a comment: size any 1 2% 3% bytes

size any 1000 3% 20% bytes
calls v1 10 0% 25% system_calls
# and one between them
calls v2 - 5% 25% system_calls
calls v2-5.10 12 5% 25% system_calls
`

func TestFind(t *testing.T) {
	for _, test := range []struct {
		name  string
		hosts string
		want  string
	}{
		{"size", "v1-6.1 v1 any", "any"},
		{"calls", "v1-5.10 v1 any", "v1"},
		{"calls", "v2-5.10 v2 any", "v2-5.10"},
		{"calls", "v2-6.1 v2 any", "v2"},
		{"calls", "v3 any", ""},
		{"call", "v1 any", ""},
	} {
		b, err := table(sample).find(test.name, strings.Fields(test.hosts))
		if b.where != test.want || (err == nil) != (test.want != "") {
			t.Errorf("find(%s, %s) = %q, %v, want %q", test.name, test.hosts, b.where, err, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name, host string
		number     int
		want       string // in the error
	}{
		{"size", "any", 1000, ""},
		{"size", "any", 1030, ""},
		{"size", "any", 1031, "size: 1031 bytes, budget 1000 + 3 % (any)"},
		{"size", "any", 800, ""},
		{"size", "any", 799, "size: 799 bytes, budget 1000 - 20 % (any)"},
		{"calls", "v1", 10, ""},
		{"calls", "v1", 11, "11 system_calls, budget 10 + 0 % (v1)"},
		{"calls", "v2", 1e6, ""},
	} {
		b, err := table(sample).find(test.name, []string{test.host})
		if err != nil {
			t.Fatal(err)
		}
		if err = b.check(test.number); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %s: check(%d) = %v, want %q", test.name, test.host, test.number, err, test.want)
		}
	}
}

// TestWith: only the row changes, comments and other rows stay.
func TestWith(t *testing.T) {
	b, err := table(sample).find("calls", []string{"v2"})
	if err != nil {
		t.Fatal(err)
	}
	b.number, b.known = 11, true
	got := table(sample).with(b)
	want := strings.Replace(sample, "calls v2 - 5% 25% system_calls", b.String(), 1)
	if string(got) != want {
		t.Errorf("with = %s, want %s", got, want)
	}
	if again, err := got.find("calls", []string{"v2"}); again != b || err != nil {
		t.Errorf("find = %+v, %v, want %+v", again, err, b)
	}
}

func TestParseRow(t *testing.T) {
	for _, line := range []string{"", "size", "size any x 3% 20% bytes", "size any 1 3 20% bytes", "size any 1 3% x% bytes", "size any 1 3% 20% bytes more"} {
		if b, err := parseRow(line); err == nil {
			t.Errorf("parseRow(%q) = %+v, want an error", line, b)
		}
	}
}

// TestTable: every row of ours is well-formed, and there is one only once.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(embedded) {
		if !isRow(line) {
			continue
		}
		b, err := parseRow(line)
		if err != nil {
			t.Error(err)
		}
		if key := b.name + " " + b.where; seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
	}
}

func TestKernel(t *testing.T) {
	for release, want := range map[string]string{"5.10.0-46-cloud-amd64": "5.10", "6.18.44-custom": "6.18", "7": "7"} {
		if got := kernel(release); got != want {
			t.Errorf("kernel(%q) = %q, want %q", release, got, want)
		}
	}
}
