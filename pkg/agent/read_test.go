package agent

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameAsJSON reports whether readConfig takes the text; if so, it must be as package
// json takes it.
func sameAsJSON(t *testing.T, text []byte) bool {
	t.Helper()
	got := readConfig(text)
	if got == nil {
		return false
	}
	var want ContainerConfig
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("readConfig(%s) took it, json: %v", text, err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Fatalf("readConfig(%s):\n%s", text, diff)
	}
	return true
}

// TestReadConfig: whatever an agent in Go writes is read as package json reads it. A
// field that readConfig does not know is an error of this test, too.
func TestReadConfig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var c ContainerConfig
		fill(t, r, reflect.ValueOf(&c).Elem())
		text, err := json.Marshal(&c)
		if err != nil {
			t.Fatal(err)
		}
		if !sameAsJSON(t, text) {
			t.Fatalf("readConfig(%s) left it to package json", text)
		}
	}
	if !sameAsJSON(t, []byte(full)) {
		t.Errorf("readConfig(full) left it to package json")
	}
}

// TestReadConfigUnknown: fields that it does not know are ignored, wherever they are.
func TestReadConfigUnknown(t *testing.T) {
	text := []byte(`{"other":1,"restart":"no","command":{"a":null,"working_dir":"/w"},"resources":{"mem":1,"a":[true,{"mem":2,"b":"\n"}]},"storage":{"a":{}},
		"grace":{"a":[],"startup":"1s"},"health_checks":[{"a":-1.5e3,"port":"p"}],"restart_backoff":{"limit":1,"a":false},"userns":{"uid":1,"":0},"env":{"a":"b"}}`)
	if !sameAsJSON(t, text) {
		t.Errorf("readConfig(%s) left it to package json", text)
	}
}

// TestReadConfigTwice: an object that is there twice is one, as package json has it.
func TestReadConfigTwice(t *testing.T) {
	for _, text := range []string{
		`{"env":{"A":"B"},"env":{"C":"D"}}`, `{"env":{"A":"B"},"env":null}`, `{"userns":{"uid":1},"userns":{"gid":2}}`, `{"userns":{"uid":1},"userns":null,"userns":{"size":3}}`,
		`{"command":{"working_dir":"/a"},"command":{"exec":["b"]}}`, `{"restart_backoff":{"factor":1},"restart_backoff":{"factor":2,"limit":3}}`,
		`{"ports":{"A":1},"ports":{"A":65535}}`, `{"storage":{"tmp":{"/a":1}},"storage":{"tmp":{"/b":-1},"volumes":{}}}`,
	} {
		if !sameAsJSON(t, []byte(text)) {
			t.Errorf("readConfig(%s) left it to package json", text)
		}
	}
}

// TestReadConfigNot: what readConfig does not take as it stands.
func TestReadConfigNot(t *testing.T) {
	for _, text := range []string{
		`{"Restart":"no"}`, `{"re\u017ftart":"no"}`, `{"restart":null}`, `{"resources":{"mem":1.0}}`, `{"resources":{"Mem":1}}`, `{"A":1}`, `{"restarZ":1}`,
		`{"command":{"exec":["a"],"exec":["b"]}}`, `{} {}`, `[]`, ``,
		`{"other":}`, `{"other":nul}`, `{"other":[1,]}`, `{"other":{"a" 1}}`, `{"other":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
	} {
		if c := readConfig([]byte(text)); c != nil {
			t.Errorf("readConfig(%s) = %+v, want nil", text, c)
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"restart":"no","other":[{"a":null,"Restart":true},1e2,"\\n"],"env":{"A":"B"},"env":null,"userns":{"uid":1},"userns":{"gid":2},"userns":null}`))
	f.Add([]byte(`{"command":null,"resources":{"cpu":-0,"mem":1e2},"storage":{"tmp":{"/a":-1}},"restart_backoff":{"factor":1,"factor":2}}`))
	f.Fuzz(func(t *testing.T, text []byte) { sameAsJSON(t, text) })
}

// The first parse of a process is what a start pays; this is every other.
func BenchmarkParseConfig(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseConfig([]byte(full)); err != nil {
			b.Fatal(err)
		}
	}
}
