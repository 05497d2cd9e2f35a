package main

import (
	"strings"
	"testing"
)

func TestSettingsCheck(t *testing.T) {
	for _, test := range []struct {
		settings settings
		want     string // in the error
	}{
		{settings{Rounds: 1}, ""},
		{settings{Rounds: 1, Only: []string{"stop", "200"}, Match: "^ours$"}, ""},
		{settings{Rounds: 1, Match: "containerd-shim"}, ""}, // a name of standing alone
		{settings{Rounds: 0}, "-rounds 0"},
		{settings{Rounds: 1, Only: []string{"stop", ""}}, "-only : no such part"},
		{settings{Rounds: 1, Match: "("}, "-match: "},
		{settings{Rounds: 1, Match: "nobody"}, "-match nobody: no such subject"},
	} {
		err := test.settings.check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: check() = %v, want %q", test.settings, err, test.want)
		}
	}
}

// TestFailed: without ours the run was in vain, without somebody else it was not.
func TestFailed(t *testing.T) {
	stop := value{Figure: "stop", Subject: "ours"}
	for _, test := range []struct {
		value value
		out   leftOut
		want  string // in the error
	}{
		{stop, leftOut{Part: "stop", Subject: "crun, lean"}, ""},
		{stop, leftOut{Part: "stop", Subject: "ours", Once: true}, ""},
		{stop, leftOut{Part: "start", Subject: "ours, user namespace"}, ""},
		{stop, leftOut{Part: "start", Subject: "ours"}, "left out: ours (start)"},
		{stop, leftOut{Part: "clients", Subject: allSubjects}, "left out: all (clients)"},
		{value{Figure: "stop", Subject: "crun, lean"}, leftOut{}, ""},
		{value{Figure: "binary", Subject: "ours"}, leftOut{}, "nothing was measured"},
	} {
		err := (&result{Values: []value{test.value}, LeftOut: []leftOut{test.out}}).failed()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v, %+v: failed() = %v, want %q", test.value, test.out, err, test.want)
		}
	}
}
