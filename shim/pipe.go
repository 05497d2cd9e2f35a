package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/syncpipe"
)

// errDied is the end of the pipe where it does not belong.
var errDied = errors.New("init died")

// pipe is the shim's end of the sync pipe, with the trace.
type pipe struct {
	ctx   context.Context // of the start
	conn  *syncpipe.Conn
	run   *run
	trace *tracer
	// outfitter is at the other end, or nil: then it is init.
	outfitter process
	// timeout is syncpipe.Timeout, but for tests.
	timeout time.Duration
	late    func(string) // is told of a call that does not keep its deadline
}

// helper names the other end, in the trace.
func (p *pipe) helper() string {
	if p.outfitter != nil {
		return "outfitter"
	}
	return "init"
}

// arm sets the deadline of the next call, of which there are two, as in an alarm. The
// context is looked at afterwards: so the deadline that an abort sets is never overwritten
// without being seen.
func (p *pipe) arm() error {
	if err := p.conn.SetTimeout(p.timeout / 2); err != nil {
		return err
	}
	return p.ctx.Err()
}

func (p *pipe) send(m syncpipe.Message, packet []byte, tasks ...*os.File) error {
	start := p.trace.now()
	var err error
	for range 2 {
		if err := p.arm(); err != nil {
			return err
		}
		watch("send "+string(m.Type), p.late, func() { err = p.conn.SendPacket(packet, tasks...) })
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	p.trace.message(p.run.number, "shim", p.helper(), &m, start)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		// What it had to say is still to be read.
		if _, last := p.receive(); last != nil && last != io.EOF {
			return last
		}
		return errDied
	}
	return err
}

// receive reads the next message that is not a step, or io.EOF. It has one
// deadline for all of them: init, which is not trusted, could go on for ever with
// steps.
func (p *pipe) receive() (syncpipe.Type, error) {
	if err := p.arm(); err != nil {
		return "", err
	}
	half := false
	for {
		start := p.trace.now()
		var m syncpipe.Message
		var err error
		watch("receive", p.late, func() { m, err = p.conn.Receive() })
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !half:
			half = true
			if err := p.arm(); err != nil {
				return "", err
			}
			continue
		case err == io.EOF:
			p.trace.message(p.run.number, p.helper(), "shim", nil, start)
			return "", err
		case err != nil:
			return "", err
		}
		p.trace.message(p.run.number, p.helper(), "shim", &m, start)
		switch {
		case m.Type == syncpipe.TypeStep && p.trace != nil:
			p.trace.initStep(p.run.number, cmp.Or(p.outfitter, p.run.child).id(), m.Step)
		case m.Type == syncpipe.TypeFailed:
			return "", m.Failed
		default:
			return m.Type, nil
		}
	}
}

// cause returns what init has said before it died, if that is why a step of this
// half has failed, which found no such process.
func (p *pipe) cause(err error) error {
	if _, explained := errors.AsType[verdict](err); explained || err == nil || p.run.child == nil {
		return err
	}
	if stat, unread := p.run.child.readStat(); unread != nil || !stat.dying() {
		return err
	}
	_, last := p.receive()
	if said, ok := errors.AsType[*syncpipe.Failed](last); ok {
		return said
	}
	return err
}

func (p *pipe) awaitReady() error {
	got, err := p.receive()
	switch {
	case err == io.EOF:
		return errDied
	case err != nil:
		return err
	case got != syncpipe.TypeReady:
		return fmt.Errorf("sync pipe: got message %q, want %q", got, syncpipe.TypeReady)
	}
	return nil
}

// proceed lets init execute the command and finds out whether it did.
func (p *pipe) proceed() error {
	m := syncpipe.Message{Type: syncpipe.TypeProceed}
	packet, err := p.conn.Encode(m)
	if err != nil {
		return err
	}
	if err := p.send(m, packet); err != nil {
		return err
	}
	got, err := p.receive()
	switch {
	case err == nil:
		return fmt.Errorf("sync pipe: got message %q, want the end", got)
	case err == io.EOF:
		return p.awaitExec()
	case p.ctx.Err() != nil:
		// Aborted; but if the command runs already, it gets the signal itself.
		if stat, unread := p.run.child.readStat(); unread == nil && !p.run.child.isInit(stat) {
			return nil
		}
	}
	return err
}

// awaitExec tells the two reasons for EOF apart. The kernel closes the pipe a
// moment before it renames the process (begin_new_exec), hence the loop.
func (p *pipe) awaitExec() error {
	for range 2 {
		for end := time.Now().Add(syncpipe.Timeout / 2); time.Now().Before(end); time.Sleep(50 * time.Microsecond) {
			stat, err := p.run.child.readStat()
			switch {
			case err != nil:
				return err
			case !p.run.child.isInit(stat):
				return nil
			case stat.dead():
				return errDied
			}
		}
	}
	return os.ErrDeadlineExceeded
}
