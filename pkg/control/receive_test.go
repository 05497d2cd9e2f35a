package control

import (
	"path/filepath"
	"testing"

	"harpoon-supervisor/pkg/eventstream"
)

// stateData is a state with all that cgroup v2 has to say.
const stateData = `{"up":true,"restarting":true,"restarts":3,"ooms":1,"container_metrics":{"cpu_time":15750371000,"memory_usage":41943040,"memory_limit":67108864,` +
	`"memory_peak":52428800,"pids":12,"oom_kills":1,"cpu_throttled":318000000,"memory_events":{"oom":1,"oom_kill":1,"max":27,"high":0},` +
	`"io":{"read_bytes":1048576,"write_bytes":8192},"pressure":{` +
	`"cpu":{"some_avg10":12,"full_avg10":3,"some_total_us":81237,"full_total_us":20011},` +
	`"memory":{"some_avg10":0,"full_avg10":0,"some_total_us":911,"full_total_us":870},` +
	`"io":{"some_avg10":0,"full_avg10":0,"some_total_us":40312,"full_total_us":38820}}},` +
	`"pid":4711,"started_at":"2026-11-25T21:09:33.123456789Z"}`

func TestParseWholeState(t *testing.T) {
	s, err := parseState([]byte(stateData))
	if err != nil {
		t.Fatal(err)
	}
	m := s.ContainerMetrics
	if !s.Up || s.PID != 4711 || s.StartedAt.IsZero() || m.CPUTime != 15750371000 || m.Pressure.IO.FullTotal == nil || *m.Pressure.IO.FullTotal != 38820 {
		t.Errorf("parseState = %+v, want what was written", s)
	}
}

func BenchmarkParseState(b *testing.B) {
	data := []byte(stateData)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseState(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNext: from the supervisor's write to the state in the client's hands.
func BenchmarkNext(b *testing.B) {
	path := filepath.Join(b.TempDir(), "control")
	l := listen(b, path)
	c, err := Dial(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	conn, err := l.AcceptUnix()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	frame := eventstream.Append(nil, "state", []byte(stateData))
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(frame); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
