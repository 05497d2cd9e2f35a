package agent

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestUserIDs(t *testing.T) {
	for _, test := range []struct {
		user     User
		uid, gid uint32
	}{
		{"", 1, 1},
		{"0", 0, 0},
		{"1000", 1000, 1000},
		{"1000:5", 1000, 5},
		{"007:08", 7, 8}, // decimal
		{"4294967294:4294967294", 4294967294, 4294967294},
	} {
		uid, gid, err := test.user.IDs()
		if uid != test.uid || gid != test.gid || err != nil {
			t.Errorf("User(%q).IDs() = %d, %d, %v, want %d, %d", string(test.user), uid, gid, err, test.uid, test.gid)
		}
	}
}

// TestCapabilityNumbers looks at the ends of each line of the table: a name that
// is missing or in the wrong place moves those behind it.
func TestCapabilityNumbers(t *testing.T) {
	if got := len(capabilityNames) - 1; got != unix.CAP_LAST_CAP {
		t.Errorf("last capability = %d, want %d", got, unix.CAP_LAST_CAP)
	}
	for name, want := range map[Capability]int{
		"CAP_CHOWN": unix.CAP_CHOWN, "CAP_KILL": unix.CAP_KILL,
		"CAP_SETGID": unix.CAP_SETGID, "CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
		"CAP_NET_BROADCAST": unix.CAP_NET_BROADCAST, "CAP_IPC_OWNER": unix.CAP_IPC_OWNER,
		"CAP_SYS_MODULE": unix.CAP_SYS_MODULE, "CAP_SYS_PACCT": unix.CAP_SYS_PACCT,
		"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_SYS_TIME": unix.CAP_SYS_TIME,
		"CAP_SYS_TTY_CONFIG": unix.CAP_SYS_TTY_CONFIG, "CAP_AUDIT_CONTROL": unix.CAP_AUDIT_CONTROL,
		"CAP_SETFCAP": unix.CAP_SETFCAP, "CAP_WAKE_ALARM": unix.CAP_WAKE_ALARM,
		"CAP_BLOCK_SUSPEND": unix.CAP_BLOCK_SUSPEND, "CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE,
	} {
		if got := name.Number(); got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
}
