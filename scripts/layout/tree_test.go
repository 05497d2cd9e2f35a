package layout

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// A file that does not fit a few screens holds more than one noun.
const (
	maxLines  = 300
	meanLines = 150
)

func TestFileSizes(t *testing.T) {
	files, lines := 0, 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile(path)
		n := bytes.Count(data, []byte("\n"))
		if n > maxLines {
			t.Errorf("%s: %d lines, want %d at most", path, n, maxLines)
		}
		files++
		lines += n
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 || lines/files > meanLines {
		t.Errorf("%d Go files of %d lines: want a mean of %d at most", files, lines, meanLines)
	}
}

// What lies at the top level besides dotfiles; bin is what make build leaves.
var topLevel = []string{"LICENSE", "Makefile", "README.md", "bin", "cmd", "go.mod", "go.sum", "init", "pkg", "scripts", "shim"}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && !slices.Contains(topLevel, entry.Name()) {
			t.Errorf("top level holds %s, want only %q", entry.Name(), topLevel)
		}
	}
}

// Names that say nothing about what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}

func TestDirectoryNames(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains(emptyNames, entry.Name()) {
			t.Errorf("%s: a name that says nothing", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGodebugs: what the Makefile tells the runtime takes the place of what the go
// command would, from main.go; so it must hold that.
func TestGodebugs(t *testing.T) {
	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(makefile), "\nGODEBUGS := ")
	told, _, _ := strings.Cut(rest, "\n")
	list, err := exec.Command("go", "list", "-f", "{{.DefaultGODEBUG}}", module+"/cmd/harpoon-supervisor").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(list)) + ",memprofilerate=0"; told != want {
		t.Errorf("GODEBUGS in the Makefile is %q, want %q", told, want)
	}
}
