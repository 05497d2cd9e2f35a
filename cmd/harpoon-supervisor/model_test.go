package main_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// wrong is the model: it returns what in a story cannot be, by the contract in
// README.md. What a state is by itself, and that counters only rise on a
// connection, the stream has looked at already.
func (st *story) wrong() error {
	var errs []error
	for _, v := range st.visits {
		if err := errors.Join(st.order(v), st.complete(v), st.level(v)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.name, err))
		}
	}
	facts, err := st.facts()
	return errors.Join(append(errs, err, st.oneFinal(), st.reasons(facts), st.starts(), st.ends(facts), st.witness(), st.ended())...)
}

// startedAt and the others read what a state says.
func (s state) startedAt() time.Time { return s.time("started_at") }
func (s state) exitedAt() time.Time  { return s.time("exited_at") }
func (s state) up() bool             { return s.at("up") == true }
func (s state) restarting() bool     { return s.at("restarting") == true }
func (s state) restarts() int        { return int(s.count("restarts")) }
func (s state) time(path string) time.Time {
	text, _ := s.at(path).(string)
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}

// exit returns how the last run ended, as JSON, or "".
func (s state) exit() string {
	if exit, found := s.at("container_exit_status").(map[string]any); found {
		return state(exit).String()
	}
	return ""
}

// order: on one connection nothing is told about a run after its end, and what
// has been asked to end is not started again.
func (st *story) order(v *visit) error {
	var last state
	for _, s := range v.seen {
		if last != nil {
			if err := st.follows(last, s.state); err != nil {
				return fmt.Errorf("%w: %s after %s", err, s, last)
			}
		}
		if st.life.policy == "no" && (s.restarting() || s.restarts() > 0) {
			return fmt.Errorf("restarting under the policy no: %s", s)
		}
		last = s.state
	}
	// At most 50 a second; two may come at once, and the final one at any time.
	if n := len(v.seen); n > 0 {
		if most := 3 + int(v.seen[n-1].at.Sub(v.from)/(20*time.Millisecond)); n > most {
			return fmt.Errorf("%d states, want %d at most", n, most)
		}
	}
	return nil
}

func (st *story) follows(last, next state) error {
	stopped := last.up() && !last.restarting() && st.life.policy != "no"
	switch same := next.restarts() == last.restarts(); {
	case last.final():
		return errors.New("a state after the final one")
	case same && next.up() && !last.up() && last.exit() != "":
		return errors.New("a run is up after its exit")
	case same && next.up() && last.up() && (next.at("pid") != last.at("pid") || next.at("started_at") != last.at("started_at")):
		return errors.New("another process in the same run")
	case stopped && !same:
		return errors.New("a start after a stop")
	case stopped && next.restarting():
		return errors.New("restarting after a stop")
	}
	return nil
}

// complete: a client gets the final state, and then the end.
func (st *story) complete(v *visit) error {
	if v.end != nil && v.end != io.EOF && !errors.Is(v.end, unix.ECONNRESET) {
		return v.end
	}
	if st.crashed() || v.left || v.rude {
		return nil
	}
	if n := len(v.seen); n == 0 || !v.seen[n-1].final() {
		return errors.New("it ended without the final state")
	}
	return nil
}

// level: what a client is told first is as new as what anybody has been told
// before it came.
func (st *story) level(v *visit) error {
	if len(v.seen) == 0 {
		return nil
	}
	first := v.seen[0].state
	for _, before := range st.seen() {
		if !before.at.Before(v.from) {
			return nil
		}
		err := first.notBefore(before.state)
		if before.restarts() <= first.restarts() && err == nil && !before.final() {
			err = st.follows(before.state, first)
		}
		if err != nil {
			return fmt.Errorf("%w: first told %s, and others %s before", err, first, before)
		}
	}
	return nil
}

func (s state) notBefore(earlier state) error {
	for _, path := range []string{"restarts", "ooms", "container_metrics.cpu_time"} {
		if s.count(path) < earlier.count(path) {
			return fmt.Errorf("%s is behind", path)
		}
	}
	if earlier.final() && s.String() != earlier.String() {
		return errors.New("not the final state that it was")
	}
	return nil
}

// oneFinal: it is the same for all.
func (st *story) oneFinal() error {
	var final state
	for _, s := range st.seen() {
		switch {
		case !s.final():
		case final == nil:
			final = s.state
		case s.String() != final.String():
			return fmt.Errorf("two final states: %s and %s", final, s)
		}
	}
	return nil
}

// final returns the final state, if anybody has got it.
func (st *story) final() state {
	for _, s := range st.seen() {
		if s.final() {
			return s.state
		}
	}
	return nil
}

// reasons: down for good, and with an err, only for a reason.
func (st *story) reasons(facts []fact) error {
	final := st.final()
	if final == nil {
		return nil
	}
	if len(facts) != final.restarts()+1 {
		return fmt.Errorf("%d runs are known at the end, and restarts = %d", len(facts), final.restarts())
	}
	asked := len(st.asked()) > 0
	err, failed := final.at("err").(string)
	if !failed {
		if st.life.nature.missing {
			return errors.New("there is nothing to start, and no err")
		}
		again := st.life.policy == "always" || st.life.policy == "on-failure" && final.exit() != `{"exited":true}`
		if again && !asked {
			return fmt.Errorf("down for good, unasked, under the policy %s: %s", st.life.policy, final)
		}
		return nil
	}
	disturbed := len(st.did("kill command", "stop command", "freeze")) > 0
	switch {
	case asked && final.restarts() == 0 && err == "start container: aborted: stop asked":
	case st.life.nature.missing && strings.HasPrefix(err, "start container: ") && strings.Contains(err, "no such file"):
	case st.life.limit > 0 && final.restarts() >= st.life.limit && strings.HasPrefix(err, "restart limit: "):
	case disturbed && strings.HasPrefix(err, "start container: init: "):
	default:
		return fmt.Errorf("an err without a reason: %s", err)
	}
	return nil
}

// witness: what the commands themselves say of how many runs there were. One that
// was killed, or had a TERM (see possible), may not have come to say it.
func (st *story) witness() error {
	if st.incomplete() {
		return nil
	}
	least, most := 0, 0
	for _, l := range st.log {
		switch {
		case l.fields["msg"] == "started":
			most++
		case l.fields["msg"] == "exited" && l.fields["how"] == "exit" && l.fields["status"] != termStatus:
			least++
		}
	}
	if st.begun < least || st.begun > most {
		return fmt.Errorf("%d runs began, and the log has %d, %d of which exited", st.begun, most, least)
	}
	return nil
}

// said reports whether the log has the message.
func (st *story) said(message string) bool {
	return slices.ContainsFunc(st.log, func(l logLine) bool { return l.fields["msg"] == message })
}

// incomplete reports whether lines of the log may be missing: after a crash, or
// where stderr was too slow for the supervisor to wait for it.
func (st *story) incomplete() bool { return !st.said("ended") || st.said("lines dropped") }

// ended: the supervisor's exit status is the one that section "Exit status" says.
func (st *story) ended() error {
	var possible []string
	final := st.final()
	signals := st.did("TERM", "INT")
	// One that was refused is not remembered.
	if st.said("exit asked") || st.incomplete() && len(st.did("exit")) > 0 {
		possible = append(possible, "0")
	}
	if final.has("err") && len(signals) == 0 {
		possible = append(possible, "1")
	}
	for _, d := range signals {
		n := unix.SignalNum("SIG" + d.what)
		switch {
		case final.has("err"): // who came first?
			possible = append(possible, "0", "1", strconv.Itoa(128+int(n)))
		case final != nil:
			possible = append(possible, "0")
		default: // somebody may have been sent it, and gone before he read it
			possible = append(possible, strconv.Itoa(128+int(n)))
			if slices.ContainsFunc(st.visits, func(v *visit) bool { return v.left || v.rude }) {
				possible = append(possible, "0")
			}
		}
	}
	if len(st.did("crash")) > 0 {
		possible = append(possible, "SIGKILL")
	}
	if len(st.log) == 0 && len(st.visits) == 0 { // before it could catch any signal
		for _, d := range st.did("TERM", "INT", "HUP", "USR1", "PIPE") {
			possible = append(possible, "SIG"+d.what)
		}
	}
	if !slices.Contains(possible, st.status) {
		return fmt.Errorf("the supervisor ended with %s, want one of %q", st.status, possible)
	}
	return nil
}
