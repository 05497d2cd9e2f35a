package syncpipe

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestConfigPlain: whatever a configuration holds, it is written and read as package
// json does it. A field that appendConfig or decodeConfig does not know is an error of
// this test, too.
func TestConfigPlain(t *testing.T) {
	same := func(c Config) bool {
		m := Message{Type: TypeConfig, Config: &c}
		packet, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(m); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSuffix(text.String(), "\n"), string(packet)); diff != "" {
			t.Fatalf("encode:\n%.2000s", diff)
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

// TestConfigRefused: of a configuration that is not as it is written nothing is taken.
func TestConfigRefused(t *testing.T) {
	for _, text := range []string{
		`null`, `[]`, `{"other":1}`, `{"argv":["="]}`, `{"env":["QQ"]}`, `{"argv":[null]}`, `{"hostname_base64":"?"}`, `{"uid":4294967296}`, `{"gid":4294967296}`, `{"gid":-1}`,
		`{"userns":null}`, `{"userns":{"size":4294967296}}`, `{"userns":{"init":2147483648}}`, `{"userns":{"other":1}}`, `{"mounts":[null]}`, `{"mounts":[{"other":1}]}`, `{"trace":1}`,
	} {
		packet := `{"type":"config","config":` + text + `}`
		if m, err := decode([]byte(packet)); err == nil || m.Config != nil {
			t.Errorf("decode(%s) = %v, %v, want an error", packet, m, err)
		}
	}
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
