package shim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
)

// exitWith is a wait status.
func exitWith(status int) unix.WaitStatus { return unix.WaitStatus(status << 8) }

// TestStopRacesOnSyntheticTime: stop, kill, TERM and INT race starts, exits,
// back-off and restarts at random moments, of which many are the same. Once one of
// them has been dealt with nothing is started any more; whatever runs is told;
// and the end comes. TEST_SEED repeats a run.
func TestStopRacesOnSyntheticTime(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("TEST_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	rounds := 10_000
	if os.Getenv("TEST_TIME_FACTOR") != "" { // a slow machine; a kernel has no part in it
		rounds = 1000
	}
	met := map[state]int{}
	for i := range uint64(rounds) {
		synctest.Test(t, func(t *testing.T) { stopRace(t, rand.New(rand.NewPCG(seed, i)), met) })
		if t.Failed() {
			t.Fatalf("in round %d of TEST_SEED=%d", i, seed)
		}
	}
	t.Logf("TEST_SEED=%d; half of the stops met %v", seed, met)
	for _, s := range []state{starting, up, backingOff, restarting} {
		if met[s] < rounds/500 {
			t.Errorf("%d of %d stops met the state %v: not much of a race", met[s], rounds, s)
		}
	}
}

// stopRace is one round: a container that lives for some seconds, all of whose
// times are multiples of 10 ms, and a stop at one of them.
func stopRace(t *testing.T, random *rand.Rand, met map[state]int) {
	ticks := func(r *rand.Rand, n int) time.Duration { return time.Duration(r.IntN(n)) * 10 * time.Millisecond }
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	config := agent.RestartBackoff{Initial: agent.Duration(pick("0", "100ms", "1s")), Max: agent.Duration(pick("1s", "2s"))}
	seed := random.Uint64() // the starts are goroutines of their own
	w := newWorld(t, agent.Restart(pick("always", "always", "on-failure")), config, func(p *fakeProcess) {
		r := rand.New(rand.NewPCG(seed, uint64(p.number)))
		p.startup, p.life, p.dying = ticks(r, 5), ticks(r, 40), ticks(r, 3)
		p.status, p.heeds = exitWith(r.IntN(4)), r.IntN(2) == 0
		p.fails, p.late = r.IntN(20) == 0, r.IntN(2) == 0
	})
	<-time.After(ticks(random, random.IntN(300)+1))
	if random.IntN(3) == 0 { // in the middle of something
		<-time.After(time.Duration(random.IntN(1000)) * time.Microsecond)
	}
	if random.IntN(2) == 0 { // else all that is due now happens with it
		met[w.look().state]++
	}
	asked := pick("stop", "kill", "TERM", "INT")
	w.ask(asked)
	at := time.Now()
	calls, _ := w.snapshot()
	if now := w.look(); now.state.running() {
		p := now.run.child.(*fakeProcess)
		if len(p.signals) != 1 {
			t.Errorf("run %d, there when %s was asked, has got %v", p.number, asked, p.signals)
		}
	}
	<-time.After(ticks(random, 20))
	if random.IntN(2) == 0 {
		w.ask(pick("stop", "kill", "TERM")) // more of it changes nothing
	}
	w.ask("kill") // or a run without a handler would take its time
	<-time.After(time.Minute)
	last := w.look()
	if later, _ := w.snapshot(); later != calls || last.state != down {
		t.Errorf("%d starts after %s, state %v, want none, down", later-calls, asked, last.state)
	}
	w.end()
	w.checkRuns()
	for _, p := range w.runs {
		if p.began.After(at) {
			t.Errorf("run %d was executed %v after %s", p.number, p.began.Sub(at), asked)
		}
	}
}

// checkRuns: the loop has seen each run's end, in order and starts far enough
// apart, and no signal has reached a run but the last.
func (w *world) checkRuns() {
	_, runs := w.snapshot()
	for i, p := range runs {
		if p.number != i+1 || !p.ended {
			w.t.Errorf("run %d of %d: number %d, ended = %v", i+1, len(runs), p.number, p.ended)
		}
		if len(p.signals) > 0 && i < len(runs)-1 {
			w.t.Errorf("run %d has got %v, and run %d came after it", p.number, p.signals, i+2)
		}
		if i > 0 && p.called.Sub(runs[i-1].began) < minBetweenStarts {
			w.t.Errorf("the start of run %d came %v after that of the run before it", i+1, p.called.Sub(runs[i-1].began))
		}
	}
	if w.s.runs != len(runs) {
		w.t.Errorf("the loop knows of %d runs, want %d", w.s.runs, len(runs))
	}
}

// TestLateSuccess: the command of a start that has been given up is killed, should there
// ever be one.
func TestLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartAlways, agent.RestartBackoff{}, func(p *fakeProcess) {
			p.late, p.life = true, time.Hour
			<-time.After(2 * abortPatience)
		})
		synctest.Wait()
		w.ask("stop")
		<-time.After(abortPatience)
		if got := w.look(); got.state != down || got.runs != 0 {
			t.Errorf("%v after %d runs, want down without any", got.state, got.runs)
		}
		<-time.After(2 * abortPatience)
		synctest.Wait()
		if _, runs := w.snapshot(); len(runs) != 1 {
			t.Errorf("%d runs, want 1", len(runs))
		} else if p := runs[0]; !slices.Equal(p.signals, []syscall.Signal{unix.SIGKILL}) || !p.ended {
			t.Errorf("the command has got %v, waited for = %v, want it killed and waited for", p.signals, p.ended)
		}
		w.end()
	})
}

// TestStuckOfLastStart: a step that hung in a start which ended at that very moment is not
// the next start's.
func TestStuckOfLastStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartAlways, agent.RestartBackoff{}, func(p *fakeProcess) { p.life, p.startup = time.Minute, time.Second })
		<-time.After(time.Minute)
		synctest.Wait()
		w.s.starter.stuck = make(chan string, 1)
		w.s.starter.hang("made up")
		w.ask("look") // the loop sees that from here on
		<-time.After(5 * time.Second)
		if got := w.look(); got.state != up || got.runs != 2 || got.err != "" {
			t.Errorf("%v after %d runs, err %q, want up with the second", got.state, got.runs, got.err)
		}
		w.end()
	})
}

// intents are what may have been asked for, and when.
var intents = []struct {
	ask    string
	waits  bool // in the back-off, and not while up
	intent bool
}{
	{ask: "nothing"},
	{"stop", false, true}, {"kill", false, true}, {"TERM", false, true}, {"INT", false, true},
	{"stop", true, true}, {"kill", true, true}, {"TERM", true, true}, {"INT", true, true},
}

// TestRestartTable: policy by kind of exit by intent, all of it.
func TestRestartTable(t *testing.T) {
	const core = 0x80 // WCOREFLAG of wait(2)
	for _, kind := range []struct {
		name    string
		status  unix.WaitStatus
		oom     bool
		want    agent.ContainerExitStatus
		success bool
	}{
		{"exit 0", exitWith(0), false, agent.ContainerExitStatus{Exited: true}, true},
		{"exit 3", exitWith(3), false, agent.ContainerExitStatus{Exited: true, ExitStatus: 3}, false},
		{"exit 137", exitWith(137), false, agent.ContainerExitStatus{Exited: true, ExitStatus: 137}, false},
		{"signal", unix.WaitStatus(unix.SIGKILL), false, agent.ContainerExitStatus{Signaled: true, Signal: 9}, false},
		{"core dumped", unix.WaitStatus(unix.SIGSEGV | core), false, agent.ContainerExitStatus{Signaled: true, Signal: 11}, false},
		{"out of memory", unix.WaitStatus(unix.SIGKILL), true, agent.ContainerExitStatus{OOMed: true}, false},
	} {
		for _, policy := range []agent.Restart{agent.RestartNo, agent.RestartOnFailure, agent.RestartAlways} {
			for _, i := range intents {
				again := policy == agent.RestartAlways || policy == agent.RestartOnFailure && !kind.success
				if i.waits && !again {
					continue // there is no back-off to ask in
				}
				name := fmt.Sprintf("%s, %s, %s asked, in back-off = %v", policy, kind.name, i.ask, i.waits)
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, policy, agent.RestartBackoff{}, func(p *fakeProcess) {
						p.life, p.status, p.oom = time.Second, kind.status, kind.oom
						p.deaf = true // it ends its own way, whatever was asked
					})
					<-time.After(500 * time.Millisecond)
					if i.intent && !i.waits {
						w.ask(i.ask)
					}
					<-time.After(time.Second)
					if i.waits {
						w.ask(i.ask)
					}
					wantState, wantExit := down, kind.want
					if again && !i.intent {
						wantState = backingOff
					}
					if i.ask == "kill" && !i.waits && kind.oom {
						wantExit = agent.ContainerExitStatus{Signaled: true, Signal: 9} // it was us
					}
					if got := w.look(); got.state != wantState || got.exit == nil || *got.exit != wantExit || got.err != "" {
						t.Errorf("%s: %v, %+v, err %q, want %v, %+v", name, got.state, got.exit, got.err, wantState, wantExit)
					}
					w.end()
				})
			}
		}
	}
}

// TestUnknownExit: what could not be observed is neither success
// nor a failure, nor the exit of the run before, and nothing is started on the strength
// of it.
func TestUnknownExit(t *testing.T) {
	for unknown := 1; unknown <= 2; unknown++ {
		synctest.Test(t, func(t *testing.T) {
			runs := 0
			w := newWorld(t, agent.RestartAlways, agent.RestartBackoff{}, func(p *fakeProcess) {
				p.life = time.Second
				if runs++; runs == unknown {
					p.unknown = errors.New("made up")
				}
			})
			<-time.After(time.Minute)
			if got := w.look(); got.state != down || got.exit != nil || got.err == "" {
				t.Errorf("run %d: %v, %+v, err %q, want down with an err and without an exit", unknown, got.state, got.exit, got.err)
			}
			if calls, _ := w.snapshot(); calls != unknown {
				t.Errorf("%d starts, want %d", calls, unknown)
			}
			w.end()
		})
	}
}
