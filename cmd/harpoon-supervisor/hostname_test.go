package main_test

import (
	"fmt"
	"testing"
)

// TestHostnameBytes: a host name is bytes, as the kernel has it.
func TestHostnameBytes(t *testing.T) {
	needRoot(t)
	const name = "caf\xe9-\xff"
	c, err := aContainer(t, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	s := launched(t, c, launch{flags: []string{"--hostname", name}, command: []string{"/bin/workload", "hostname"}})
	client := dialed(t, c)
	if _, err := client.await("up=false"); err != nil {
		t.Fatal(err)
	}
	if err := s.exit(client); err != nil {
		t.Error(err)
	}
	if err := poll(patience, func() error {
		if got, want := s.output.String(), "hostname: "+name+"\n"; got != want {
			return fmt.Errorf("output = %q, want %q", got, want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
