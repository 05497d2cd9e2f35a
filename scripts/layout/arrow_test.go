package layout

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestAllowed(t *testing.T) {
	tests := []struct {
		from, to string
		want     bool
	}{
		{"cmd/harpoon-supervisor", "shim", true},
		{"cmd/harpoon-supervisor", "init", true},
		{"cmd/harpoon-supervisor", "scripts/demo", false},
		{"shim", "pkg/cgroup", true},
		{"shim", "shim/internal/mailbox", true},
		{"shim/internal/mailbox", "shim", true},
		{"shim", "init", false},
		{"init", "shim", false},
		{"init", "pkg/syncpipe", true},
		{"init", "pkg/agent", true},
		{"init", "pkg/cgroup", false},
		{"pkg/control", "pkg/eventstream", true},
		{"pkg/control", "pkg/syncpipe", false},
		{"pkg/cgroup", "pkg/agent", false},
		{"pkg/cgroup", "pkg/cgroup/internal/v1", true},
		{"pkg/cgroup", "shim", false},
		{"pkg/controller", "pkg/agent", false},
		{"scripts/demo", "pkg/control", true},
		{"scripts/demo", "shim", false},
		{"elsewhere", "pkg/agent", false},
	}
	for _, test := range tests {
		if got := allowed(test.from, test.to); got != test.want {
			t.Errorf("allowed(%q, %q) = %v, want %v", test.from, test.to, got, test.want)
		}
	}
}

// goPackage is what "go list -json" says of a package, as far as it is of use.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// list returns the packages that match, for linux/arch, as built with the flags.
func list(t *testing.T, arch, pattern string, flags ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append(append([]string{"list", "-json=ImportPath,Imports,Deps"}, flags...), pattern)...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(out)
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list %s: %v", pattern, err)
		}
		packages = append(packages, p)
	}
	if err := cmd.Wait(); err != nil || len(packages) == 0 {
		t.Fatalf("go list %s = %d packages, %v", pattern, len(packages), err)
	}
	return packages
}

// TestArrows: they hold in the build for tests, too, in which steps can be made
// to fail: its orders are given by the command, no package of ours imports them.
func TestArrows(t *testing.T) {
	packages := append(list(t, "amd64", module+"/..."), list(t, "amd64", module+"/...", "-tags", "faults")...)
	for _, p := range packages {
		from := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, module+"/")
			if ours && !allowed(from, to) {
				t.Errorf("%s imports %s: against the arrows", from, to)
			}
		}
	}
}

// What must not be linked. Package initialisation is paid twice at each start,
// by the shim and by init, so what the binary does not need stays out of it.
var forbidden = []struct {
	pattern string
	deps    []string // with all below them
}{
	{module + "/cmd/harpoon-supervisor", []string{"net/http", "expvar", "testing", "github.com/rogpeppe/go-internal", "github.com/google/go-cmp"}},
	{module + "/init", []string{"net", "log", "github.com/containerd/cgroups", "github.com/vishvananda/netlink", "github.com/sirupsen/logrus"}},
}

// What the shipped binary is made of: each for what no code of ours should do.
var required = []string{
	"golang.org/x/sys/unix",
	"github.com/containerd/cgroups/v3",
	"github.com/moby/sys/mountinfo",
	"github.com/vishvananda/netlink",
}

func TestDependencies(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		for _, rule := range forbidden {
			p := list(t, arch, rule.pattern)[0]
			for _, dep := range p.Deps {
				if slices.ContainsFunc(rule.deps, func(dir string) bool { return within(dep, dir) }) {
					t.Errorf("%s on %s depends on %s", p.ImportPath, arch, dep)
				}
			}
		}
		binary := list(t, arch, module+"/cmd/harpoon-supervisor")[0]
		for _, dir := range required {
			if !slices.ContainsFunc(binary.Deps, func(dep string) bool { return within(dep, dir) }) {
				t.Errorf("%s on %s does not depend on %s", binary.ImportPath, arch, dir)
			}
		}
	}
}
