package nsinit

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKeyQuota: if there are as many keys as the kernel lets a user have, which containers
// of one range of users share, that is the error, and no start with the agent's keyring.
func TestKeyQuota(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become a user without keys")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // it ends with this goroutine, and its keys with it
		if err := fillKeyring(); err == unix.ENOSYS || err == unix.EPERM {
			t.Logf("no keys here: %v", err)
			return
		} else if !errors.Is(err, unix.EDQUOT) {
			t.Errorf("fill the keyring: %v, want %v", err, unix.EDQUOT)
			return
		}
		var c container
		if err := c.newKeyring(); !errors.Is(err, unix.EDQUOT) || !strings.Contains(err.Error(), "too many keys") {
			t.Errorf("newKeyring() = %v, want %v with a hint", err, unix.EDQUOT)
		}
	}()
	<-ended
}

// fillKeyring makes this thread a user's who has no more keys to make, and returns why not.
func fillKeyring() error {
	const somebody, session = 4000000123, -3 // KEY_SPEC_SESSION_KEYRING
	if err := call(unix.SYS_SETRESUID, somebody, somebody, somebody); err != nil {
		return err
	}
	var c container
	if err := c.newKeyring(); err != nil {
		return err
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_GET_KEYRING_ID, session, 0, 0, 0); err != nil {
		return err // newKeyring does without
	}
	for i := range 1 << 16 {
		if _, err := unix.AddKey("keyring", strconv.Itoa(i), nil, session); err != nil {
			return err
		}
	}
	return nil
}
