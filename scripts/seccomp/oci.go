package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// ociProfile is the profile in the form that OCI runtimes read, by name, for a
// command without capabilities. The bench gives it to those that it compares with
// us, and names the machines there. Rules that the form cannot hold are left out: it
// knows no value among many that is forbidden while all others are allowed.
func ociProfile() specs.LinuxSeccomp {
	eperm, enosys := uint(unix.EPERM), uint(unix.ENOSYS)
	profile := specs.LinuxSeccomp{
		DefaultAction:   specs.ActErrno,
		DefaultErrnoRet: &enosys,
		Syscalls:        []specs.LinuxSyscall{{Names: allowed, Action: specs.ActAllow}},
	}
	denied := slices.Clone(forbidden)
	for _, p := range privileged {
		denied = append(denied, p.names...)
	}
	for _, name := range slices.Sorted(maps.Keys(conditional)) {
		c := conditional[name]
		if c.listed != allow || c.also != nil {
			profile.Syscalls[0].Names = append(slices.Clone(profile.Syscalls[0].Names), name)
			continue
		}
		for _, value := range c.values {
			arg := specs.LinuxSeccompArg{Index: uint(c.arg), Value: uint64(value), Op: specs.OpEqualTo}
			if c.mask != 0 {
				arg = specs.LinuxSeccompArg{Index: uint(c.arg), Value: uint64(c.mask), ValueTwo: uint64(value), Op: specs.OpMaskedEqual}
			}
			profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{
				Names: []string{name}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{arg},
			})
		}
	}
	profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{Names: denied, Action: specs.ActErrno, ErrnoRet: &eperm})
	return profile
}

// writeOCI writes that profile as JSON.
func writeOCI(out io.Writer) error { return json.NewEncoder(out).Encode(ociProfile()) }
