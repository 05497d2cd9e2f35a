package main_test

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// fact is what all clients together have been told about one run.
type fact struct {
	process   string // pid and start
	startedAt time.Time
	ooms      int // before it, -1 if not known
	exit      string
	exitedAt  time.Time
	oomsAfter int // -1 if not known
	// kills are those for memory that somebody was told of while it was up, and
	// when it was first told of that many.
	kills   uint64
	killsAt time.Time
	// killsAfter are those at its end.
	killsAfter uint64
}

// facts: what is told about a run is the same for all, each run has one exit, and
// counters go with what is told.
func (st *story) facts() ([]fact, error) {
	var facts []fact
	for _, s := range st.seen() {
		r := s.restarts()
		for len(facts) <= r {
			facts = append(facts, fact{ooms: -1, oomsAfter: -1})
		}
		var err error
		if s.up() {
			err = facts[r].up(s)
		} else if s.exit() != "" {
			err = facts[r].down(s)
		}
		if err != nil {
			return facts, fmt.Errorf("run %d: %w: %s", r+1, err, s)
		}
	}
	for r := range facts {
		if err := facts[r].sum(); err != nil {
			return facts, fmt.Errorf("run %d: %w: %+v", r+1, err, facts[r])
		}
		if r > 0 {
			if err := facts[r].after(facts[r-1], st.life.initial, r == 1); err != nil {
				return facts, fmt.Errorf("run %d: %w: %+v after %+v", r+1, err, facts[r], facts[r-1])
			}
		}
	}
	return facts, nil
}

func (f *fact) up(s sighting) error {
	process := fmt.Sprint(s.state.at("pid"), " ", s.state.at("started_at"))
	if f.process != "" && f.process != process {
		return errors.New("two starts")
	}
	ooms := int(s.count("ooms"))
	if f.ooms >= 0 && f.ooms != ooms {
		return errors.New("ooms changed while it was up")
	}
	f.process, f.startedAt, f.ooms = process, s.startedAt(), ooms
	if kills := s.count("container_metrics.oom_kills"); kills > f.kills {
		f.kills, f.killsAt = kills, s.at
	}
	return nil
}

func (f *fact) down(s sighting) error {
	if f.exit != "" && (f.exit != s.exit() || !f.exitedAt.Equal(s.exitedAt())) {
		return errors.New("two exits")
	}
	ooms := int(s.count("ooms"))
	if f.oomsAfter >= 0 && f.oomsAfter != ooms {
		return errors.New("ooms changed after the exit")
	}
	f.exit, f.exitedAt, f.oomsAfter = s.exit(), s.exitedAt(), ooms
	f.killsAfter = max(f.killsAfter, s.count("container_metrics.oom_kills"))
	return nil
}

// sum: a run that was out of memory counts as such, and no other does.
func (f *fact) sum() error {
	switch {
	case f.exit != "" && f.startedAt.After(f.exitedAt):
		return errors.New("its exit is before its start")
	case f.ooms < 0 || f.oomsAfter < 0:
		return nil
	case f.oomsAfter != f.ooms+map[bool]int{true: 1}[f.exit == `{"oomed":true}`]:
		return errors.New("ooms does not go with the exit")
	}
	return nil
}

// slack is what the two clocks of a machine may differ by in a moment.
const slack = 2 * time.Millisecond

// after: runs follow one another, and not too fast.
func (f *fact) after(last fact, initial time.Duration, first bool) error {
	apart := func(a, b time.Time, least time.Duration) bool {
		return a.IsZero() || b.IsZero() || b.Sub(a) >= least-slack
	}
	switch {
	case f.ooms >= 0 && last.oomsAfter >= 0 && f.ooms != last.oomsAfter:
		return errors.New("ooms changed between two runs")
	case !apart(last.exitedAt, f.startedAt, 0):
		return errors.New("it started before the last one's exit")
	case !apart(last.startedAt, f.startedAt, 100*time.Millisecond):
		return errors.New("less than 100 ms between two starts")
	case first && !apart(last.exitedAt, f.startedAt, initial):
		return errors.New("the first restart is early")
	}
	return nil
}

// ends: each run has ended as its command does, or as it was made to.
func (st *story) ends(facts []fact) error {
	from := st.began
	for r, f := range facts {
		if f.exit != "" {
			if err := st.possible(f, from); err != nil {
				return fmt.Errorf("run %d: %w: it ended with %s", r+1, err, f.exit)
			}
			from = f.exitedAt
		}
	}
	return nil
}

// termStatus is the exit status of a Go program that gets a TERM before it handles
// it: where any other one would die, and pid 1 cannot, the runtime exits. But a
// second TERM at that moment ends it after all: the main thread is in the
// handler of the first, which blocks signals, and the kernel, which ignores none
// that is blocked (sig_ignored), finds another thread to deliver it to.
const termStatus = "2"

// possible looks at one exit. Of a kill for memory and one by hand it may be
// either, where both came: within microseconds nobody can tell them apart.
func (st *story) possible(f fact, from time.Time) error {
	n := st.life.nature
	exited := `{"exited":true}`
	if n.status > 0 {
		exited = fmt.Sprintf(`{"exit_status":%d,"exited":true}`, n.status)
	}
	killed := st.killed(from, f.exitedAt)
	switch f.exit {
	case exited:
		if n.status < 0 || n.onTerm && !before(st.asked(), f.exitedAt) {
			return errors.New("it does not exit by itself")
		}
		return nil
	case `{"exit_status":` + termStatus + `,"exited":true}`, `{"signal":15,"signaled":true}`:
		if !before(st.asked(), f.exitedAt) {
			return errors.New("nothing ends it so")
		}
		return nil
	case fmt.Sprintf(`{"signal":%d,"signaled":true}`, n.signal):
		return nil
	case `{"signal":9,"signaled":true}`:
		if len(killed) == 0 {
			return errors.New("nobody has sent it SIGKILL")
		}
		return nil
	case `{"oomed":true}`:
		if n.eats {
			return nil
		}
		// Whoever has been told of a child's kill can rely on it that a kill by
		// hand is not taken for another.
		told := f.kills > 0 && f.kills == f.killsAfter && !before(killed, f.killsAt)
		if !n.feeds || len(killed) == 0 || told {
			return errors.New("it does not run out of memory")
		}
		return nil
	}
	return errors.New("nothing ends it so")
}

// before reports whether one of the deeds may have been done by then.
func before(deeds []deed, t time.Time) bool {
	return slices.ContainsFunc(deeds, func(d deed) bool { return d.from.Before(t.Add(slack)) })
}

// killed returns the deeds that may have sent SIGKILL to a run which ended at
// that moment, after another one ended at from. What the supervisor is asked it
// may do later, to what it has started meanwhile.
func (st *story) killed(from, to time.Time) []deed {
	asked := st.did("kill")
	if signals := st.did("TERM", "INT"); len(signals) > 1 {
		asked = append(asked, signals[1:]...)
	}
	for _, d := range st.did("kill command") {
		if !d.to.Before(from.Add(-slack)) {
			asked = append(asked, d)
		}
	}
	return slices.DeleteFunc(asked, func(d deed) bool { return !before([]deed{d}, to) })
}
