package nsinit

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMountsBelow(t *testing.T) {
	const table = `20 1 8:1 / / rw - ext4 /dev/sda rw
30 20 8:1 / /stage rw - ext4 /dev/sda rw
31 30 0:5 / /stage/sub rw - tmpfs tmpfs rw
32 31 0:6 / /stage/sub/deep\040er\134 rw - tmpfs tmpfs rw
33 30 0:7 / /stage/twice rw - tmpfs tmpfs rw
34 33 0:8 / /stage/twice rw - tmpfs tmpfs rw
35 30 0:9 / /stage/over/hidden rw - tmpfs tmpfs rw
36 35 0:9 / /stage/over/hidden/below rw - tmpfs tmpfs rw
37 30 0:10 / /stage/over rw - tmpfs tmpfs rw
40 20 0:11 / /stage-like rw - tmpfs tmpfs rw
`
	for _, test := range []struct {
		top  string
		want []submount
	}{
		{"30", []submount{{"31", "30", "/sub"}, {"37", "30", "/over"}, {"32", "31", `/sub/deep er\`}, {"34", "33", "/twice"}}},
		{"31", []submount{{"32", "31", `/deep er\`}}},
		{"40", nil},
		{"99", nil},
	} {
		if got := mountsBelow([]byte(table), test.top); !slices.Equal(got, test.want) {
			t.Errorf("mountsBelow(%s) = %v, want %v", test.top, got, test.want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for _, test := range []struct{ path, want string }{
		{"/plain", "/plain"},
		{`/a\040b\011c\012d\134e`, "/a b\tc\nd\\e"},
		{`/cut\04`, `/cut\04`},
		{`/no\999`, `/no\999`},
		{`\`, `\`},
	} {
		if got := unescape(test.path); got != test.want {
			t.Errorf("unescape(%q) = %q, want %q", test.path, got, test.want)
		}
	}
}

// TestEachBelow: f is given the very mounts of the table, and nothing that somebody has put
// in their place since it was read.
func TestEachBelow(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for mounts")
	}
	const inside = "TEST_IN_MOUNT_NAMESPACE"
	if os.Getenv(inside) == "" {
		again := exec.Command("/proc/self/exe", "-test.run=^TestEachBelow$")
		again.Env = append(os.Environ(), inside+"=1")
		again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("in a mount namespace: %v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	for _, name := range []string{"", "/a", "/b"} {
		must(t, os.MkdirAll(dir+name, 0o755))
		must(t, unix.Mount("tmpfs", dir+name, "tmpfs", 0, ""))
	}
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	top, err := openDir(dir)
	must(t, err)
	defer unix.Close(top)
	for _, exchange := range []bool{false, true} {
		var got []string
		err := eachBelow(top, func(fd int) error {
			got = append(got, where(t, fd, dir))
			if exchange {
				must(t, unix.Mount("tmpfs", dir+"/b", "tmpfs", 0, ""))
			}
			return nil
		})
		want, wantErr := []string{"/a", "/b"}, error(nil)
		if exchange {
			want, wantErr = want[:1], errExchanged
		}
		if !slices.Equal(got, want) || !errors.Is(err, wantErr) {
			t.Errorf("eachBelow, one exchanged %v: %v, %v, want %v, %v", exchange, got, err, want, wantErr)
		}
	}
}
