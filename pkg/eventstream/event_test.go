package eventstream

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppend(t *testing.T) {
	tests := []struct{ eventType, data, want string }{
		{"state", `{"up":true}`, "event: state\ndata: {\"up\":true}\n\n"},
		{"stop", "", "event: stop\ndata: \n\n"},
		{"", "x", "data: x\n\n"},
		{"", "", "data: \n\n"},
		{" a", " b", "event:  a\ndata:  b\n\n"},
		{"a", "1\n2\r3\r\n4", "event: a\ndata: 1\ndata: 2\ndata: 3\ndata: 4\n\n"},
		{"a", "\n", "event: a\ndata: \ndata: \n\n"},
		{"a", "\r\n", "event: a\ndata: \ndata: \n\n"},
		{"a", "\n\r", "event: a\ndata: \ndata: \ndata: \n\n"},
		{"a", "1\n", "event: a\ndata: 1\ndata: \n\n"},
		{"a", "1\n\nevent: b", "event: a\ndata: 1\ndata: \ndata: event: b\n\n"},
		{"a\nevent: b", "", "event: a\ndata: \n\n"},
		{"a\r\rdata: b", "", "event: a\ndata: \n\n"},
		{"\nb", "x", "data: x\n\n"},
	}
	for _, test := range tests {
		if got := string(Append(nil, test.eventType, []byte(test.data))); got != test.want {
			t.Errorf("Append(nil, %q, %q) = %q, want %q", test.eventType, test.data, got, test.want)
		}
	}
	if got, want := string(Append([]byte("before"), "a", nil)), "beforeevent: a\ndata: \n\n"; got != want {
		t.Errorf("Append(before, a, nil) = %q, want %q", got, want)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	dst, data := make([]byte, 0, 256), []byte("one\ntwo\r\nthree")
	if got := testing.AllocsPerRun(100, func() { Append(dst, "state", data) }); got != 0 {
		t.Errorf("allocations of Append with room = %v, want 0", got)
	}
}

// stateData is of the size and the kind that a control socket carries: a state with
// all that cgroup v2 has to say.
var stateData = []byte(`{"up":true,"restarting":true,"restarts":3,"ooms":1,"container_metrics":{"cpu_time":15750371000,"memory_usage":41943040,"memory_limit":67108864,` +
	`"memory_peak":52428800,"pids":12,"oom_kills":1,"cpu_throttled":318000000,"memory_events":{"oom":1,"oom_kill":1,"max":27,"high":0},` +
	`"io":{"read_bytes":1048576,"write_bytes":8192},"pressure":{` +
	`"cpu":{"some_avg10":12,"full_avg10":3,"some_total_us":81237,"full_total_us":20011},` +
	`"memory":{"some_avg10":0,"full_avg10":0,"some_total_us":911,"full_total_us":870},` +
	`"io":{"some_avg10":0,"full_avg10":0,"some_total_us":40312,"full_total_us":38820}}},` +
	`"pid":4711,"started_at":"2026-11-25T21:09:33.123456789Z"}`)

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = Append(dst[:0], "state", stateData)
	}
	b.SetBytes(int64(len(dst)))
}

// endless repeats one string for ever.
type endless struct {
	text string
	rest string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.text
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	e.read += n
	return n, nil
}

func BenchmarkNext(b *testing.B) {
	b.ReportAllocs()
	frame := Append(nil, "state", stateData)
	b.SetBytes(int64(len(frame)))
	d := NewDecoder(&endless{text: string(frame)}, 1<<16)
	for b.Loop() {
		if _, err := d.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNextComments(b *testing.B) {
	b.ReportAllocs()
	frame := strings.Repeat(": keep alive\r\n", 8) + "event: stop\r\n\r\n"
	b.SetBytes(int64(len(frame)))
	d := NewDecoder(&endless{text: frame}, 1<<16)
	for b.Loop() {
		if e, err := d.Next(); err != nil || !bytes.Equal(e.Data, nil) {
			b.Fatal(e, err)
		}
	}
}
