package layout

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// scriptDir is where the end-to-end scripts are.
const scriptDir = root + "/cmd/harpoon-supervisor/testdata/script"

var (
	// shown is how README.md names what shows a promise.
	shown = regexp.MustCompile("`([^`]+)`")
	// testFunc is the definition of a test.
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// TestPromises: each promise in README.md names a test, and each test named there
// exists.
func TestPromises(t *testing.T) {
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## What it promises\n")
	if !found {
		t.Fatal("README.md has no section on what it promises")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	tests := definedTests(t)
	promises := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "--") || strings.HasPrefix(cells[1], " **") || cells[1] == " promise " {
			continue
		}
		promises++
		names := shown.FindAllStringSubmatch(cells[2], -1)
		if names == nil {
			t.Errorf("promise%s: no test shows it", cells[1])
		}
		for _, name := range names {
			if !tests[name[1]] {
				t.Errorf("promise%s: there is no test %s", cells[1], name[1])
			}
		}
	}
	if promises < 40 {
		t.Errorf("%d promises, want at least 40: the table is not read", promises)
	}
}

// definedTests returns the names of all tests, scripts and files of rules.
func definedTests(t *testing.T) map[string]bool {
	tests := map[string]bool{".lint-bans": true}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range testFunc.FindAllStringSubmatch(string(text), -1) {
			tests[match[1]] = true
		}
		return err
	})
	scripts, unread := os.ReadDir(scriptDir)
	for _, script := range scripts {
		tests[script.Name()] = true
	}
	if err != nil || unread != nil {
		t.Fatal(err, unread)
	}
	return tests
}
