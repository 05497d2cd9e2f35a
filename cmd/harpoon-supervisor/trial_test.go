package main_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// trial lets one life happen, and writes its story.
type trial struct {
	container  *container
	life       life
	supervisor *supervisor
	crashing   atomic.Bool
	stopped    atomic.Bool // the supervisor, by SIGSTOP
	logFrom    int         // what came before is of other lives
	output     *os.File    // of the command, if nobody is to read it before the end

	mu       sync.Mutex
	story    story
	visitors []*visitor
	frozen   bool // by us, as far as we know
}

// survivors are processes of a crashed life that only the next one ends.
type survivors []*os.File // pidfds

// live makes one life happen, from the start of the supervisor to its end. The
// error says what was wrong, with the whole story. Survivors are those of the
// life before, and of this one.
func (c *container) live(l life, old survivors) (st *story, left survivors, err error) {
	t, err := c.begin(l)
	if err != nil {
		return nil, nil, err
	}
	err = t.run()
	if t.story.crashed() && err == nil {
		left, err = t.remains(len(old) > 0)
	}
	if !t.story.crashed() || err != nil {
		err = errors.Join(err, old.ended(err == nil))
		old = nil
	}
	if err != nil {
		t.destroy() // so that the visits end
	}
	if err = errors.Join(err, t.close()); err == nil {
		err = t.verdict()
	}
	if err != nil {
		t.destroy()
		err = fmt.Errorf("%w\n%v", err, &t.story)
	}
	return &t.story, append(left, old...), err
}

// verdict is what the model says, and what a supervisor that ended in order has
// left behind.
func (t *trial) verdict() error {
	err := t.story.wrong()
	if err == nil && !t.story.crashed() {
		err = errors.Join(t.container.leftovers(), t.supervisor.complaints())
	}
	return err
}

// destroy ends what a failed trial has left. After one that has not failed, what
// is left is the next one's.
func (t *trial) destroy() {
	_ = t.setFrozen(false) // most often it is not
	t.supervisor.destroy()
}

// begin starts the supervisor.
func (c *container) begin(l life) (*trial, error) {
	witness := filepath.Join(c.dir, "witness")
	config, err := agentJSON(l.config(witness))
	if err == nil {
		err = os.MkdirAll(witness, 0o777)
	}
	if err == nil {
		err = os.Chmod(witness, 0o777) // whatever our umask is
	}
	if err == nil {
		err = c.rewrite(string(config))
	}
	if err != nil {
		return nil, err
	}
	t := &trial{container: c, life: l}
	log, _ := os.ReadFile(filepath.Join(c.dir, "supervisor.log")) // none before the first
	t.logFrom = len(log)
	t.story.life, t.story.began = l, time.Now()
	how := launch{command: l.command()}
	if l.unread {
		if t.output, how.stdout, err = os.Pipe(); err != nil {
			return nil, err
		}
		defer how.stdout.Close()
	}
	t.supervisor, err = c.start(how)
	return t, err
}

// run keeps all appointments, and then ends the life.
func (t *trial) run() error {
	var all sync.WaitGroup
	errs := make([]error, len(t.life.visits)+1)
	for i, v := range t.life.visits {
		all.Go(func() { errs[i] = t.visit(fmt.Sprintf("client %d, which %s", i+1, v.what), v) })
	}
	all.Go(func() {
		deeds := slices.Clone(t.life.deeds)
		slices.SortStableFunc(deeds, func(a, b appointment) int { return int(a.at - b.at) })
		for _, d := range deeds {
			t.await(d.at)
			t.do(d.what)
		}
		if t.stopped.Load() { // visitors wait for it
			t.do("continue supervisor")
		}
	})
	all.Wait()
	errs[len(t.life.visits)] = t.finish()
	return errors.Join(errs...)
}

// await waits for a moment. Where all goes slower, moments come later: else
// nothing would ever be met but the first start.
func (t *trial) await(at time.Duration) { <-time.After(time.Until(t.story.began.Add(scaled(at)))) }

// gone reports whether the supervisor has ended.
func (t *trial) gone() bool { return closed(t.supervisor.ended, "") == nil }

// record does something and notes it.
func (t *trial) record(what string, do func() error) error {
	d := deed{what: what, from: time.Now()}
	d.err = do()
	d.to = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.story.deeds = append(t.story.deeds, d)
	return d.err
}

// do does what an appointment says. That it cannot be done any more, or not yet,
// is part of the story.
func (t *trial) do(what string) {
	_ = t.record(what, func() error {
		switch verb, object, _ := strings.Cut(what, " "); {
		case what == "crash":
			t.crashing.Store(true)
			return t.supervisor.signal(syscall.SIGKILL)
		case what == "freeze" || what == "thaw":
			return t.setFrozen(what == "freeze")
		case object == "command":
			return t.container.hit(map[string]syscall.Signal{"kill": unix.SIGKILL, "stop": unix.SIGSTOP, "continue": unix.SIGCONT}[verb])
		case object == "supervisor":
			t.stopped.Store(verb == "stop")
			return t.supervisor.signal(map[string]syscall.Signal{"stop": unix.SIGSTOP, "continue": unix.SIGCONT}[verb])
		}
		n, err := signalNumber(what)
		if err != nil {
			return err
		}
		return t.supervisor.signal(n)
	})
}

// setFrozen does not make the cgroup, as setFrozen does.
func (t *trial) setFrozen(frozen bool) error {
	if len(t.container.cgroup()) == 0 {
		return os.ErrNotExist
	}
	for _, dir := range t.container.cgroup() {
		mount := strings.TrimSuffix(dir, filepath.Join(t.container.parent, t.container.id))
		if file, value := freezerFile(filepath.Clean(mount), frozen); file != "" {
			f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString(value)
			if err == nil {
				t.frozen = frozen
			}
			return errors.Join(err, f.Close())
		}
	}
	return os.ErrNotExist
}

// hit sends a signal to what is in the cgroup now: to init, or to the command
// with all of its own. A pid that is listed after its pidfd was opened is the
// process that the pidfd is of: nobody else's is hit.
func (c *container) hit(signal syscall.Signal) error {
	held, err := c.hold()
	for _, f := range held {
		if e := unix.PidfdSendSignal(int(f.Fd()), signal, nil, 0); e != nil && e != unix.ESRCH {
			err = errors.Join(err, e)
		}
		f.Close()
	}
	if err == nil && len(held) == 0 {
		return os.ErrNotExist
	}
	return err
}

// hold opens pidfds of all processes in the cgroup.
func (c *container) hold() (held []*os.File, err error) {
	for _, pid := range c.processes() {
		n, err := strconv.Atoi(pid)
		if err != nil {
			return held, err
		}
		fd, err := unix.PidfdOpen(n, 0)
		if err == unix.ESRCH {
			continue
		}
		if err != nil {
			return held, os.NewSyscallError("pidfd_open", err)
		}
		f := os.NewFile(uintptr(fd), "pidfd "+pid)
		if !slices.Contains(c.processes(), pid) {
			f.Close()
			continue
		}
		held = append(held, f)
	}
	return held, nil
}

// remains is for after a crash: within a second nothing of the container is left,
// but a command that has disarmed itself, or that is frozen, or what is left of
// an older life: this one may not have come to ending that.
func (t *trial) remains(older bool) (survivors, error) {
	if t.life.nature.disarmed || t.frozen || older {
		return t.container.hold()
	}
	return nil, poll(time.Second, func() error {
		if pids := t.container.processes(); len(pids) > 0 {
			return fmt.Errorf("a second after the crash there are still %q", pids)
		}
		return closed(t.supervisor.output.end, "a second after the crash somebody still holds stdout")
	})
}

// ended looks whether they have been ended, as every supervisor does before it
// starts anything, and lets go of them.
func (left survivors) ended(must bool) (err error) {
	for _, f := range left {
		if must && err == nil {
			err = poll(time.Second, func() error {
				ready := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
				n, err := unix.Poll(ready, 0)
				if n == 0 {
					return fmt.Errorf("%s of a crashed supervisor's container is still alive", f.Name())
				}
				return err
			})
		}
		f.Close()
	}
	return err
}
