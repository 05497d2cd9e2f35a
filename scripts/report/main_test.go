package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const build = `{"ImportPath":"m/p","Action":"build-output","Output":"p.go:1: undefined\n"}
{"ImportPath":"m/p","Action":"build-fail"}
`
	const skip = `{"Action":"output","Package":"harpoon-supervisor/p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"harpoon-supervisor/p","Test":"TestA","Output":"    a_test.go:9: needs root\n"}
{"Action":"output","Package":"harpoon-supervisor/p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"harpoon-supervisor/p","Test":"TestA"}
`
	const fail = `{"Action":"output","Package":"m/p","Test":"TestB","Output":"    b_test.go:7: f() = 1, want 2\n"}
{"Action":"fail","Package":"m/p","Test":"TestB"}
{"Action":"output","Package":"m/p","Output":"FAIL\tm/p\t0.1s\n"}
{"Action":"fail","Package":"m/p"}
`
	const pass = `{"Action":"output","Package":"m/p","Test":"TestC","Output":"    c_test.go:7: chatter\n"}
{"Action":"output","Package":"m/p","Test":"TestC","Output":"    c_test.go:8: measured: 5 ms a round\n"}
{"Action":"pass","Package":"m/p","Test":"TestC"}
{"Action":"output","Package":"m/p","Output":"ok  \tm/p\t0.1s\n"}
{"Action":"pass","Package":"m/p"}
`
	// As in a VM that ran out of time; its tests have no package's name.
	const cut = `{"Action":"output","Test":"TestD","Output":"panic: test timed out\n"}
{"Action":"output","Output":"=== PACKAGE p\n"}
`
	tests := []struct {
		name, in, out   string
		skipped, failed []string
		bad             bool
	}{
		{"build failure", build, "p.go:1: undefined\n", nil, nil, true},
		{"skip", skip, "", []string{"p TestA: a_test.go:9: needs root"}, nil, false},
		{"failure", fail, "    b_test.go:7: f() = 1, want 2\nFAIL\tm/p\t0.1s\n", nil, []string{"m/p TestB: b_test.go:7: f() = 1, want 2"}, true},
		{"pass", pass, "     TestC: 5 ms a round\nok  \tm/p\t0.1s\n", nil, nil, false},
		{"no event", "go: no such module\n", "go: no such module\n", nil, nil, false},
		{"no end", cut, "panic: test timed out\n", nil, []string{"TestD: panic: test timed out"}, true},
	}
	for _, test := range tests {
		var out strings.Builder
		r := report{out: &out, output: map[string][]string{}}
		if err := r.read(strings.NewReader(test.in)); err != nil {
			t.Errorf("%s: read() = %v, want nil", test.name, err)
		}
		if out.String() != test.out || !slices.Equal(r.skipped, test.skipped) || !slices.Equal(r.failed, test.failed) || r.bad != test.bad {
			t.Errorf("%s: read() = %q, skipped %q, failed %q, bad %v, want %q, %q, %q, %v",
				test.name, out.String(), r.skipped, r.failed, r.bad, test.out, test.skipped, test.failed, test.bad)
		}
	}
}
