package agent

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// AppendJSON appends the state as json.Encoder writes it without HTML escaping
// and without the line end, and returns the result. It is written by hand because
// a supervisor does this every few seconds for as long as it lives: nothing is
// allocated if dst has room and there is no Err, so nothing has to be collected.
// Times must be of the years 0 to 9999.
func (s *ContainerProcessState) AppendJSON(dst []byte) []byte {
	b := append(dst, '{')
	b = appendBool(b, "up", s.Up)
	b = appendBool(b, "restarting", s.Restarting)
	if s.Err != "" {
		b = append(appendKey(b, "err"), quote(s.Err)...)
	}
	if s.ContainerExitStatus != nil {
		b = s.ContainerExitStatus.appendTo(appendKey(b, "container_exit_status"))
	}
	b = appendNumber(b, "restarts", s.Restarts)
	b = appendNumber(b, "ooms", s.OOMs)
	b = s.ContainerMetrics.appendTo(appendKey(b, "container_metrics"))
	b = appendInt(b, "pid", s.PID)
	b = appendTime(b, "started_at", s.StartedAt)
	b = appendTime(b, "exited_at", s.ExitedAt)
	b = appendTime(b, "next_restart_at", s.NextRestartAt)
	return append(b, '}')
}

func (s *ContainerExitStatus) appendTo(b []byte) []byte {
	b = append(b, '{')
	if s.Exited {
		b = appendBool(b, "exited", true)
	}
	b = appendInt(b, "exit_status", s.ExitStatus)
	if s.Signaled {
		b = appendBool(b, "signaled", true)
	}
	b = appendInt(b, "signal", s.Signal)
	if s.OOMed {
		b = appendBool(b, "oomed", true)
	}
	return append(b, '}')
}

func (m *ContainerMetrics) appendTo(b []byte) []byte {
	b = append(b, '{')
	b = appendNumber(b, "cpu_time", m.CPUTime)
	b = appendNumber(b, "memory_usage", m.MemoryUsage)
	b = appendNumber(b, "memory_limit", m.MemoryLimit)
	b = appendOptional(b, "memory_peak", m.MemoryPeak)
	b = appendOptional(b, "pids", m.PIDs)
	b = appendOptional(b, "oom_kills", m.OOMKills)
	b = appendOptional(b, "cpu_throttled", m.CPUThrottled)
	if e := &m.MemoryEvents; *e != (MemoryEvents{}) {
		b = append(appendKey(b, "memory_events"), '{')
		b = appendOptional(b, "oom", e.OOM)
		b = appendOptional(b, "oom_kill", e.OOMKill)
		b = appendOptional(b, "max", e.Max)
		b = appendOptional(b, "high", e.High)
		b = append(b, '}')
	}
	if m.IO != (IOMetrics{}) {
		b = append(appendKey(b, "io"), '{')
		b = appendOptional(b, "read_bytes", m.IO.ReadBytes)
		b = appendOptional(b, "write_bytes", m.IO.WriteBytes)
		b = append(b, '}')
	}
	if p := &m.Pressure; *p != (Pressure{}) {
		b = append(appendKey(b, "pressure"), '{')
		b = p.CPU.appendTo(b, "cpu")
		b = p.Memory.appendTo(b, "memory")
		b = p.IO.appendTo(b, "io")
		b = append(b, '}')
	}
	if m.Network != nil {
		b = m.Network.appendTo(appendKey(b, "network"))
	}
	return append(b, '}')
}

func (p *ResourcePressure) appendTo(b []byte, name string) []byte {
	if *p == (ResourcePressure{}) {
		return b
	}
	b = append(appendKey(b, name), '{')
	b = appendOptional(b, "some_avg10", p.SomeAvg10)
	b = appendOptional(b, "full_avg10", p.FullAvg10)
	b = appendOptional(b, "some_total_us", p.SomeTotal)
	b = appendOptional(b, "full_total_us", p.FullTotal)
	return append(b, '}')
}

func (n *NetworkMetrics) appendTo(b []byte) []byte {
	b = append(b, '{')
	b = appendNumber(b, "rx_bytes", n.RxBytes)
	b = appendNumber(b, "tx_bytes", n.TxBytes)
	b = appendNumber(b, "rx_packets", n.RxPackets)
	b = appendNumber(b, "tx_packets", n.TxPackets)
	b = appendNumber(b, "rx_dropped", n.RxDropped)
	b = appendNumber(b, "tx_dropped", n.TxDropped)
	return append(b, '}')
}

// appendKey begins a member, with a comma unless it is the object's first.
func appendKey(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), name...)
	return append(b, '"', ':')
}

func appendBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(appendKey(b, name), v)
}

func appendNumber(b []byte, name string, v uint64) []byte {
	return strconv.AppendUint(appendKey(b, name), v, 10)
}

// appendInt, appendOptional and appendTime leave out what there is not.
func appendInt(b []byte, name string, v int) []byte {
	if v == 0 {
		return b
	}
	return strconv.AppendInt(appendKey(b, name), int64(v), 10)
}

func appendOptional(b []byte, name string, v *uint64) []byte {
	if v == nil {
		return b
	}
	return appendNumber(b, name, *v)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = append(appendKey(b, name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

// quote leaves strings to the library: which characters are escaped, and what
// becomes of those that are none, is its business, and an error is rare.
func quote(s string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string and a buffer: neither fails
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
