//go:build !race

package main_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/scripts/budget"
)

// The tests here hold the release to scripts/budget/table.txt. They are not for the
// race detector, which makes another program.

func TestBudgetBinary(t *testing.T) {
	info, err := os.Stat(release(t))
	if err != nil {
		t.Fatal(err)
	}
	budget.Check(t, "binary-size", int(info.Size()))
}

// releaseBuild returns the path of the release, made as "make build" does, or of the
// one that a machine without Go is given.
var releaseBuild = sync.OnceValues(func() (string, error) {
	if os.Getenv("HARPOON_SUPERVISOR") != "" {
		return bench.supervisor, nil
	}
	path := filepath.Join(bench.dir, "release", "harpoon-supervisor")
	cmd := exec.Command("make", "-s", "-C", "../..", "build", "BINARY="+path, "VERSION=1.2.3", "COMMIT=abc")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=") // of a make that has started the tests
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, output)
	}
	return path, nil
})

// release is releaseBuild for a test.
func release(t *testing.T) string {
	t.Helper()
	needRoot(t)
	path, err := releaseBuild()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// initLine is what GODEBUG=inittrace=1 says of a package (package runtime).
var initLine = regexp.MustCompile(`(?m)^init \S+ @.* (\d+) allocs$`)

// TestBudgetInitialisation executes init without a pipe: it comes as far as its main.
func TestBudgetInitialisation(t *testing.T) {
	cmd := exec.Command(release(t))
	cmd.Args = []string{"harpoon-init"}
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	trace, err := cmd.CombinedOutput()
	if status := cmd.ProcessState.ExitCode(); status != 1 {
		t.Fatalf("init without a pipe: %v, want status 1\n%s", err, trace)
	}
	packages := initLine.FindAllSubmatch(trace, -1)
	allocations := 0
	for _, p := range packages {
		n, err := strconv.Atoi(string(p[1]))
		if err != nil {
			t.Fatal(err)
		}
		allocations += n
	}
	budget.Check(t, "init-packages", len(packages))
	budget.Check(t, "init-allocations", allocations)
	if t.Failed() {
		t.Logf("%s", trace)
	}
}

// byMedian are the budgets of which the median counts; of others, which only rise when
// something else happens, the least does.
var byMedian = []string{"start-faults", "idle-memory-own", "idle-memory"}

// checkMany starts a number of supervisors, takes the numbers that look finds in
// each, and checks the one of each kind that counts. They run on two CPUs: where
// there are more the Go runtime has more threads and more memory.
func checkMany(t *testing.T, look func(*testing.T, *container, launch) map[string]int) {
	t.Helper()
	binary := inMemory(t, release(t))
	runtime.LockOSThread() // processes inherit the CPUs of the thread that makes them
	defer runtime.UnlockOSThread()
	defer useTwoCPUs(t)()
	found := map[string][]int{}
	for i := range manyRounds(20, 10) {
		c, err := aContainer(t, i, "")
		if err != nil {
			t.Fatal(err)
		}
		for name, number := range look(t, c, launch{binary: binary}) {
			found[name] = append(found[name], number)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		numbers := found[name]
		slices.Sort(numbers)
		counts := 0
		if slices.Contains(byMedian, name) {
			counts = len(numbers) / 2
		}
		budget.Check(t, name, numbers[counts])
	}
}

// inMemory copies a program to a tmpfs. Elsewhere its page cache may consist of
// larger pieces, as the filesystem and its history will have it, and more or less
// of them is mapped at each page fault.
func inMemory(t *testing.T, program string) string {
	t.Helper()
	dir := filepath.Join(bench.dir, "memory")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "harpoon-supervisor")
	if err := os.WriteFile(target, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return target
}

// useTwoCPUs keeps this thread to the first two of its CPUs, until it is told that
// that is over.
func useTwoCPUs(t *testing.T) (over func()) {
	var all, two unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; two.Count() < min(2, all.Count()); cpu++ {
		if all.IsSet(cpu) {
			two.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &two); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.SchedSetaffinity(0, &all); err != nil {
			t.Error(err)
		}
	}
}
