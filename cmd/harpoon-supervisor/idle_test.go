package main_test

import "testing"

// TestIdlePolicy: without CAP_SYS_NICE the policy of a supervisor that runs when nobody
// else does stays its container's. (Beside other tests it would not run for seconds.)
func TestIdlePolicy(t *testing.T) {
	needRoot(t)
	c, s := started(t, launch{via: []string{"chrt", "-i", "0", "setpriv", "--bounding-set", "-sys_nice"}, command: []string{"/bin/workload", "identity"}}, "")
	client := dialed(t, c)
	if final, err := client.finalState(); err != nil || final.has("err") {
		t.Fatal(final, err)
	}
	if err := s.awaitOutput(`\Apolicy: 5\n`); err != nil {
		t.Error(err)
	}
	if err := s.exit(client); err != nil {
		t.Error(err)
	}
}
