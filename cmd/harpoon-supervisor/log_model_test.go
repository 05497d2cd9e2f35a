package main_test

import (
	"errors"
	"fmt"
	"strconv"
)

// phase is where a container is, as far as the log tells.
type phase string

const (
	startingFirst phase = "first start"
	running       phase = "running"
	exited        phase = "exited"
	waiting       phase = "waiting" // for the next start, or for its outcome
	over          phase = "down"
)

// logModel follows the log, which has everything in the order in which the loop
// has done it.
type logModel struct {
	phase   phase
	run     int
	asked   bool // to end
	inStart bool // and that came too late to prevent the start in progress
	exit    logLine
}

// starts: each start has one exit, a start comes only where the policy says so,
// and none after it was asked to end, but one that was in progress.
func (st *story) starts() error {
	if st.said("lines dropped") {
		return nil
	}
	m := logModel{phase: startingFirst}
	for _, l := range st.log {
		if err := m.next(l, st.life); err != nil {
			return fmt.Errorf("log: %w while %s: %s", err, m.phase, l.text)
		}
		// Who is killed at the very last moment has said so, and does not come to it.
		if l.fields["msg"] == "ended" && l.fields["status"] != st.status && !st.crashed() {
			return fmt.Errorf("log: ended with %s: %s", st.status, l.text)
		}
	}
	if final := st.final(); final != nil && !st.incomplete() && final.restarts() != max(m.run-1, 0) {
		return fmt.Errorf("log: %d starts, and restarts = %d", m.run, final.restarts())
	}
	return nil
}

func (m *logModel) next(l logLine, of life) error {
	switch l.fields["msg"] {
	case "started":
		return m.started(l)
	case "exited":
		if m.phase != running || l.runNumber() != m.run {
			return errors.New("an exit of no run")
		}
		m.phase, m.exit = exited, l
	case "restarting":
		if m.phase != exited || m.asked || !m.again(of.policy) {
			return errors.New("a restart without a reason")
		}
		m.phase = waiting
	case "not restarting":
		if m.phase != exited || of.limit == 0 || m.run <= of.limit {
			return errors.New("no restart, without a reason")
		}
		m.phase = over
	case "stop asked":
		return m.stopAsked(l)
	case "restart aborted", "start failed":
		if m.phase != startingFirst && m.phase != waiting {
			return errors.New("a start that was none")
		}
		m.phase = over
	case "exit asked", "ended":
		if m.phase == exited && (m.asked || !m.again(of.policy)) {
			m.phase = over
		}
		if m.phase != over {
			return errors.New("an end too early")
		}
	}
	return nil
}

func (m *logModel) started(l logLine) error {
	m.run++
	switch {
	case l.runNumber() != m.run:
		return errors.New("a run left out")
	case m.phase != startingFirst && m.phase != waiting:
		return errors.New("a start of nothing")
	case m.asked && !m.inStart:
		return errors.New("a start after a stop")
	}
	m.phase = running
	return nil
}

// stopAsked: the line names the state in which it came.
func (m *logModel) stopAsked(l logLine) error {
	m.asked = true
	switch state := l.fields["state"]; state {
	case "starting", "aborting", "restarting":
		m.inStart = m.phase == startingFirst || m.phase == waiting
	case "backing off":
		m.phase = over
	case "down":
		if m.phase != over && m.phase != exited {
			return errors.New("down too early")
		}
		m.phase = over
	default:
		if m.phase != running {
			return errors.New(state + " without a run")
		}
	}
	return nil
}

// again is what the policy says about the last exit.
func (m *logModel) again(policy string) bool {
	success := m.exit.fields["how"] == "exit" && m.exit.fields["status"] == strconv.Itoa(0)
	return policy == "always" || policy == "on-failure" && !success
}
