package shim

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// patient is something with a deadline: await ends when what it waits for is there, or
// with an error when the time is over, and happen makes it be there.
type patient struct {
	name   string
	await  func(time.Duration) error
	happen func()
}

// TestStoppedMeanwhile: if this process is stopped for longer than a deadline, what happens
// afterwards is still in time. A slow machine may not begin to stop within the first half,
// or not do all that happens within the second: it is given twice the time then.
func TestStoppedMeanwhile(t *testing.T) {
	const shortest, longest = 600 * time.Millisecond, 9600 * time.Millisecond
	for d := shortest; ; d *= 2 {
		patients := []patient{ringing(), waiting(), receiving(t), sending(t), reaping(t)}
		results := make([]chan error, len(patients))
		var begun sync.WaitGroup
		for i, p := range patients {
			results[i] = make(chan error, 1)
			begun.Add(1)
			go func() {
				begun.Done()
				results[i] <- p.await(d)
			}()
		}
		begun.Wait()
		stopFor(t, d+d/8)
		<-time.After(d / 12) // by then the runtime has seen which time is over
		for _, p := range patients {
			p.happen()
		}
		var all error
		for i, p := range patients {
			if err := <-results[i]; err != nil {
				all = errors.Join(all, fmt.Errorf("%s: %w", p.name, err))
			}
		}
		if all == nil {
			return
		}
		if d == longest {
			t.Fatalf("stopped for longer than the deadline, with each from %v to %v; now: %v", shortest, longest, all)
		}
	}
}

// stopFor stops this process.
func stopFor(t *testing.T, d time.Duration) {
	t.Helper()
	script := fmt.Sprintf("kill -STOP %[1]d; sleep %[2]f; kill -CONT %[1]d", os.Getpid(), d.Seconds())
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("stop: %v %s", err, out)
	}
}

// ringing is an alarm that is to be stopped in time.
func ringing() patient {
	done := make(chan struct{})
	return patient{"alarm", func(d time.Duration) error {
		rung := make(chan struct{}, 1)
		a := newAlarm(d, func() { rung <- struct{}{} })
		<-done
		a.stop()
		if len(rung) > 0 {
			return os.ErrDeadlineExceeded
		}
		return nil
	}, func() { close(done) }}
}

// waiting waits for a channel.
func waiting() patient {
	c := make(chan int, 1)
	return patient{"within", func(d time.Duration) error {
		if _, ok := within(d, c); !ok {
			return os.ErrDeadlineExceeded
		}
		return nil
	}, func() { c <- 1 }}
}

// receiving waits for init's message.
func receiving(t *testing.T) patient {
	p, theirs := testPipe(t)
	return patient{"receive", func(d time.Duration) error {
		p.timeout = d
		_, err := p.receive()
		return err
	}, func() {
		_ = unix.Send(int(theirs.Fd()), []byte(`{"type":"ready"}`), 0) // else nothing is received
	}}
}

// sending waits for room in the pipe.
func sending(t *testing.T) patient {
	p, theirs := testPipe(t)
	packet := make([]byte, 1<<20)
	for err := error(nil); err == nil; err = p.conn.SendPacket(packet) {
		if err := p.conn.SetTimeout(10 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	return patient{"send", func(d time.Duration) error {
		p.timeout = d
		return p.send(syncpipe.Message{Type: syncpipe.TypeProceed}, packet)
	}, func() {
		for err := error(nil); err == nil; _, _, err = unix.Recvfrom(int(theirs.Fd()), packet, unix.MSG_DONTWAIT) {
		}
	}}
}

// reaping waits for the end of a process.
func reaping(t *testing.T) patient {
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(sleeper.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newChild(sleeper.Process.Pid, pidfd, birth{program: &program{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleeper.Process.Kill()
		_, _ = c.wait() // it may have been waited for
		_ = sleeper.Process.Release()
		c.close()
	})
	return patient{"waitFor", func(d time.Duration) error {
		_, err := c.waitFor(d)
		return err
	}, func() { _ = sleeper.Process.Kill() }}
}

// TestStoppedInExec: so it is with an execve that happens meanwhile.
func TestStoppedInExec(t *testing.T) {
	for took, want := range map[time.Duration]error{0: nil, 2 * syncpipe.Timeout: nil, -1: os.ErrDeadlineExceeded} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			p := &pipe{run: &run{child: &executing{took: took}}}
			if err := p.awaitExec(); err != want || err != nil && time.Since(begin) > stepTimeout() {
				t.Errorf("awaitExec() of what executes after %v = %v after %v, want %v", took, err, time.Since(begin), want)
			}
		})
	}
}

// executing is init until somebody has looked at it for a while; with -1, for ever.
type executing struct {
	fakeProcess
	took time.Duration
	seen bool
}

func (p *executing) readStat() (procStat, error) {
	if !p.seen && p.took > 0 {
		<-time.After(p.took)
	}
	return procStat{}, nil
}

func (p *executing) isInit(procStat) bool {
	first := !p.seen
	p.seen = true
	return first || p.took < 0
}
