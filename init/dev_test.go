package nsinit

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenDevice: a device is known by its number, whatever has its name.
func TestOpenDevice(t *testing.T) {
	dev, err := openDir("/dev")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dev)
	fd, err := openDevice(dev, "null", unix.Mkdev(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if _, err := openDevice(dev, "zero", unix.Mkdev(1, 3)); err != errExchanged {
		t.Errorf("openDevice(another one) = %v, want %v", err, errExchanged)
	}
}
