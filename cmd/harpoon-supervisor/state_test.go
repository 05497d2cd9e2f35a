package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// state is the data of one event.
type state map[string]any

func parseState(data string) (state, error) {
	var s state
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&s); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s state) String() string {
	text, _ := json.Marshal(s) // it was JSON
	return string(text)
}

// at returns the value at a path like "container_metrics.cpu_time", or nil.
func (s state) at(path string) any {
	var value any = map[string]any(s)
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// has reports whether there is a value at the path.
func (s state) has(path string) bool { return s.at(path) != nil }

// count returns the number at the path, 0 if there is none.
func (s state) count(path string) uint64 {
	number, _ := s.at(path).(json.Number)
	n, _ := strconv.ParseUint(number.String(), 10, 64)
	return n
}

// kill sends a signal to the command, from outside. Without one there is no pid,
// and 0 would be our own process group.
func (s state) kill(signal syscall.Signal) error {
	pid := int(s.count("pid"))
	if pid < 2 {
		return fmt.Errorf("no pid in %s", s)
	}
	return unix.Kill(pid, signal)
}

func (s state) final() bool { return s.at("up") == false && s.at("restarting") == false }

// check returns what is wrong with the state by itself.
func (s state) check() error {
	up, isBool := s.at("up").(bool)
	_, isBool2 := s.at("restarting").(bool)
	if !isBool || !isBool2 {
		return errors.New("up or restarting is no boolean")
	}
	for _, path := range []string{"restarts", "ooms", "container_metrics.cpu_time", "container_metrics.memory_usage", "container_metrics.memory_limit"} {
		number, _ := s.at(path).(json.Number)
		if _, err := strconv.ParseUint(number.String(), 10, 64); err != nil {
			return fmt.Errorf("%s is no unsigned integer", path)
		}
	}
	for path, want := range map[string]bool{
		"pid":        up,
		"started_at": up,
		"exited_at":  s.has("container_exit_status"),
	} {
		if s.has(path) != want {
			return fmt.Errorf("%s: present = %v, want %v", path, s.has(path), want)
		}
	}
	switch {
	case up && s.has("container_exit_status"):
		return errors.New("up with container_exit_status")
	case s.has("err") && !s.final():
		return errors.New("err in a state that is not final")
	case s.has("next_restart_at") && (up || s.final()):
		return errors.New("next_restart_at while not waiting")
	}
	return errors.Join(s.checkTimes(), s.checkExit())
}

// checkTimes: RFC 3339, in UTC.
func (s state) checkTimes() error {
	for _, path := range []string{"started_at", "exited_at", "next_restart_at"} {
		text, present := s.at(path).(string)
		if _, err := time.Parse(time.RFC3339Nano, text); present && (err != nil || !strings.HasSuffix(text, "Z")) {
			return fmt.Errorf("%s is no UTC time", path)
		}
	}
	return nil
}

// checkExit: exactly one kind of end, and no zero values.
func (s state) checkExit() error {
	if !s.has("container_exit_status") {
		return nil
	}
	exit, _ := s.at("container_exit_status").(map[string]any)
	kinds := 0
	for name, value := range exit {
		switch name {
		case "exited", "signaled", "oomed":
			kinds++
		case "exit_status", "signal":
		default:
			return fmt.Errorf("container_exit_status.%s is unknown", name)
		}
		if value == false || value == json.Number("0") {
			return fmt.Errorf("container_exit_status.%s is a zero value", name)
		}
	}
	if kinds != 1 || s.has("container_exit_status.signal") != s.has("container_exit_status.signaled") {
		return errors.New("container_exit_status is not one kind of end")
	}
	return nil
}

// after returns what is wrong with the state as the one that follows last.
func (s state) after(last state) error {
	if last == nil {
		return nil
	}
	if last.final() {
		return errors.New("a state after the final one")
	}
	// Of a run whose end has been told nothing else may come: what is up is another.
	if s.at("up") == true && last.has("container_exit_status") && s.count("restarts") == last.count("restarts") {
		return fmt.Errorf("run %d is up after its exit", s.count("restarts"))
	}
	if s.at("up") == true && last.at("up") == true && s.count("restarts") == last.count("restarts") && (s.at("pid") != last.at("pid") || s.at("started_at") != last.at("started_at")) {
		return fmt.Errorf("run %d is two", s.count("restarts"))
	}
	for _, path := range []string{"restarts", "ooms", "container_metrics.cpu_time", "container_metrics.memory_peak", "container_metrics.oom_kills"} {
		if s.has(path) && s.count(path) < last.count(path) {
			return fmt.Errorf("%s went down from %d", path, last.count(path))
		}
	}
	return nil
}

func TestStateCheck(t *testing.T) {
	const metrics = `"restarts":0,"ooms":0,"container_metrics":{"cpu_time":1,"memory_usage":2,"memory_limit":3}`
	const up = `{"up":true,"restarting":true,"pid":7,"started_at":"2026-01-02T03:04:05.6Z",` + metrics + `}`
	const exited = `"exited_at":"2026-01-02T03:04:05Z","container_exit_status":`
	tests := []struct {
		data string
		want bool
	}{
		{up, true},
		{`{"up":false,"restarting":false,"err":"x",` + metrics + `}`, true},
		{`{"up":false,"restarting":false,` + exited + `{"exited":true},` + metrics + `}`, true},
		{`{"up":false,"restarting":false,` + exited + `{"exited":true,"exit_status":0},` + metrics + `}`, false},
		{`{"up":false,"restarting":false,` + exited + `{"exited":true,"oomed":true},` + metrics + `}`, false},
		{`{"up":false,"restarting":false,"container_exit_status":{"exited":true},` + metrics + `}`, false},
		{`{"up":false,"restarting":true,"err":"x",` + metrics + `}`, false},
		{strings.Replace(up, `"cpu_time":1`, `"cpu_time":1e3`, 1), false},
		{strings.Replace(up, `"cpu_time":1`, `"cpu_time":-1`, 1), false},
		{strings.Replace(up, `5.6Z`, `5.6+01:00`, 1), false},
		{strings.Replace(up, `"pid":7,`, ``, 1), false},
		{strings.Replace(up, `"up":true,`, ``, 1), false},
	}
	for _, test := range tests {
		if _, err := parseState(test.data); (err == nil) != test.want {
			t.Errorf("parseState(%s) = %v, want good = %v", test.data, err, test.want)
		}
	}

	const ended = `{"up":false,"restarting":true,` + exited + `{"exited":true},` + metrics + `}`
	second := strings.Replace(up, `"restarts":0`, `"restarts":1`, 1)
	for _, test := range []struct {
		last, next string
		want       bool
	}{
		{up, up, true},
		{up, ended, true},
		{ended, second, true},
		{up, second, true},
		{ended, up, false},
		{second, up, false},
		{up, strings.Replace(up, `"pid":7`, `"pid":8`, 1), false},
		{strings.Replace(ended, `"restarting":true`, `"restarting":false`, 1), second, false},
	} {
		last, _ := parseState(test.last)
		next, _ := parseState(test.next)
		if err := next.after(last); (err == nil) != test.want {
			t.Errorf("%s after %s = %v, want good = %v", test.next, test.last, err, test.want)
		}
	}
}
