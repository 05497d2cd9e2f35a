package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// scribe writes stories by hand. A moment is a number of milliseconds after the
// beginning.
type scribe struct {
	story
	ooms, kills int
}

// epoch is when all stories by hand begin.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

// a tells a story with two clients, of a command that exits with status 3 and is
// restarted after 200 ms at the earliest.
func a(policy string, does ...func(*scribe)) *story {
	w := &scribe{story: story{
		life:  life{policy: policy, initial: 200 * time.Millisecond, nature: nature{words: []string{"exit"}, status: 3}},
		began: epoch, status: "0",
		visits: []*visit{{name: "one", from: at(0), end: io.EOF}, {name: "two", from: at(1), end: io.EOF}},
	}}
	for _, do := range does {
		do(w)
	}
	return &w.story
}

// tell gives a state to the client, or to both of them if it is "".
func (w *scribe) tell(client string, ms int, text string) {
	metrics := fmt.Sprintf(`"ooms":%d,"container_metrics":{"cpu_time":1,"memory_usage":2,"memory_limit":3,"oom_kills":%d}}`, w.ooms, w.kills)
	s, err := parseState(text + "," + metrics)
	if err != nil {
		panic(err)
	}
	for _, v := range w.visits {
		if client == "" || client == v.name {
			v.seen = append(v.seen, sighting{s, at(ms)})
		}
	}
}

func clock(ms int) string {
	text, _ := json.Marshal(at(ms))
	return string(text)
}

func (w *scribe) say(text string) { w.log = append(w.log, parseLog(text)...) }

// up: run r, counted from 0, is up.
func up(r, ms int) func(*scribe) {
	return func(w *scribe) {
		w.say(fmt.Sprintf("level=INFO msg=started run=%d pid=%d", r+1, 100+r))
		w.begun++
		upTo("", r, ms, ms, w.life.policy != "no")(w)
	}
}

// upTo: a client is told so.
func upTo(client string, r, started, ms int, restarting bool) func(*scribe) {
	return func(w *scribe) {
		w.tell(client, ms, fmt.Sprintf(`{"up":true,"restarting":%v,"restarts":%d,"pid":%d,"started_at":%s`, restarting, r, 100+r, clock(started)))
	}
}

const (
	exit3   = `{"exited":true,"exit_status":3}`
	exit2   = `{"exited":true,"exit_status":2}`
	killed9 = `{"signaled":true,"signal":9}`
	oomed   = `{"oomed":true}`
)

// down: run r has ended, and is followed by another.
func down(r, ms int, exit string) func(*scribe) {
	return func(w *scribe) {
		w.say(exitLine(r, exit))
		w.say("level=INFO msg=restarting in=200ms")
		downTo("", r, ms, ms, exit, true)(w)
	}
}

// final: run r has ended, and is not.
func final(r, ms int, exit string) func(*scribe) {
	return func(w *scribe) {
		w.say(exitLine(r, exit))
		downTo("", r, ms, ms, exit, false)(w)
	}
}

func exitLine(r int, exit string) string {
	how := map[string]string{exit3: "how=exit status=3", exit2: "how=exit status=2", killed9: "how=signal signal=9", oomed: `how="out of memory"`}[exit]
	return fmt.Sprintf("level=INFO msg=exited run=%d after=1ms %s", r+1, how)
}

func downTo(client string, r, exited, ms int, exit string, restarting bool) func(*scribe) {
	return func(w *scribe) {
		w.tell(client, ms, fmt.Sprintf(`{"up":false,"restarting":%v,"restarts":%d,"exited_at":%s,"container_exit_status":%s`, restarting, r, clock(exited), exit))
	}
}

func failed(r, ms int, text string) func(*scribe) {
	return func(w *scribe) {
		w.say(`level=ERROR msg="start failed"`)
		w.tell("", ms, fmt.Sprintf(`{"up":false,"restarting":false,"restarts":%d,"err":%q`, r, text))
	}
}

// we do something.
func we(what string, ms int) func(*scribe) {
	return func(w *scribe) { w.deeds = append(w.deeds, deed{what: what, from: at(ms), to: at(ms)}) }
}

// hears: a stop or kill is logged.
func hears(state string) func(*scribe) {
	return func(w *scribe) { w.say(fmt.Sprintf(`level=INFO msg="stop asked" with=SIGTERM state=%q`, state)) }
}

func ended(status string) func(*scribe) {
	return func(w *scribe) {
		w.status = status
		w.say("level=INFO msg=ended status=" + status)
	}
}

// eater makes the command one that uses memory until it is killed.
func eater(w *scribe) { w.life.nature = nature{words: []string{"eat"}, status: -1, eats: true} }

// feeder makes it one whose child does so.
func feeder(w *scribe) {
	w.life.nature = nature{words: []string{"eat-child"}, status: 3, onTerm: true, feeds: true}
}

func count(ooms, kills int) func(*scribe) {
	return func(w *scribe) { w.ooms, w.kills = ooms, kills }
}

// TestModel: the model takes what may be, and finds what may not.
func TestModel(t *testing.T) {
	exit, end := func(w *scribe) { w.say(`level=INFO msg="exit asked"`) }, ended("0")
	tests := []struct {
		name  string
		story *story
		want  string // part of the error; "" is none
	}{
		{"one run", a("no", up(0, 10), final(0, 20, exit3), exit, end), ""},
		{"stopped in back-off", a("always", up(0, 10), down(0, 20, exit3), we("stop", 50), hears("backing off"), downTo("", 0, 20, 60, exit3, false), exit, end), ""},
		{"restarted, and killed", a("on-failure", up(0, 10), down(0, 20, exit3), up(1, 230), we("kill", 300), hears("up"), upTo("", 1, 230, 310, false), final(1, 320, killed9), exit, end), ""},
		{"stop too late for a restart", a("always", up(0, 10), down(0, 20, exit3), we("kill", 225), hears("restarting"),
			func(w *scribe) { w.say("msg=started run=2 pid=101"); w.begun++ }, upTo("", 1, 230, 230, false), final(1, 240, killed9), exit, end), ""},
		{"out of memory", a("always", eater, up(0, 10), count(1, 1), down(0, 20, oomed), we("kill", 50), hears("backing off"), downTo("", 0, 20, 60, oomed, false), exit, end), ""},
		{"a child for memory, and a kill at once", a("no", feeder, up(0, 10), we("kill command", 15), count(1, 1), final(0, 20, oomed), exit, end), ""},
		{"aborted", a("no", we("stop", 5), hears("starting"), failed(0, 10, "start container: aborted: stop asked"), ended("1")), ""},
		{"TERM", a("no", up(0, 10), we("TERM", 15), hears("up"), final(0, 20, exit3), end), ""},
		{"TERM, and nobody there", a("no", func(w *scribe) { w.visits = nil }, up(0, 10), we("TERM", 15), hears("up"), final(0, 20, exit3), ended("143")), ""},
		{"TERM in the first moment", a("no", up(0, 10), we("stop", 15), hears("up"), final(0, 20, exit2), exit, end), ""},
		{"crashed at the last moment", a("no", up(0, 10), we("TERM", 15), hears("up"), final(0, 20, exit3), we("crash", 25), end, func(w *scribe) { w.status = "SIGKILL" }), ""},
		{"crashed", a("always", up(0, 10), down(0, 20, exit3), we("crash", 30), func(w *scribe) { w.status = "SIGKILL" }), ""},

		{"two exits", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) { w.visits[1].seen = w.visits[1].seen[:1] }, downTo("two", 0, 21, 25, exit3, false), exit, end), "two exits"},
		{"two starts", a("always", up(0, 10), upTo("two", 0, 11, 15, true), down(0, 20, exit3), we("crash", 30), func(w *scribe) { w.status = "SIGKILL" }), "another process in the same run"},
		{"up after the exit", a("always", up(0, 10), down(0, 20, exit3), upTo("one", 0, 10, 30, true), we("crash", 30), func(w *scribe) { w.status = "SIGKILL" }), "up after its exit"},
		{"a second final state", a("no", up(0, 10), final(0, 20, exit3), downTo("two", 0, 20, 30, exit3, false), exit, end), "after the final one"},
		{"no final state", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) { w.visits[1].seen = w.visits[1].seen[:1] }, exit, end), "without the final state"},
		{"torn", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) { w.visits[1].end = fmt.Errorf("torn event") }, exit, end), "torn event"},
		{"another final state", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) {
			w.visits[1].seen[1].state = state{"up": false, "restarting": false, "restarts": json.Number("0")}
		}, exit, end), "two final states"},
		{"a late client is told what is old", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) {
			w.visits = append(w.visits, &visit{name: "three", from: at(30), end: io.EOF})
		}, upTo("three", 0, 10, 40, false), downTo("three", 0, 20, 50, exit3, false), exit, end), "others"},
		{"a start after a stop, seen", a("always", up(0, 10), we("stop", 15), hears("up"), upTo("", 0, 10, 15, false), down(0, 20, exit3), up(1, 230), we("crash", 240), func(w *scribe) { w.status = "SIGKILL" }), "restarting after a stop"},
		{"a start after a stop, logged", a("always", up(0, 10), down(0, 20, exit3), we("stop", 50), hears("backing off"), up(1, 230), we("crash", 240), func(w *scribe) { w.status = "SIGKILL" }), "a start of nothing while down"},
		{"down without a reason", a("always", up(0, 10), final(0, 20, exit3), exit, end), "unasked"},
		{"restarted without a reason", a("no", up(0, 10), down(0, 20, exit3), we("crash", 240), func(w *scribe) { w.status = "SIGKILL" }), "under the policy no"},
		{"early", a("always", up(0, 10), down(0, 20, exit3), up(1, 150), we("kill", 300), hears("up"), upTo("", 1, 150, 310, false), final(1, 320, killed9), exit, end), "early"},
		{"an err without a reason", a("no", failed(0, 10, "start container: init: config: no"), ended("1")), "an err without a reason"},
		{"aborted, unasked", a("no", failed(0, 10, "start container: aborted: stop asked"), ended("1")), "an err without a reason"},
		{"killed by nobody", a("no", up(0, 10), final(0, 20, killed9), exit, end), "nobody has sent it"},
		{"killed later", a("no", up(0, 10), final(0, 20, killed9), we("kill command", 30), exit, end), "nobody has sent it"},
		{"killed for run 1, ended run 2", a("always", up(0, 10), we("kill command", 15), down(0, 20, killed9), up(1, 230), down(1, 240, killed9), we("crash", 250), func(w *scribe) { w.status = "SIGKILL" }), "run 2: nobody has sent it"},
		{"TERM that nobody has sent", a("no", up(0, 10), final(0, 20, exit2), exit, end), "nothing ends it so"},
		{"another status", a("no", func(w *scribe) { w.life.nature.status = 4 }, up(0, 10), final(0, 20, exit3), exit, end), "nothing ends it so"},
		{"a lost oom", a("no", eater, up(0, 10), count(0, 1), final(0, 20, killed9), exit, end), "nobody has sent it"},
		{"an oom not counted", a("no", eater, up(0, 10), count(0, 1), final(0, 20, oomed), exit, end), "ooms does not go"},
		{"an oom counted twice", a("always", eater, up(0, 10), count(1, 1), down(0, 20, oomed), count(2, 1), up(1, 230), we("crash", 250), func(w *scribe) { w.status = "SIGKILL" }), "ooms changed between"},
		{"an oom of nobody", a("no", up(0, 10), we("kill command", 15), count(1, 1), final(0, 20, oomed), exit, end), "does not run out of memory"},
		{"a child's taken for its own, though told", a("no", feeder, up(0, 10), count(0, 1), upTo("", 0, 10, 12, false), we("kill command", 15), count(1, 1), final(0, 20, oomed), exit, end), "does not run out of memory"},
		{"run not begun", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) { w.begun = 0 }, exit, end), "0 runs began"},
		{"a run too many", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) { w.begun = 2 }, exit, end), "2 runs began"},
		{"too fast", a("no", up(0, 10), upTo("one", 0, 10, 11, false), upTo("one", 0, 10, 12, false), upTo("one", 0, 10, 13, false), final(0, 20, exit3), exit, end), "5 states"},
		{"ended by nobody", a("no", up(0, 10), final(0, 20, exit3), end), "the supervisor ended with 0"},
		{"ended by what was refused", a("no", up(0, 10), we("exit", 15), final(0, 20, exit3), end), "the supervisor ended with 0"},
		{"TERM without a client", a("no", func(w *scribe) { w.visits = nil }, up(0, 10), we("TERM", 15), hears("up"), final(0, 20, exit3), ended("0")), "the supervisor ended with 0"},
		{"TERM with a client", a("no", up(0, 10), we("TERM", 15), hears("up"), final(0, 20, exit3), ended("143")), "the supervisor ended with 143"},
		{"ended otherwise than it said", a("no", up(0, 10), final(0, 20, exit3), exit, end, func(w *scribe) { w.status = "1" }), "log: ended with 1"},
		{"two exits logged", a("no", up(0, 10), final(0, 20, exit3), func(w *scribe) { w.say(exitLine(0, exit3)) }, exit, end), "an exit of no run"},
	}
	for _, test := range tests {
		err := test.story.wrong()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: wrong() = %v, want %q in:\n%v", test.name, err, test.want, test.story)
		}
	}
}
