package syncpipe

import (
	"encoding/json"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestConfigTokens: whatever a configuration holds, it is read as package json reads
// it. A field that decodeConfig does not know is an error of this test, too.
func TestConfigTokens(t *testing.T) {
	same := func(c Config) bool {
		packet, err := Message{Type: TypeConfig, Config: &c}.encode()
		if err != nil {
			t.Fatal(err)
		}
		var want Message
		if err := json.Unmarshal(packet, &want); err != nil {
			t.Fatal(err)
		}
		got, err := decodeConfig(packet)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("decodeConfig(%.500s): %v\n%.2000s", packet, err, diff)
		}
		return true
	}
	random := func(c Config) bool {
		if c.UserNS != nil {
			c.UserNS.Init &= 1<<31 - 1
		}
		return same(c)
	}
	if err := quick.Check(random, nil); err != nil {
		t.Error(err)
	}
	same(Config{})
}

func FuzzConfig(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"config":{"argv":null,"mounts":[{"dest":"/a","size":1}],"userns":{"uid":1},"userns":{"gid":2}},"type":"config"}`))
	f.Fuzz(func(t *testing.T, packet []byte) {
		got, err := decodeConfig(packet)
		if err != nil {
			return
		}
		var want Message
		if err := json.Unmarshal(packet, &want); err != nil {
			t.Fatalf("decodeConfig(%q) = %v, json: %v", packet, got, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("decodeConfig(%q):\n%s", packet, diff)
		}
	})
}
