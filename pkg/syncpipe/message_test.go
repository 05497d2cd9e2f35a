package syncpipe

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// TestBare: the messages without a body are what package json would make of them.
func TestBare(t *testing.T) {
	for _, want := range []Message{{Type: TypeReady}, {Type: TypeProceed}} {
		text, err := json.Marshal(want)
		packet, unencoded := want.encode()
		if err != nil || unencoded != nil || !bytes.Equal(packet, text) {
			t.Errorf("encode(%s) = %s, %v, want %s, %v", want.Type, packet, unencoded, text, err)
		}
		if got, err := decode(text); err != nil || got.Type != want.Type {
			t.Errorf("decode(%s) = %v, %v", text, got, err)
		}
	}
}

// TestLarge: whatever is not large fits, even where each byte grows as much as one
// can.
func TestLarge(t *testing.T) {
	const least = 212960
	for size := 16; size < 8*least; size += size / 8 {
		worst := strings.Repeat("\x01", size)
		for _, c := range []*Config{
			{Hostname: worst}, {WorkingDir: worst, NetNS: worst}, {Mounts: []Mount{{Source: worst, Dest: worst, Size: 1 << 63}}},
			{Argv: [][]byte{[]byte(worst)}}, {Env: bytes.SplitAfter([]byte(worst), []byte("\x01"))}, {Mounts: make([]Mount, size/8)},
			{Argv: make([][]byte, size/2)}, // of no bytes each
		} {
			packet, err := Message{Type: TypeConfig, Config: c}.encode()
			if err != nil {
				t.Fatal(err)
			}
			if !c.Large() && len(packet) > least {
				t.Errorf("a configuration of %d bytes as a message is not large", len(packet))
			}
		}
	}
	if (&Config{Argv: [][]byte{make([]byte, 10000)}}).Large() {
		t.Error("an ordinary configuration is large")
	}
}

// TestShort: what has 3 KiB stays; of what has more, the ends do, as whole characters.
func TestShort(t *testing.T) {
	const most = 3 << 10
	for _, text := range []string{"", "short", strings.Repeat("x", most)} {
		if got := Short(text); got != text {
			t.Errorf("Short(%d bytes) has %d, want them all", len(text), len(got))
		}
	}
	const half = 1533 // with the gap, 3071 bytes
	for _, test := range []struct{ text, want string }{
		{strings.Repeat("a", most) + "b", strings.Repeat("a", half) + " ... " + strings.Repeat("a", half-1) + "b"},
		{strings.Repeat("é", most/2) + "b", strings.Repeat("é", half/2) + " ... " + strings.Repeat("é", half/2) + "b"},
		{"b" + strings.Repeat("é", most/2), "b" + strings.Repeat("é", half/2) + " ... " + strings.Repeat("é", half/2)},
	} {
		if got := Short(test.text); got != test.want {
			t.Errorf("Short(%.10q... of %d bytes) = %q, want %q", test.text, len(test.text), got, test.want)
		}
	}
}

// TestFailedUnwraps: it is the errno that it holds, if it holds one.
func TestFailedUnwraps(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{syscall.ENOENT: syscall.ENOENT, 0: nil} {
		if got := errors.Unwrap(&Failed{Errno: errno}); got != want {
			t.Errorf("Unwrap() of %d = %v, want %v", int(errno), got, want)
		}
	}
}
