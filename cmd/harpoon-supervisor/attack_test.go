package main_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// attack is one container with a hostile rootfs or volume.
type attack struct {
	config  string
	command []string
	prepare func(rootfs string) error
	// swap are two paths to be exchanged all the time, in the rootfs or in bench.dir.
	swap [2]string
	// check looks at the rootfs afterwards.
	check func(rootfs string) error
	leak  []*os.File
	stdin *os.File
	// want are regular expressions, of which the error or the output matches one.
	want []string
}

// run starts the container and looks at what came of it.
func (a attack) run(c *canary, name string) error {
	made, err := newContainer(filepath.Join(bench.dir, name), name, a.config)
	if err != nil {
		return err
	}
	rootfs := filepath.Join(made.dir, "rootfs")
	if a.prepare != nil {
		if err := a.prepare(rootfs); err != nil {
			return err
		}
	}
	stop := func() {}
	if a.swap[0] != "" {
		stop = swap(below(rootfs, a.swap[0]), below(rootfs, a.swap[1]))
	}
	errText, output, err := made.attempt(launch{command: a.command, leak: a.leak, stdin: a.stdin}, func() error {
		stop()
		if a.check != nil {
			return a.check(rootfs)
		}
		return nil
	})
	stop()
	if err != nil {
		return err
	}
	for _, want := range a.want {
		if regexp.MustCompile(want).MatchString(cmp.Or(errText, output)) {
			return c.touched()
		}
	}
	return fmt.Errorf("%s\nwant a match for one of %q", cmp.Or(errText, output), a.want)
}

// attempt starts a container once and lets its supervisor end when it is down, or
// did not come up. between is called in between. It returns the error of the
// final state, if there is one, and the output.
func (c *container) attempt(l launch, between func() error) (errText, output string, err error) {
	s, client, err := c.startAndDial(l)
	if err != nil {
		return "", "", err
	}
	defer s.destroy()
	last, err := client.finalState()
	if err != nil {
		return "", "", err
	}
	if errText, _ = last.at("err").(string); errText != "" {
		err = between()
		_ = client.command("exit") // it may have ended by itself
		err = errors.Join(err, s.leave(client, "0", "1"))
	} else {
		err = errors.Join(between(), s.exit(client))
	}
	return errText, s.output.String(), err
}

func below(rootfs, path string) string {
	if strings.HasPrefix(path, bench.dir) {
		return path
	}
	return rootfs + path
}

// again runs an attack that needs luck several times.
func (a attack) again(t *testing.T, c *canary) {
	t.Helper()
	name := strings.ReplaceAll(t.Name(), "/", "-")
	repeat(t, rounds(5), 2, func(i int) error { return a.run(c, fmt.Sprintf("%s-%d", name, i)) })
}

// all does several things in a rootfs.
func all(steps ...func(rootfs string) error) func(string) error {
	return func(rootfs string) error {
		for _, step := range steps {
			if err := step(rootfs); err != nil {
				return err
			}
		}
		return nil
	}
}

func dirs(names ...string) func(rootfs string) error {
	return func(rootfs string) error {
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(rootfs, name), 0o755); err != nil {
				return err
			}
		}
		return nil
	}
}

func link(target, name string) func(string) error {
	return func(rootfs string) error { return os.Symlink(target, filepath.Join(rootfs, name)) }
}

// sharedVolume makes a directory on the host, which another container can write to.
func sharedVolume(t *testing.T, prepare func(string) error) string {
	t.Helper()
	dir := filepath.Join(bench.dir, "shared-"+t.Name())
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
