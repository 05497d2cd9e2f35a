package nsinit

import (
	"os"
	"slices"
	"testing"

	"harpoon-supervisor/pkg/syncpipe"
)

func TestMounts(t *testing.T) {
	if _, err := os.Stat(resolvConf); err != nil {
		t.Skipf("the host has no %s to bind: %v", resolvConf, err)
	}
	tmp := func(dest string) syncpipe.Mount { return syncpipe.Mount{Dest: dest} }
	volume := func(dest string) syncpipe.Mount { return syncpipe.Mount{Dest: dest, Source: "/host"} }
	for _, test := range []struct {
		name       string
		configured []syncpipe.Mount
		want       []string
	}{
		{"none", nil, []string{"/etc/resolv.conf"}},
		{"it after all", []syncpipe.Mount{tmp("/a"), volume("/z"), tmp("/z/a")}, []string{"/a", "/z", "/z/a", "/etc/resolv.conf"}},
		{"below a tmp", []syncpipe.Mount{tmp("/etc")}, []string{"/etc", "/etc/resolv.conf"}},
		{"the volume has its own", []syncpipe.Mount{volume("/etc")}, []string{"/etc"}},
		{"a volume in its place", []syncpipe.Mount{volume("/etc/resolv.conf")}, []string{"/etc/resolv.conf"}},
		{"a tmp in its place", []syncpipe.Mount{tmp("/etc/resolv.conf")}, []string{"/etc/resolv.conf"}},
		{"a name that begins alike", []syncpipe.Mount{volume("/et")}, []string{"/et", "/etc/resolv.conf"}},
	} {
		var got []string
		for _, m := range mounts(&syncpipe.Config{Mounts: test.configured}) {
			got = append(got, m.Dest)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: mounts = %v, want %v", test.name, got, test.want)
		}
	}
}
