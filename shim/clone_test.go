package shim

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCloneError: whoever has user namespaces switched off is told where.
func TestCloneError(t *testing.T) {
	for _, test := range []struct {
		err   error
		users bool
		want  string
	}{
		{unix.EPERM, false, "clone: operation not permitted (namespaces need CAP_SYS_ADMIN)"},
		{unix.EPERM, true, "clone: operation not permitted (user namespaces need CAP_SYS_ADMIN,"},
		{unix.ENOSPC, false, "clone: no space left on device (too many namespaces: see /proc/sys/user)"},
		{unix.ENOSPC, true, "clone: no space left on device (user namespaces are switched off, or too many: see user.max_user_namespaces"},
		{unix.EINVAL, false, "clone: invalid argument"},
		{unix.EINVAL, true, "clone: invalid argument (this kernel has no user namespaces)"},
		{unix.EACCES, true, "clone: permission denied (with userns everybody must be allowed to execute"},
		{unix.ENOMEM, true, "clone: cannot allocate memory"},
	} {
		got := cloneError(test.err, test.users)
		if !strings.HasPrefix(got.Error(), test.want) || !errors.Is(got, test.err) {
			t.Errorf("cloneError(%v, %v) = %q, want %q...", test.err, test.users, got, test.want)
		}
	}
}
