package main_test

import (
	"syscall"
	"testing"
)

// TestForeground: what a terminal sends to its foreground, ^C, does not reach the
// supervisor that somebody there has started: it is a signal to a process group.
func TestForeground(t *testing.T) {
	needRoot(t)
	// A shell without job control, as in a script; it waits for the supervisor, and
	// whatever comes meanwhile.
	c, s := started(t, launch{leader: true, via: []string{"sh", "-c", `"$@"; exit 3`, "sh"}, command: []string{"/bin/workload", "until-term", "0"}}, `{"restart": "always"}`)
	client := dialed(t, c)
	if _, err := client.await("up=true"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	again := dialed(t, c)
	if _, err := again.await("up=true", "restarting=true"); err != nil {
		t.Fatal(err)
	}
	if err := client.command("stop"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.finalState(); err != nil {
		t.Fatal(err)
	}
	if err := s.loggedTimes("stop asked", 1); err != nil {
		t.Error(err)
	}
	if err := client.command("exit"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.end(); err != nil {
		t.Error(err)
	}
	if err := c.leftovers(); err != nil {
		t.Error(err)
	}
}
