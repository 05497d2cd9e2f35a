package syncpipe

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWaitsEnd(t *testing.T) {
	shim, child := pair(t)
	if err := shim.SetTimeout(time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if _, err := shim.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("shim: Receive() = %v, want a timeout", err)
	}
	timeout := unix.NsecToTimeval(int64(time.Millisecond))
	if err := unix.SetsockoptTimeval(int(child.file.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		t.Fatal(err)
	}
	if _, err := child.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("init: Receive() = %v, want a timeout", err)
	}
	if err := shim.SetTimeout(time.Hour); err != nil {
		t.Fatal(err)
	}
	interrupted := make(chan error)
	go func() {
		_, err := shim.Receive()
		interrupted <- err
	}()
	shim.Interrupt()
	if err := <-interrupted; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Receive() interrupted = %v, want a timeout", err)
	}
}

// TestSignalsInterruptNoWait: a signal to who waits, as when it is stopped and goes on, is
// no answer.
func TestSignalsInterruptNoWait(t *testing.T) {
	shim, child := pair(t)
	timeout := unix.NsecToTimeval(int64(time.Hour)) // with one, the kernel goes on with no call (signal(7))
	if err := unix.SetsockoptTimeval(int(child.file.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		t.Fatal(err)
	}
	thread, received := make(chan int), make(chan error)
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		_, err := child.Expect(TypeProceed)
		received <- err
	}()
	for id, sent := <-thread, 0; ; sent++ {
		if sent == 20 {
			if err := shim.Send(Message{Type: TypeProceed}); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case err := <-received:
			if err != nil || sent < 20 {
				t.Errorf("Expect() = %v after %d signals, want nil after 20", err, sent)
			}
			return
		case <-time.After(time.Millisecond):
			if err := unix.Tgkill(os.Getpid(), id, unix.SIGURG); err != nil { // which the runtime takes for its own
				t.Fatal(err)
			}
		}
	}
}
