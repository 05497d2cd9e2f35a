package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// readNumbers returns the system calls of a machine by name, from the tables that
// golang.org/x/sys/unix has made of the kernel's headers. They are read as text:
// the compiler shows only those of the machine that it compiles for.
func readNumbers(goarch string) (map[string]uint32, error) {
	cmd := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix")
	cmd.Stderr = os.Stderr
	dir, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(dir)), "zsysnum_linux_"+goarch+".go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	numbers := map[string]uint32{}
	for _, decl := range file.Decls {
		constants, _ := decl.(*ast.GenDecl)
		if constants == nil || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			s := spec.(*ast.ValueSpec)
			name := strings.ToLower(strings.TrimPrefix(s.Names[0].Name, "SYS_"))
			number, err := strconv.ParseUint(s.Values[0].(*ast.BasicLit).Value, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, name, err)
			}
			// The first of the numbers that are left to each machine, and no call.
			if name != "arch_specific_syscall" {
				numbers[name] = uint32(number)
			}
		}
	}
	return numbers, nil
}
