package layout

import "strings"

// module is the name of the module in go.mod.
const module = "harpoon-supervisor"

// arrows says which directories of the module a directory may import besides
// its own subdirectories, both with all that is below them. The first line
// that matches a directory decides.
//
// They point one way. shim and init are two processes that share nothing but
// the messages between them, so that each can be read alone; a package under
// pkg can be imported by an agent without the rest.
var arrows = []struct {
	from string
	to   []string
}{
	{"cmd", []string{"shim", "init", "pkg"}},
	{"shim", []string{"pkg"}},
	{"init", []string{"pkg/syncpipe", "pkg/agent"}},
	{"pkg/control", []string{"pkg/eventstream", "pkg/agent"}},
	{"pkg/agent", []string{"pkg/plainjson"}},
	{"pkg/syncpipe", []string{"pkg/plainjson"}},
	{"pkg", nil},
	{"scripts", []string{"pkg"}},
}

// allowed reports whether the package in directory from may import the one in
// directory to, both relative to the module.
func allowed(from, to string) bool {
	for _, arrow := range arrows {
		if !within(from, arrow.from) {
			continue
		}
		for _, dir := range arrow.to {
			if within(to, dir) {
				return true
			}
		}
		return within(to, own(from))
	}
	return false
}

// own returns the directory whose inside is one package's own business:
// pkg/NAME, cmd/NAME and scripts/NAME, shim, init.
func own(dir string) string {
	first, rest, _ := strings.Cut(dir, "/")
	if first == "shim" || first == "init" {
		return first
	}
	second, _, _ := strings.Cut(rest, "/")
	return first + "/" + second
}

// within reports whether dir is parent or below it.
func within(dir, parent string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}
