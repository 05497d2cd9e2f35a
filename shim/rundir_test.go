package shim

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDescribeReplaces: container.json takes the place of a file, or of none, and of no
// directory, whose content stays.
func TestDescribeReplaces(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, content := range []string{"first", "second"} {
		if err := (runDir{}).describe([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(resolvedName); string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
	inside := filepath.Join(resolvedName, "file")
	if err := os.Remove(resolvedName); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (runDir{}).describe(nil); err == nil {
		t.Error("it took the place of a directory")
	}
	if _, err := os.Stat(inside); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir("."); len(list) != 1 {
		t.Errorf("left: %v, %v", list, err)
	}
}
