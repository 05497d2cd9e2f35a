package shim

import (
	"time"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/eventstream"
)

// wire returns the state as clients are told it.
func (s *supervisor) wire() agent.ContainerProcessState {
	w := agent.ContainerProcessState{
		Up:               s.state.running(),
		Restarting:       s.restarts(),
		Err:              s.err,
		Restarts:         uint64(max(s.runs-1, 0)),
		OOMs:             s.ooms,
		ContainerMetrics: s.meter.last,
	}
	if w.Up {
		w.PID, w.StartedAt = s.run.child.id(), s.run.started.UTC()
		return w
	}
	if w.ContainerExitStatus = s.exit; s.exit != nil {
		w.ExitedAt = s.exitedAt.UTC()
	}
	if s.state == backingOff {
		w.NextRestartAt = byWallClock(s.nextAt, time.Until(s.nextAt), time.Now()).UTC()
	}
	return w
}

// byWallClock returns a time that is so far away by the monotonic clock, as the wall clock
// has it now: it may have been set since.
func byWallClock(t time.Time, away time.Duration, now time.Time) time.Time {
	at := now.Add(away)
	if time.Duration(at.UnixNano()-t.UnixNano()).Abs() < time.Second {
		return t // each time the same
	}
	return at
}

// restarts is the switch "restarting": what the policy says for a failure while
// up, and whether another start will come or is in progress while not.
func (s *supervisor) restarts() bool {
	switch s.state {
	case up:
		return wantsRestart(s.starter.container.restart, agent.ContainerExitStatus{Exited: true, ExitStatus: 1})
	case backingOff, restarting, aborting: // aborting a later start: of the first nobody is told
		return true
	}
	return false
}

// untold reports whether the first start is in progress: its state would look
// final.
func (s *supervisor) untold() bool {
	return s.runs == 0 && s.state.startInProgress()
}

// announcement encodes the state. It is valid until the next one, unless a client
// keeps it; see tell.
func (s *supervisor) announcement() announcement {
	w := s.wire()
	s.encoded = w.AppendJSON(s.encoded[:0])
	s.event = eventstream.Append(s.event[:0], agent.EventState, s.encoded)
	return announcement{event: s.event, final: w.Final()}
}

// publish announces the state to everybody.
func (s *supervisor) publish() {
	s.owing = false
	if len(s.clients) == 0 {
		return
	}
	a := s.announcement()
	for c := range s.clients {
		s.tell(c, a)
	}
}

// sample takes the metrics. Kills in question are left out: whoever has been told of one
// can rely on it that it is not mistaken for the command's end.
func (s *supervisor) sample() {
	s.judge()
	if s.run != nil {
		s.meter.sample(s.run)
	}
}

// judge looks at the kills of the run, and has it looked at them again for as long as
// they are in question.
func (s *supervisor) judge() {
	if s.question != nil || s.run == nil {
		return
	}
	if pause := s.run.judgeKills(); pause > 0 {
		s.question = time.After(pause)
	}
}

// answer judges, and tells what comes of it to those who have been told the state without it.
func (s *supervisor) answer() {
	s.judge()
	if s.question != nil || !s.owing || s.run == nil {
		return
	}
	s.owing = false
	s.meter.sample(s.run) // the next question is the next one's
	a := s.announcement()
	for c := range s.clients {
		if c.owed {
			s.tell(c, a)
		}
	}
}

// tell puts an announcement; while a kill is in question another one is owed. The buffer
// of one that is kept is left to those who keep it; otherwise it serves again.
func (s *supervisor) tell(c *client, a announcement) {
	c.owed = s.question != nil
	s.owing = s.owing || c.owed
	if c.put(a) {
		s.event = nil
	}
}

// join welcomes a client: it is told the state, or, while the first start is in
// progress, what comes of that.
func (s *supervisor) join(c *client) {
	if c.refusal != nil {
		s.log.Warn("client refused", "uid", c.peer.Uid, "pid", c.peer.Pid, "error", c.refusal)
		c.close()
		<-s.listener.slots
		return
	}
	s.clients[c] = struct{}{}
	c.sent = s.onSent
	go func() { // read
		err := c.read(s.commands, s.quit)
		select {
		case s.left <- departure{c, err}:
		case <-s.quit:
		}
	}()
	if !s.untold() {
		s.sample()
		s.tell(c, s.announcement())
	}
	s.setTick()
}

// onSent is called by whoever has written it: the loop, or a client's goroutine.
func (s *supervisor) onSent() {
	s.finalSent.Store(true)
	wake(s.sent)
}

func (s *supervisor) onDeparture(d departure) {
	if d.err != nil && !isHangUp(d.err) {
		s.log.Warn("client cut", "uid", d.client.peer.Uid, "pid", d.client.peer.Pid, "error", d.err)
	}
	delete(s.clients, d.client)
	d.client.close()
	d.client.finish()
	<-s.listener.slots
	s.setTick()
}
