package agent

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// library returns what AppendJSON must be equal to.
func library(t *testing.T, s *ContainerProcessState) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// fill sets a value at random, each part of it in one case of two: a field that
// AppendJSON does not know is found out, whatever it is.
func fill(t *testing.T, r *rand.Rand, v reflect.Value) {
	if r.IntN(2) == 0 {
		return
	}
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		zone := time.FixedZone("", r.IntN(48)*1800-12*3600)
		*at = time.Unix(r.Int64N(200e9), r.Int64N(1e9)/1000*1000).In(zone)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint64, reflect.Uint32, reflect.Uint16:
		v.SetUint(r.Uint64() >> (64 - r.IntN(v.Type().Bits()+1)))
	case reflect.Float64:
		v.SetFloat(r.NormFloat64())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			fill(t, r, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, r, key)
			fill(t, r, value)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString([]string{"start container: exec /bin/x: no such file", `"\/<>&` + "\t\x00\x7f\u2028é", "\xff\xc3", "\n"}[r.IntN(4)])
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, r, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, r, v.Field(i))
		}
	default:
		t.Fatalf("a field is a %v, which this test cannot fill", v.Type())
	}
}

func TestAppendJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var s ContainerProcessState
		fill(t, r, reflect.ValueOf(&s).Elem())
		if got, want := string(s.AppendJSON(nil)), library(t, &s); got != want {
			t.Fatalf("AppendJSON = %s\nwant         %s", got, want)
		}
	}
}

// FuzzAppendJSON lets the fuzzer choose the text and what the rest is made from.
func FuzzAppendJSON(f *testing.F) {
	f.Add("", uint64(0))
	f.Add("\u2029 \xf0\x28 \\ \" \x1f", uint64(7))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		var s ContainerProcessState
		fill(t, rand.New(rand.NewPCG(seed, 0)), reflect.ValueOf(&s).Elem())
		s.Err = text
		if got, want := string(s.AppendJSON([]byte("x"))), "x"+library(t, &s); got != want {
			t.Fatalf("AppendJSON = %s\nwant         %s", got, want)
		}
	})
}

// usual is a state as it is announced every few seconds.
func usual() *ContainerProcessState {
	n := uint64(123456789)
	return &ContainerProcessState{Up: true, Restarting: true, PID: 4711, StartedAt: time.Unix(1e9, 5).UTC(),
		ContainerMetrics: ContainerMetrics{CPUTime: n, MemoryUsage: n, MemoryLimit: n, MemoryPeak: &n, PIDs: &n, OOMKills: &n, CPUThrottled: &n,
			MemoryEvents: MemoryEvents{OOMKill: &n, Max: &n}, IO: IOMetrics{&n, &n}, Network: &NetworkMetrics{}}}
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	s, buf := usual(), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { s.AppendJSON(buf) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times, want 0", n)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	s, buf := usual(), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		s.AppendJSON(buf)
	}
}

// BenchmarkEncodeJSON is what it is written by hand for.
func BenchmarkEncodeJSON(b *testing.B) {
	s := usual()
	b.ReportAllocs()
	for b.Loop() {
		var buf bytes.Buffer
		encoder := json.NewEncoder(&buf)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(s); err != nil {
			b.Fatal(err)
		}
	}
}
