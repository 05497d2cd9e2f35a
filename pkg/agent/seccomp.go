package agent

import "fmt"

// Seccomp chooses the filter of the command's system calls (seccomp(2)). Empty is
// SeccompDefault.
type Seccomp string

// The filters.
const (
	// SeccompDefault allows what ordinary programs need, as the default profile
	// of the OCI engines does: what is forbidden fails with EPERM, what the
	// filter does not know with ENOSYS.
	SeccompDefault Seccomp = "default"
	// SeccompUnconfined is no filter at all.
	SeccompUnconfined Seccomp = "unconfined"
)

func (s Seccomp) validate() error {
	switch s {
	case "", SeccompDefault, SeccompUnconfined:
		return nil
	}
	return fmt.Errorf("seccomp: %q: want %q or %q", string(s), SeccompDefault, SeccompUnconfined)
}
