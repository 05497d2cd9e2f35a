package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// explained are the differences from runc that are not tighter, and why they are
// there. Each must be used: one that is not any more goes.
var explained = []struct{ key, why string }{
	{`^fd 0$`, "runc stands between its own stdin and the command's, with a pipe"},
	{`^(mount|super) /etc/resolv\.conf$`, "the host's, read-only: names are resolved as on the host"},
	{`^(mount|super|stat) /dev/mqueue$`, "no POSIX message queues: nobody has asked for them"},
	{`^(mount|super) /(proc|sys)/`, "what of it can be read and written is compared, not how it is kept away; no cgroup filesystem is there at all"},
	{`^super /sys$`, "the mount is read-only, which is what counts"},
	{`^Max open files$`, "4069 unless resources.fd says otherwise, as agents expect"},
	{`^ns net$`, "the host's network unless agent.json says otherwise"},
}

// TestAgainstRunc lays what a command finds under runc, with the configuration
// that runc itself proposes, beside what it finds here. Whatever differs must be
// tighter here, or explained.
func TestAgainstRunc(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("runc"); err != nil {
		t.Skip("runc is not installed")
	}
	theirs, ours := surveyRunc(t), surveyOurs(t)
	used := map[string]bool{}
	for _, key := range unionOfKeys(theirs, ours) {
		if theirs[key] == ours[key] || tighter(key, theirs[key], ours[key]) {
			continue
		}
		why := ""
		for _, e := range explained {
			if regexp.MustCompile(e.key).MatchString(key) {
				why, used[e.key] = e.why, true
			}
		}
		if why == "" {
			t.Errorf("%s: runc %q, here %q: neither tighter nor explained", key, theirs[key], ours[key])
		}
	}
	for _, e := range explained {
		if !used[e.key] {
			t.Errorf("explanation %q is not needed", e.key)
		}
	}
}

// findings are what the workload's survey prints, by what stands before ": ".
type findings map[string]string

func unionOfKeys(a, b findings) []string {
	var keys []string
	for _, found := range []findings{a, b} {
		for key := range found {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// volatile are fields of /proc/self/status that say how the process is doing, not
// what it has been given.
var volatile = regexp.MustCompile(`^status (State|Vm.*|Rss.*|.*_ctxt_switches|Threads|FDSize|SigQ|SigCgt|HugetlbPages|CoreDumping)$`)

// parseSurvey reads the survey, without what differs from run to run.
func parseSurvey(t *testing.T, text string) findings {
	t.Helper()
	found := findings{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		kind, name, _ := strings.Cut(key, " ")
		switch {
		case volatile.MatchString(key):
			continue
		case kind == "fd":
			value, _, _ = strings.Cut(value, ":") // the kind of what has no path
		case kind == "ns":
			host, err := os.Readlink("/proc/self/ns/" + name)
			if err != nil {
				t.Fatal(err)
			}
			value = map[bool]string{true: "the host's", false: "its own"}[value == host]
		}
		found[key] = value
	}
	if found["survey"] != "done" {
		t.Fatalf("no survey: %s", text)
	}
	return found
}

// surveyCommand is what runs in both.
var surveyCommand = []string{"/bin/workload", "survey"}

// surveyRoot makes the root directory for both: with mount points, which runc
// would make in it.
func surveyRoot(t *testing.T, rootfs string) {
	t.Helper()
	if err := makeRootfs(rootfs, "/proc", "/sys", "/dev", "/etc"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rootfs, "etc/resolv.conf"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// surveyRunc runs the survey under runc. Of what "runc spec" proposes, only the
// command is another one, there is no terminal, and the cgroup is where those of
// the tests are.
func surveyRunc(t *testing.T) findings {
	t.Helper()
	bundle, id := t.TempDir(), bench.prefix+"runc"
	surveyRoot(t, filepath.Join(bundle, "rootfs"))
	runc := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("runc", append([]string{"--root", filepath.Join(bundle, "state")}, args...)...)
		cmd.Dir = bundle
		var output, complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &complaints
		if err := cmd.Run(); err != nil {
			t.Fatalf("runc %q: %v\n%s", args, err, &complaints)
		}
		return output.String()
	}
	runc("spec")
	path := filepath.Join(bundle, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, surveyCommand
	spec["linux"].(map[string]any)["cgroupsPath"] = filepath.Join(bench.parent, id)
	if text, err = json.Marshal(spec); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runc("delete", "--force", id) }) // no error if it is gone
	return parseSurvey(t, runc("run", "--bundle", bundle, id))
}

// surveyOurs runs the survey here, with an agent.json that asks for nothing.
func surveyOurs(t *testing.T) findings {
	t.Helper()
	c, err := aContainer(t, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(c.dir, "rootfs")); err != nil {
		t.Fatal(err)
	}
	surveyRoot(t, filepath.Join(c.dir, "rootfs"))
	s := launched(t, c, launch{command: surveyCommand})
	client := dialed(t, c)
	if last, err := client.finalState(); err != nil {
		t.Fatal(err)
	} else if err := last.meets([]string{"container_exit_status.exited=true", "!container_exit_status.exit_status"}); err != nil {
		t.Fatal(err)
	}
	if err := s.exit(client); err != nil {
		t.Fatal(err)
	}
	return parseSurvey(t, s.output.String())
}
