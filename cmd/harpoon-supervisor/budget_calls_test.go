//go:build !race

package main_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestBudgetCalls: the system calls of a start.
func TestBudgetCalls(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	all := map[string]int{}
	checkMany(t, func(t *testing.T, c *container, l launch) (found map[string]int) {
		found, all = tracedStart(t, c, l)
		return found
	})
	if t.Failed() {
		t.Logf("one start: %s", mostFirst(all))
	}
}

// uncounted are the calls that the Go runtime makes more or less of as it happens
// to schedule: when it waits, to interrupt a goroutine, and for each thread that it
// makes.
var uncounted = strings.Fields(`
	futex epoll_wait epoll_pwait nanosleep sched_yield restart_syscall
	tgkill getpid rt_sigreturn
	clone gettid rt_sigprocmask sigaltstack mmap munmap madvise`)

// tracedStart counts the calls of a start, from exec to exec, and says which.
func tracedStart(t *testing.T, c *container, l launch) (found, all map[string]int) {
	trace := filepath.Join(bench.dir, c.name+".strace")
	defer os.Remove(trace)
	// -D: the process that is started is the supervisor, and strace a grandchild.
	l.via = []string{"strace", "-D", "-f", "-qq", "-o", trace}
	l.command = []string{"/bin/workload", "until-term", "0"}
	s := launched(t, c, l)
	if err := s.awaitOutput("."); err != nil {
		t.Fatal(err)
	}
	var lines []string
	var init string
	if err := poll(patience, func() (err error) {
		lines, init, err = readTrace(trace)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.terminate(t)
	all = map[string]int{}
	ofAll, ofInit := 0, 0
	for _, line := range lines {
		tid, name := parseCall(line)
		if name == "" || slices.Contains(uncounted, name) {
			continue
		}
		all[name]++
		ofAll++
		if tid == init {
			ofInit++
		}
	}
	return map[string]int{"start-calls": ofAll, "start-calls-init": ofInit}, all
}

// readTrace returns the lines of a trace up to the command's exec, and the thread
// that made that, which is init's main thread.
func readTrace(path string) (lines []string, init string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	for line := range bytes.Lines(text) {
		lines = append(lines, string(line))
		if tid, exec, _ := strings.Cut(string(line), " "); strings.HasPrefix(strings.TrimLeft(exec, " "), `execve("/bin/workload"`) {
			return lines, tid, nil
		}
	}
	return nil, "", errors.New("no exec of the command in the trace")
}

// call is a line of strace -f -o: thread, name, arguments. Others are about
// signals and ends, or the second half of a call.
var call = regexp.MustCompile(`^(\d+) +([a-z][a-z0-9_]*)\(`)

// parseCall returns the thread and the name of a call that counts: one that could
// not be served yet (EAGAIN) is made again at another moment.
func parseCall(line string) (tid, name string) {
	m := call.FindStringSubmatch(line)
	if m == nil || strings.Contains(line, "= -1 EAGAIN ") {
		return "", ""
	}
	return m[1], m[2]
}

// mostFirst words counts, for whoever wants to know what a start is made of.
func mostFirst(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	var words []string
	for _, name := range names {
		words = append(words, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(words, ", ")
}
