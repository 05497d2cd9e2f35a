package shim

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
)

// world drives a real loop whose container is made up: it has no process and no
// cgroup. It lives in a bubble of testing/synctest, where waiting takes no time.
type world struct {
	t      *testing.T
	s      *supervisor
	served chan struct{} // closed when the loop has ended
	// next says what the next run is like; its number is set.
	next func(p *fakeProcess)

	mu    sync.Mutex
	calls int            // of start
	runs  []*fakeProcess // that have executed
}

// newWorld starts a loop.
func newWorld(t *testing.T, policy agent.Restart, config agent.RestartBackoff, next func(*fakeProcess)) *world {
	w := &world{t: t, served: make(chan struct{}), next: next}
	w.s = newSupervisor(runDir{}, slog.New(slog.NewTextHandler(w, nil)))
	w.s.signals = signals{end: make(chan os.Signal, 2), others: make(chan os.Signal, 1)}
	w.s.starter = &starter{container: &container{restart: policy}}
	w.s.backoff = newBackoff(config)
	w.s.start = w.start
	w.s.look = func(func()) dirLook { return dirLook{published: true, unwatch: func() {}} }
	go func() {
		defer close(w.served)
		w.s.startRun()
		w.s.loop()
		<-w.s.cleared
	}()
	return w
}

// Write takes the log: nothing may happen that cannot.
func (w *world) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`msg="internal error`)) {
		w.t.Errorf("logged: %s", line)
	}
	return len(line), nil
}

// start is what the starter does: it takes time, and executes nothing once it
// has been aborted.
func (w *world) start(ctx context.Context, number int) (*run, error) {
	p := &fakeProcess{number: number, fatal: make(chan syscall.Signal, 1), called: time.Now()}
	r := &run{number: number, group: p, child: p}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	w.mu.Lock()
	w.calls++
	w.next(p)
	w.mu.Unlock()
	select {
	case <-time.After(p.startup):
	case <-ctx.Done():
	}
	if ctx.Err() != nil && !p.late {
		return r, context.Cause(ctx)
	}
	if p.fails {
		return r, errors.New("start container: made up")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = append(w.runs, p)
	p.began = time.Now()
	return r, nil
}

// ask is what a client or a signal asks for; it returns when that has been done.
func (w *world) ask(what string) {
	switch what {
	case "TERM", "INT":
		w.s.signals.end <- unix.SignalNum("SIG" + what)
	default:
		select {
		case w.s.commands <- command{&client{}, what}:
		case <-w.served:
		}
	}
	synctest.Wait()
}

// look returns what the loop knows, when there is nothing to be done. What the
// loop does later comes after it: the command that means nothing sees to that.
func (w *world) look() record {
	synctest.Wait()
	seen := w.s.record
	w.ask("look")
	return seen
}

// watches reports whether the loop has its directory watched, as look does.
func (w *world) watches() bool {
	synctest.Wait()
	defer w.ask("look")
	return w.s.stopWatch != nil
}

// snapshot returns how often start has been called, and the runs.
func (w *world) snapshot() (int, []*fakeProcess) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls, w.runs
}

// end ends the loop, for which a stop must be enough. Nothing of any run is left then.
func (w *world) end() {
	w.ask("TERM")
	w.ask("kill")
	select {
	case <-w.served:
	case <-time.After(time.Hour):
		panic("the loop does not end: " + w.look().state.String()) // it would go on for ever
	}
	synctest.Wait() // for whoever looks at the directory
	w.s.unwatch()
	for _, p := range w.runs {
		if !p.closed || !p.removed {
			w.t.Errorf("run %d has not been cleared", p.number)
		}
	}
}

// fakeProcess is a command and its cgroup, which both are only times and numbers.
type fakeProcess struct {
	number  int
	called  time.Time       // the start
	began   time.Time       // the exec
	startup time.Duration   // until the exec
	fails   bool            // instead of the exec
	late    bool            // an abort comes too late
	life    time.Duration   // until it ends by itself, and how:
	status  unix.WaitStatus // as wait(2) has it
	unknown error           // in place of the status
	oom     bool            // the kernel counts a kill for memory as it ends
	heeds   bool            // it ends when it gets a TERM, with status 0
	deaf    bool            // it does not even end when it gets a KILL
	dying   time.Duration   // from a signal to the end
	kills   time.Duration   // between two kills for memory, if there are any
	stat    procStat
	scans   int   // looks at all threads
	lifted  bool  // the CPU limit
	closed  bool  // the child
	removed bool  // the cgroup, which
	stays   error // if it cannot be

	fatal   chan syscall.Signal
	mu      sync.Mutex
	ended   bool // and known to be
	killed  uint64
	signals []syscall.Signal
}

func (p *fakeProcess) id() int              { return 1000 + p.number }
func (p *fakeProcess) isInit(procStat) bool { return false }
func (p *fakeProcess) close()               { p.closed = true }

func (p *fakeProcess) readStat() (procStat, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stat := p.stat
	if p.heeds {
		stat.caught |= bit(unix.SIGTERM)
	}
	return stat, nil
}

func (p *fakeProcess) setHeeds(heeds bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heeds = heeds
}

func (p *fakeProcess) waitFor(time.Duration) (unix.WaitStatus, error) { return p.wait() }

func (p *fakeProcess) wait() (unix.WaitStatus, error) {
	status := p.status
	select {
	case <-time.After(p.life):
	case signal := <-p.fatal:
		<-time.After(p.dying)
		if status = 0; signal == unix.SIGKILL {
			status = unix.WaitStatus(unix.SIGKILL)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended = true; p.oom {
		p.killed++
	}
	return status, p.unknown
}

func (p *fakeProcess) signal(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signals = append(p.signals, signal)
	if !p.deaf && (signal == unix.SIGKILL || p.heeds) {
		select {
		case p.fatal <- signal:
		default: // it is dying already
		}
	}
	return nil
}

func (p *fakeProcess) FD() int                             { return -1 }
func (p *fakeProcess) Tasks() []*os.File                   { return nil }
func (p *fakeProcess) OpenProcs() (*os.File, error)        { return nil, cgroup.ErrNoController }
func (p *fakeProcess) SetLimits(cgroup.Limits) error       { return nil }
func (p *fakeProcess) WatchOOM() (*cgroup.OOMWatch, error) { return nil, cgroup.ErrNoController }
func (p *fakeProcess) Stats(*cgroup.Stats) error           { return cgroup.ErrNoController }
func (p *fakeProcess) Thaw() error                         { return nil }
func (p *fakeProcess) LiftCPU() error                      { p.lifted = true; return nil }
func (p *fakeProcess) Kill() error                         { return nil }
func (p *fakeProcess) Remove() error                       { p.removed = true; return p.stays }
func (p *fakeProcess) Runnable() (bool, error) {
	p.scans++
	return p.kills > 0, nil
}

func (p *fakeProcess) OOMKills() (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kills > 0 {
		return uint64(time.Since(p.began) / p.kills), nil
	}
	return p.killed, nil
}
