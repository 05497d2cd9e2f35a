package syncpipe

import (
	"bytes"
	"encoding/json"
	"strings"
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
