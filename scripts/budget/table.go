package budget

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// table is the text of the table: a row a line, comments, and empty lines.
type table string

// row is one budget.
type row struct {
	name, where string
	number      int
	known       bool // the number; else it is to be found
	over, under int  // per cent of the number
	unit        string
}

// String returns the row's line.
func (b row) String() string {
	return fmt.Sprintf("%-20s %-7s %8s %4d%% %4d%%  %s", b.name, b.where, b.figure(), b.over, b.under, b.unit)
}

// figure is the number as the table has it.
func (b row) figure() string {
	if !b.known {
		return "-"
	}
	return strconv.Itoa(b.number)
}

// parseRow parses a line that is neither empty nor a comment.
func parseRow(line string) (b row, err error) {
	fields := strings.Fields(line)
	if len(fields) != 6 {
		return b, fmt.Errorf("budget %q: %d fields, want 6", line, len(fields))
	}
	b = row{name: fields[0], where: fields[1], known: fields[2] != "-", unit: fields[5]}
	if b.known {
		b.number, err = strconv.Atoi(fields[2])
	}
	for i, room := range []*int{&b.over, &b.under} {
		digits, found := strings.CutSuffix(fields[3+i], "%")
		var bad error
		if *room, bad = strconv.Atoi(digits); bad != nil || !found {
			err = errors.Join(err, fmt.Errorf("%q is no percentage", fields[3+i]))
		}
	}
	if err != nil {
		return b, fmt.Errorf("budget %s: %w", b.name, err)
	}
	return b, nil
}

// isRow reports whether a line is neither empty nor a comment.
func isRow(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && !strings.HasPrefix(line, "#")
}

// find returns the row of that name for the first of the hosts that has one.
func (t table) find(name string, hosts []string) (row, error) {
	best, at := row{}, len(hosts)
	for line := range strings.Lines(string(t)) {
		if !isRow(line) {
			continue
		}
		b, err := parseRow(line)
		if err != nil {
			return b, err
		}
		if i := slices.Index(hosts, b.where); b.name == name && i >= 0 && i < at {
			best, at = b, i
		}
	}
	if at == len(hosts) {
		return best, fmt.Errorf("no budget %s for any of %q", name, hosts)
	}
	return best, nil
}

// check returns an error if the number is not what the budget says.
func (b row) check(number int) error {
	switch {
	case !b.known:
		return nil
	case 100*number > b.number*(100+b.over):
		return fmt.Errorf("%s: %d %s, budget %d + %d %% (%s): spend less; or say in the commit what it is worth, and run make budgets",
			b.name, number, b.unit, b.number, b.over, b.where)
	case 100*number < b.number*(100-b.under):
		return fmt.Errorf("%s: %d %s, budget %d - %d %% (%s): well done, but the budget is stale: run make budgets",
			b.name, number, b.unit, b.number, b.under, b.where)
	}
	return nil
}

// with returns the table with the row in place of the one it came from.
func (t table) with(b row) table {
	var text strings.Builder
	for line := range strings.Lines(string(t)) {
		if isRow(line) {
			if old, err := parseRow(line); err == nil && old.name == b.name && old.where == b.where {
				line = b.String() + "\n"
			}
		}
		text.WriteString(line)
	}
	return table(text.String())
}

// rewrite puts the row into the file, which the tests of several packages may do
// at the same time.
func rewrite(b row) error {
	path, err := source()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() // and with it the lock
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(table(text).with(b)), 0o644)
}

// source returns the path of the table. A test runs in its package's directory.
func source() (string, error) {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		path := filepath.Join(dir, "scripts/budget/table.txt")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.Join(err, errors.New("the source is not here"))
}

// kernel returns the major and minor number of a release.
func kernel(release string) string {
	parts := strings.SplitN(release, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}
