package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// life is what happens to one supervisor: what it is given, who visits it, what
// is done to it, and how it ends. All of it is known before it begins.
type life struct {
	policy  string
	limit   int           // of restarts in a row, 0 for none
	initial time.Duration // delay before the first restart
	mem     int           // MiB
	pids    int
	network string
	unread  bool // nobody reads the command's output before the end
	nature  nature
	visits  []appointment // a client comes
	deeds   []appointment // something is done to the processes or the cgroup
	ending  string
}

// appointment is something that is done at a moment after the supervisor's
// start. A visitor has others, for what it sends, and may leave.
type appointment struct {
	at    time.Duration
	what  string
	sends []appointment
	leave time.Duration // 0: never
}

// nature is what a command does by itself, which the model has to know.
type nature struct {
	words    []string // of the workload
	status   int      // it exits with; -1: it does not exit
	onTerm   bool     // and only when it is asked to
	signal   int      // it dies of by itself
	eats     bool     // until it is out of memory
	feeds    bool     // a child of its that does so
	disarmed bool     // it outlives its supervisor
	missing  bool     // it is not there
}

// dice makes choices.
type dice struct{ *rand.Rand }

func (d dice) pick(words ...string) string { return words[d.IntN(len(words))] }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// moment is during the start, soon after it, or later.
func (d dice) moment() time.Duration {
	most := []time.Duration{20 * time.Millisecond, 150 * time.Millisecond, 900 * time.Millisecond}[d.IntN(3)]
	return time.Duration(d.Int64N(int64(most))).Truncate(time.Microsecond)
}

// newPlan returns the lives of a container, a function of seed and round.
func newPlan(seed, round uint64) []life {
	d := dice{rand.New(rand.NewPCG(seed, round))}
	lives := make([]life, 1+d.IntN(2)+d.IntN(2))
	for i := range lives {
		lives[i] = d.life()
	}
	return lives
}

func (d dice) life() life {
	l := life{
		policy:  d.pick("no", "on-failure", "always"),
		limit:   d.IntN(3) * d.IntN(2),
		initial: time.Duration(d.IntN(300)) * time.Millisecond,
		network: d.pick("host", "host", "none"),
		nature:  d.nature(),
		ending:  d.pick("exit", "exit", "stop", "stop", "TERM", "INT", "crash", "crash"),
	}
	if l.nature.eats || l.nature.feeds {
		l.mem = 16 + d.IntN(17)
	}
	if l.nature.words[0] == "storm" {
		l.pids = 256
	}
	l.unread = l.nature.words[0] == "flood"
	for range d.IntN(4) {
		l.visits = append(l.visits, d.visit())
	}
	for range d.IntN(4) {
		l.deeds = append(l.deeds, d.deed()...)
	}
	if l.nature.feeds && d.chance(50) {
		// Somebody is told of the child's end, and the command's comes later.
		told := 100*time.Millisecond + d.moment()/4
		l.visits = append(l.visits, appointment{at: told, what: "reads"})
		l.deeds = append(l.deeds, appointment{at: told + d.moment()/4, what: "kill command"})
	}
	if l.ending == "crash" {
		l.deeds = append(l.deeds, appointment{at: d.moment(), what: "crash"})
	}
	return l
}

func (d dice) nature() nature {
	status := d.IntN(2) * d.IntN(256)
	exit, soon := []string{"exit", strconv.Itoa(status)}, fmt.Sprint(d.moment())
	does := func(words ...string) nature {
		return nature{words: append(append(words, "then"), exit...), status: status}
	}
	stays := func(words ...string) nature { return nature{words: words, status: -1} }
	switch d.IntN(14) {
	case 0, 1:
		return nature{words: exit, status: status}
	case 2:
		return does("sleep", soon)
	case 3:
		return nature{words: []string{"sleep", soon, "then", "crash"}, status: -1, signal: 11}
	case 4:
		return nature{words: []string{"until-term", exit[1]}, status: status, onTerm: true}
	case 5:
		return stays("ignore-term")
	case 6:
		return does("storm", strconv.Itoa(d.IntN(100)), "then", "sleep", soon)
	case 7:
		return does("spawn", strconv.Itoa(d.IntN(5)), "then", "sleep", soon)
	case 8:
		return nature{words: []string{"storm", "30", "then", "spawn", "2", "then", "until-term", exit[1]}, status: status, onTerm: true}
	case 9:
		return nature{words: []string{"eat", "256"}, status: -1, eats: true}
	case 10:
		return nature{words: []string{"sleep", soon, "then", "eat", "256"}, status: -1, eats: true}
	case 11:
		return nature{words: []string{"eat-child", "256", "then", "until-term", exit[1]}, status: status, onTerm: true, feeds: true}
	case 12:
		return stays("flood")
	}
	if d.chance(30) {
		return nature{words: []string{"missing"}, status: -1, missing: true}
	}
	return nature{words: []string{"disarm", "then", "spawn", "1", "then", "storm", "5", "then", "ignore-term"}, status: -1, disarmed: true}
}

// visit is a client: one that reads, one that does so and leaves, one that does
// not read, one that has half closed, one that floods, one that sends garbage.
func (d dice) visit() appointment {
	v := appointment{at: d.moment(), what: d.pick("reads", "reads", "leaves", "deaf", "half", "floods", "garbage")}
	if v.what == "leaves" {
		v.leave = d.moment()
	}
	if v.what == "reads" || v.what == "leaves" || v.what == "deaf" {
		for range d.IntN(3) {
			v.sends = append(v.sends, appointment{at: d.moment(), what: d.pick("stop", "stop", "kill", "exit", "dance")})
		}
	}
	return v
}

// deed is something done from outside, with what undoes it, mostly.
func (d dice) deed() []appointment {
	at := d.moment()
	one := func(what string) []appointment { return []appointment{{at: at, what: what}} }
	pair := func(what, undo string) []appointment {
		both := append(one(what), appointment{at: at + d.moment()/2, what: undo})
		return both[:1+min(1, d.IntN(4))]
	}
	switch d.IntN(8) {
	case 0:
		return one(d.pick("TERM", "INT"))
	case 1:
		return one(d.pick("HUP", "USR1", "WINCH", "PIPE"))
	case 2, 3:
		return one("kill command")
	case 4:
		return pair("stop command", "continue command")
	case 5:
		return pair("stop supervisor", "continue supervisor")
	}
	return pair("freeze", "thaw")
}

// config returns the fields of the agent.json.
func (l life) config(witness string) string {
	config := map[string]any{
		"restart":         l.policy,
		"network":         l.network,
		"resources":       map[string]any{"mem": l.mem, "pids": l.pids},
		"storage":         map[string]any{"volumes": map[string]string{"/witness": witness}},
		"restart_backoff": map[string]any{"initial": fmt.Sprint(l.initial), "max": "400ms", "limit": l.limit},
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

// command returns the command line. The first thing that a run does is to say
// that there is one.
func (l life) command() []string {
	if l.nature.missing {
		return []string{"/bin/missing"}
	}
	return append([]string{"/bin/workload", "write", "/witness/runs", "begun", "then"}, l.nature.words...)
}

func (l life) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "policy %s, limit %d, initial %v, mem %d, pids %d, network %s: %s\n", l.policy, l.limit, l.initial, l.mem, l.pids, l.network, strings.Join(l.nature.words, " "))
	for _, v := range l.visits {
		fmt.Fprintf(&b, "\t%v client %s", v.at, v.what)
		for _, s := range v.sends {
			fmt.Fprintf(&b, ", %s at %v", s.what, s.at)
		}
		if v.leave > 0 {
			fmt.Fprintf(&b, " until %v", v.leave)
		}
		b.WriteByte('\n')
	}
	for _, deed := range l.deeds {
		fmt.Fprintf(&b, "\t%v %s\n", deed.at, deed.what)
	}
	fmt.Fprintf(&b, "\tand at the end %s", l.ending)
	return b.String()
}

// TestPlan: a plan is a function of seed and round, and plans differ enough for
// everything to be tried.
func TestPlan(t *testing.T) {
	seen := map[string]int{}
	for round := range uint64(500) {
		plan := newPlan(7, round)
		if again := newPlan(7, round); fmt.Sprint(plan) != fmt.Sprint(again) {
			t.Fatalf("newPlan(7, %d) is one time %v, another %v", round, plan, again)
		}
		for _, l := range plan {
			seen[l.policy]++
			seen[l.ending]++
			seen["mem"] += l.mem
			seen[l.nature.words[0]]++
			for _, v := range l.visits {
				seen[v.what]++
				for _, s := range v.sends {
					seen[s.what]++
				}
			}
			for _, deed := range l.deeds {
				seen[deed.what]++
			}
		}
	}
	for _, what := range strings.Fields("no on-failure always exit stop TERM INT crash mem sleep storm spawn eat eat-child flood missing disarm" +
		" reads leaves deaf half floods garbage kill dance HUP freeze thaw until-term ignore-term") {
		if seen[what] == 0 {
			t.Errorf("no plan of 500 has %q", what)
		}
	}
	if one, other := newPlan(1, 0), newPlan(2, 0); fmt.Sprint(one) == fmt.Sprint(other) {
		t.Error("newPlan(1, 0) = newPlan(2, 0)")
	}
}
