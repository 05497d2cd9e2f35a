package main

import (
	"errors"
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

// room is more than a result takes, in bytes.
const room = 1 << 20

// tryOut makes the directory for a result, and tries whether there is room for one:
// better now than after a quarter of an hour.
func tryOut(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	trial, err := os.CreateTemp(dir, "trial-")
	if err != nil {
		return err
	}
	_, err = trial.Write(make([]byte, room))
	return errors.Join(err, trial.Close(), os.Remove(trial.Name()))
}

// save writes the result for people and programs. The files of another one are
// replaced when those of this one are there.
func save(r *result, dir string) error {
	text, err := indented(r)
	if err != nil {
		return err
	}
	files := map[string][]byte{"result.json": text, "result.md": []byte(page(r)), "chart.svg": []byte(chart(r))}
	for name, text := range files {
		beside := filepath.Join(dir, name+".new")
		defer os.Remove(beside) // if it is still there
		if err := os.WriteFile(beside, text, 0o644); err != nil {
			return err
		}
	}
	for name := range files {
		if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
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
