package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// describe adds the machine and the versions to a result; not the host's name.
func describe(r *result, dir string) error {
	r.Date = time.Now().UTC().Format(time.DateOnly)
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	// What follows the version is whoever built it.
	release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	layout, err := cgroupLayout()
	if err != nil {
		return err
	}
	disk, err := mountinfo.GetMounts(mountinfo.ParentsFilter(dir))
	if err != nil {
		return err
	}
	r.Machine = []fact{
		{"CPU", processor()},
		{"cores", fmt.Sprint(runtime.NumCPU())},
		{"kernel", "Linux " + release + " " + unix.ByteSliceToString(name.Machine[:])},
		{"cgroups", layout},
		{"run directories and bundles on", disk[len(disk)-1].FSType},
	}
	r.Versions = versions(dir)
	info, err := os.Stat(filepath.Join(dir, "bin/harpoon-supervisor"))
	if err != nil {
		return err
	}
	size := float64(info.Size()) / (1 << 20)
	r.Values = append(r.Values, value{"binary", "ours", units["binary"], size, size, size, 1})
	return nil
}

// processor is the model's name.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, is, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(is)
		}
	}
	return runtime.GOARCH
}

// cgroupLayout says what is mounted.
func cgroupLayout() (string, error) {
	all, err := findHierarchies()
	if err != nil {
		return "", err
	}
	v1, v2 := 0, 0
	for _, h := range all {
		if h.v2 {
			v2++
		} else {
			v1++
		}
	}
	switch {
	case v1 == 0:
		return "v2", nil
	case v2 == 0:
		return fmt.Sprintf("v1, %d hierarchies", v1), nil
	}
	return fmt.Sprintf("hybrid; measured with v1 alone, %d hierarchies", v1), nil
}

// versions asks the programs for theirs.
func versions(dir string) []fact {
	list := []fact{{"Go", strings.TrimPrefix(runtime.Version(), "go")}}
	for _, program := range []string{filepath.Join(dir, "bin/harpoon-supervisor"), "crun", "runc", "conmon", "bwrap", "containerd", "gcc"} {
		path, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		args := []string{"--version"}
		if program == "crun" { // it makes its directory even for that
			args = append([]string{"--root", dir}, args...)
		}
		out, err := exec.Command(path, args...).Output()
		if err != nil {
			continue
		}
		list = append(list, fact{filepath.Base(program), bareVersion(string(out), filepath.Base(program))})
	}
	return list
}

// bareVersion is the first line without the words that say whose version it is.
func bareVersion(text, program string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	words := slices.DeleteFunc(strings.Fields(first), func(word string) bool {
		return word == program || word == "version" || word == "bubblewrap" || strings.HasPrefix(word, "github.com/")
	})
	return strings.Join(words, " ")
}
