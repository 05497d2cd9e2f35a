package shim

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/syncpipe"
)

// reapPatience is how long a helper that was killed may take to end.
func reapPatience() time.Duration { return syncpipe.Timeout / 2 }

// verdict is an error that has been explained by what is known about one helper: whatever
// is found out about the other one is not its cause.
type verdict struct{ error }

func (v verdict) Unwrap() error { return v.error }

// explain adds to an error what is known about the helper behind it, which it ends.
func (s *starter) explain(r *run, helper process, err error) error {
	if err == nil || helper == nil {
		return err
	}
	stat, unread := helper.readStat()
	unkilled := s.step(r, "kill init", func() error { return errors.Join(helper.signal(unix.SIGKILL), r.thaw()) })
	var status unix.WaitStatus
	unreaped := s.step(r, "reap init", func() (err error) {
		status, err = helper.waitFor(reapPatience())
		return err
	})
	if unreaped != nil {
		r.unended = append(r.unended, helper)
	}
	if v, explained := errors.AsType[verdict](err); explained {
		return v.error
	}
	at := s.stepOf(stat)
	if unkilled == nil && errors.Is(unreaped, os.ErrDeadlineExceeded) && errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("init: %w, and it cannot be killed", errLate(at))
	}
	if unreaped != nil {
		return fmt.Errorf("init: %s: %w; kill init: %w", at, err, cmp.Or(unkilled, unreaped))
	}
	_, told := errors.AsType[*syncpipe.Failed](err)
	switch {
	case told, errors.Is(err, cgroup.ErrTooSmall): // it knows best
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("init: %w", errLate(at))
	case !errors.Is(err, errDied) && (unread != nil || !stat.dying()):
		return err
	}
	// It died before we ended it, whatever it was that failed for that reason.
	if r.anyOOMKill() {
		if limit := s.container.limits.Memory; limit > 0 {
			return fmt.Errorf("init: %s: out of memory: the limit of %d bytes is too small", at, limit)
		}
		return fmt.Errorf("init: %s: out of memory", at)
	}
	if status.Signaled() {
		return fmt.Errorf("init: %s: killed by signal %d (%s)", at, int(status.Signal()), unix.SignalName(status.Signal()))
	}
	hint := ""
	if status.ExitStatus() == 2 {
		hint = " (as the Go runtime does that gets no thread or no memory)"
	}
	return fmt.Errorf("init: %s: exited with status %d%s", at, status.ExitStatus(), hint)
}

// stepOf returns the step that init is in, by its thread name: a mount's is its
// number, and a volume's, while its source is opened.
func (s *starter) stepOf(stat procStat) string {
	name, ok := strings.CutPrefix(stat.name, "/")
	if !ok {
		return "start" // it has not come to any step
	}
	kind, number, _ := strings.Cut(name, " ")
	if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < len(s.container.init.Mounts) {
		switch m := s.container.init.Mounts[i]; kind {
		case "mount":
			return "mount " + m.Dest
		case "volume":
			return "mount " + m.Dest + ": open " + m.Source
		}
	}
	return name
}
