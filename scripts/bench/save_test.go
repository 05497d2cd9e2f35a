package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// namesIn lists a directory.
func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// savedRounds tells the result in a directory from others.
func savedRounds(t *testing.T, dir string) int {
	t.Helper()
	r, err := readResult(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	return r.Rounds
}

// TestSave: the old files are replaced, and there is nothing else.
func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := tryOut(dir); err != nil {
		t.Fatal(err)
	}
	if names := namesIn(t, dir); len(names) > 0 {
		t.Errorf("tryOut leaves %q", names)
	}
	for _, rounds := range []int{1, 2} {
		if err := save(&result{Rounds: rounds}, dir); err != nil {
			t.Fatal(err)
		}
		if got := savedRounds(t, dir); got != rounds {
			t.Errorf("result.json is of %d rounds, want %d", got, rounds)
		}
	}
	if names, want := namesIn(t, dir), []string{"chart.svg", "result.json", "result.md"}; !slices.Equal(names, want) {
		t.Errorf("save leaves %q, want %q", names, want)
	}
}

// TestSaveFails: the old result is still there, and no half of a new one.
func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	if err := save(&result{Rounds: 1}, dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "result.md.new"), 0o755); err != nil { // in the way
		t.Fatal(err)
	}
	if err := save(&result{Rounds: 2}, dir); err == nil {
		t.Error("save = nil, want an error")
	}
	if got := savedRounds(t, dir); got != 1 {
		t.Errorf("result.json is of %d rounds, want 1", got)
	}
	if names, want := namesIn(t, dir), []string{"chart.svg", "result.json", "result.md"}; !slices.Equal(names, want) {
		t.Errorf("save leaves %q, want %q", names, want)
	}
}

// TestTryOut: what is no directory is noticed before anything is measured.
func TestTryOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if err := tryOut(dir); err == nil {
			t.Errorf("tryOut(%s) = nil, want an error", dir)
		}
	}
}
