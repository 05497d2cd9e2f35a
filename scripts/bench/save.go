package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The section of README.md is between these lines.
const (
	sectionBegin = "<!-- made by make bench-page from scripts/bench/result.json -->\n"
	sectionEnd   = "<!-- end of what make bench-page made -->\n"
)

// save writes the result for people and programs.
func save(r *result, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, "result.json"), r); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "result.md"), []byte(page(r)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "chart.svg"), []byte(chart(r)), 0o644)
}

// committed is where the result is that README.md shows, and its chart.
const committed = "scripts/bench"

// renderAll makes a result the one that README.md in root shows.
func renderAll(name, root string) error {
	r, err := readResult(name)
	if err == nil {
		err = r.whole()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	readme := filepath.Join(root, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	whole, err := replaceSection(string(text), page(r))
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	if err := writeJSON(filepath.Join(root, committed, "result.json"), r); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, committed, "chart.svg"), []byte(chart(r)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(readme, []byte(whole), 0o644)
}

// replaceSection puts a new section into a text.
func replaceSection(text, section string) (string, error) {
	before, rest, begun := strings.Cut(text, sectionBegin)
	_, after, ended := strings.Cut(rest, sectionEnd)
	if !begun || !ended {
		return "", fmt.Errorf("the lines are not there between which the section is: %q, %q", sectionBegin, sectionEnd)
	}
	return before + sectionBegin + section + sectionEnd + after, nil
}
