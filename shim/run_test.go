package shim

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
)

// TestWatchOOM: a kernel need not notify, for the counter is looked at anyway.
func TestWatchOOM(t *testing.T) {
	for _, test := range []struct{ watch, want error }{
		{cgroup.ErrNoController, nil},
		{unix.EOPNOTSUPP, nil},
		{unix.EMFILE, unix.EMFILE},
	} {
		process := &fakeProcess{killed: 3}
		r := run{group: unwatched{process, fmt.Errorf("watch memory: %w", test.watch)}}
		if err := r.watchOOM(); !errors.Is(err, test.want) {
			t.Errorf("watchOOM() = %v without a watch for %v, want %v", err, test.watch, test.want)
		}
		if want := uint64(3); test.watch == unix.EOPNOTSUPP && r.kills.others != want {
			t.Errorf("%d kills before the run, want %d", r.kills.others, want)
		}
	}
}

// unwatched is a group that cannot be watched.
type unwatched struct {
	*fakeProcess
	why error
}

func (u unwatched) WatchOOM() (*cgroup.OOMWatch, error) { return nil, u.why }

func TestKillCounter(t *testing.T) {
	// Each look finds a value of the counter, and the command well or not a
	// moment later.
	type look struct {
		value uint64
		well  bool
	}
	for _, test := range []struct {
		name  string
		looks []look
		final uint64
		want  bool // the command itself was killed for memory
	}{
		{"never killed", nil, 0, false},
		{"killed before any look", nil, 1, true},
		{"a child, before", []look{{0, true}, {1, true}}, 1, false},
		{"a child, then the command", []look{{1, true}}, 2, true},
		{"two children, then the command by hand", []look{{1, true}, {2, true}}, 2, false},
		{"the command, seen while it died", []look{{0, true}, {1, false}, {1, false}}, 1, true},
		{"a child, and the command at once", []look{{1, false}}, 1, true},
	} {
		synctest.Test(t, func(t *testing.T) { // the waits take no time
			var k killCounter
			for _, l := range test.looks {
				k.follow(func() (uint64, error) { return l.value, nil }, func() bool { return l.well }, func() bool { return false })
			}
			if got := test.final > k.others; got != test.want {
				t.Errorf("%s: killed for memory = %v, want %v", test.name, got, test.want)
			}
		})
	}
}

// follow looks until nothing is in question.
func (k *killCounter) follow(read func() (uint64, error), well, runnable func() bool) {
	for {
		pause := k.look(read, well, runnable)
		if pause == 0 {
			return
		}
		<-time.After(pause)
	}
}

// TestKillerGetsCPU: the killer may get the CPU between two of the looks.
func TestKillerGetsCPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k killCounter
		killed := false
		k.follow(func() (uint64, error) { return 1, nil }, func() bool { return !killed }, func() bool {
			killed = true
			return false
		})
		if k.others != 0 {
			t.Error("the kill of the command is taken for somebody else's")
		}
	})
}

// TestMainThreadEnded: a command whose main thread has ended by itself, and whose others
// go on, is well; and so it is told of its children's kills.
func TestMainThreadEnded(t *testing.T) {
	const exiting = 0x4
	for _, test := range []struct {
		stat   procStat
		others uint64
	}{
		{procStat{state: 'Z', flags: exiting}, 3},
		{procStat{state: 'Z', flags: exiting, exit: 9}, 0},
		{procStat{state: 'Z', flags: exiting, pending: 1 << 8}, 0},
		{procStat{state: 'R', flags: exiting}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &fakeProcess{killed: 3, stat: test.stat}
			r := run{group: p, child: p}
			for pause := r.judgeKills(); pause > 0; pause = r.judgeKills() {
				<-time.After(pause)
			}
			if r.kills.others != test.others {
				t.Errorf("%+v: %d kills are known to be others', want %d", test.stat, r.kills.others, test.others)
			}
		})
	}
}

// TestKillerWaitsForCPU: for as long as the kernel's killer may be waiting for a CPU a
// kill may be that of the command.
func TestKillerWaitsForCPU(t *testing.T) {
	const never = time.Hour
	for _, test := range []struct {
		dies, idle time.Duration // from the kill on
		least      time.Duration // until that is known
		others     uint64
	}{
		{never, 0, settleTime, 1},
		{never, 60 * time.Millisecond, 60 * time.Millisecond, 1},
		{never, never, settleMost, 1},
		{60 * time.Millisecond, never, 60 * time.Millisecond, 0},
		{60 * time.Millisecond, 0, settleTime, 1},
		{0, never, settlePause, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var k killCounter
			k.follow(func() (uint64, error) { return 1, nil },
				func() bool { return time.Since(begin) < test.dies }, func() bool { return time.Since(begin) < test.idle })
			most := min(test.least+test.least/2, settleMost)
			if took := time.Since(begin); took < test.least || took > most || k.others != test.others {
				t.Errorf("%+v: took %v, others %d", test, took, k.others)
			}
		})
	}
}

// TestKillsHoldUpNobody: however often the kernel kills for memory, and however busy the
// container is, the loop has time for everybody else, and does not look at the threads
// all the time.
func TestKillsHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agent.RestartAlways, agent.RestartBackoff{}, func(p *fakeProcess) {
			p.life, p.kills = time.Hour, time.Millisecond
		})
		<-time.After(time.Second)
		for range 1000 {
			w.s.hints <- struct{}{}
			begin := time.Now()
			w.ask("look")
			if took := time.Since(begin); took != 0 {
				t.Fatalf("the loop has waited for %v", took)
			}
			<-time.After(time.Millisecond)
		}
		w.end()
		if scans := w.runs[0].scans; scans > 200 {
			t.Errorf("%d looks at all threads in a second", scans)
		}
	})
}

// stormy returns a supervisor whose container is up and has processes killed for memory,
// with a client.
func stormy(t *testing.T) (*supervisor, *fakeProcess, audience) {
	s := upSupervisor(t)
	storm := &fakeProcess{number: 1}
	s.run.child = storm
	s.run.group = killing{s.run.group, storm}
	return s, storm, s.addAudience(t)
}

// TestKillsAreToldLate: whoever is told of a kill can rely on it that this was not the
// command's. A client need not wait for its state until that is known, but is told the
// answer then, and never late.
func TestKillsAreToldLate(t *testing.T) {
	s, storm, first := stormy(t)
	synctest.Test(t, func(t *testing.T) {
		storm.began = time.Now()
		for _, kills := range []time.Duration{time.Minute, time.Millisecond} { // between two
			storm.kills = kills
			<-time.After(2 * kills)
			before := s.run.kills.others
			s.onTick()
			first.pass(t)
			if told := *s.meter.last.OOMKills; told != before {
				t.Errorf("with a kill each %v told of %d at once, known are %d", kills, told, before)
			}
			for asked := time.Now(); s.owing; {
				if <-s.question; time.Since(asked) > 2*settleMost {
					t.Fatalf("with a kill each %v no answer for %v", kills, time.Since(asked))
				}
				s.question = nil
				s.answer()
			}
			told, known := *s.meter.last.OOMKills, s.run.kills.others
			if counter, _ := storm.OOMKills(); told != known || told == before || told > counter {
				t.Errorf("with a kill each %v told of %d, known not to be the command's %d, of %d", kills, told, known, counter)
			}
			first.pass(t)
		}
	})
}

// killing is a cgroup whose kills are made up.
type killing struct {
	group
	storm *fakeProcess
}

func (k killing) OOMKills() (uint64, error) { return k.storm.OOMKills() }
func (k killing) Runnable() (bool, error)   { return k.storm.Runnable() }

func (k killing) Stats(s *cgroup.Stats) error {
	err := k.group.Stats(s)
	kills, _ := k.storm.OOMKills()
	s.Set(cgroup.OOMKills, kills)
	return err
}

// TestKillLiftsCPU: what has been killed is freed from its CPU limit at once.
func TestKillLiftsCPU(t *testing.T) {
	p := &fakeProcess{}
	r := &run{group: p, child: p, ended: make(chan struct{}), killing: make(chan struct{})}
	close(r.ended)
	r.killAll()
	if !p.lifted {
		t.Error("killAll() has not lifted the CPU limit")
	}
}

// TestKillAgain: the cgroup is killed until the command's end is known, however often
// somebody holds that up.
func TestKillAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const kills = 10
		p := &stubborn{left: kills}
		r := &run{group: p, child: p, ended: make(chan struct{}), killing: make(chan struct{})}
		p.died = func() { close(r.ended) }
		begin := time.Now()
		r.killAll()
		if took := time.Since(begin); p.left != 0 || took > kills*killPause {
			t.Errorf("%d of %d kills left after %v", p.left, kills, took)
		}
	})
}

// stubborn is a cgroup of which so many kills are needed, and its command.
type stubborn struct {
	fakeProcess
	left int
	died func()
}

func (p *stubborn) Kill() error {
	if p.left--; p.left == 0 {
		p.died()
	}
	return nil
}

// TestClearUnended: of helpers that were killed, and did not end in time, nothing is held
// once the run has been cleared.
func TestClearUnended(t *testing.T) {
	child, outfitter := &fakeProcess{}, &fakeProcess{}
	r := &run{child: child, unended: []process{child, outfitter}}
	if err := r.clear(); err != nil {
		t.Fatal(err)
	}
	if !child.closed || !outfitter.closed {
		t.Errorf("closed: init %v, outfitter %v, want both", child.closed, outfitter.closed)
	}
}
