package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestOCIProfile: what the filter allows is allowed there, too, what it forbids is
// not, and conditions are kept where the form can hold them.
func TestOCIProfile(t *testing.T) {
	var text bytes.Buffer
	if err := writeOCI(&text); err != nil {
		t.Fatal(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(text.Bytes(), &profile); err != nil {
		t.Fatal(err)
	}
	rules := map[string][]specs.LinuxSyscall{}
	for _, rule := range profile.Syscalls {
		for _, name := range rule.Names {
			rules[name] = append(rules[name], rule)
		}
	}
	for _, test := range []struct {
		name   string
		rules  int
		action specs.LinuxSeccompAction
		args   int
	}{
		{"read", 1, specs.ActAllow, 0},
		{"ioctl", 1, specs.ActAllow, 0}, // all but two values
		{"clone", 1, specs.ActAllow, 1},
		{"personality", 5, specs.ActAllow, 1},
		{"mount", 1, specs.ActErrno, 0},
		{"keyctl", 1, specs.ActErrno, 0},
	} {
		got := rules[test.name]
		if len(got) != test.rules {
			t.Errorf("%s: %d rules, want %d", test.name, len(got), test.rules)
			continue
		}
		if got[0].Action != test.action || len(got[0].Args) != test.args {
			t.Errorf("%s: %s with %d arguments, want %s with %d", test.name, got[0].Action, len(got[0].Args), test.action, test.args)
		}
	}
	if got := rules["clone3"]; got != nil || *profile.DefaultErrnoRet != 38 {
		t.Errorf("clone3 = %v, errno %d, want no rule and ENOSYS", got, *profile.DefaultErrnoRet)
	}
	// The lists themselves must be as they were: the profile is made from them.
	if again := ociProfile(); len(again.Syscalls[0].Names) != len(profile.Syscalls[0].Names) {
		t.Errorf("the second profile allows %d, the first %d", len(again.Syscalls[0].Names), len(profile.Syscalls[0].Names))
	}
}
