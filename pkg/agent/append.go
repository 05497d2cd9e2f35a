package agent

import (
	"strconv"
	"time"

	"harpoon-supervisor/pkg/plainjson"
)

// AppendJSON appends the state as json.Encoder writes it without HTML escaping
// and without the line end, and returns the result. It is written by hand because
// a supervisor does this every few seconds for as long as it lives: nothing is
// allocated if dst has room and there is no Err, so nothing has to be collected.
// Times must be of the years 0 to 9999.
func (s *ContainerProcessState) AppendJSON(dst []byte) []byte {
	b := append(dst, '{')
	b = plainjson.AppendBool(b, "up", s.Up)
	b = plainjson.AppendBool(b, "restarting", s.Restarting)
	if s.Err != "" {
		b = plainjson.AppendText(b, "err", s.Err)
	}
	if s.ContainerExitStatus != nil {
		b = s.ContainerExitStatus.appendTo(plainjson.AppendKey(b, "container_exit_status"))
	}
	b = plainjson.AppendUint(b, "restarts", s.Restarts)
	b = plainjson.AppendUint(b, "ooms", s.OOMs)
	b = s.ContainerMetrics.appendTo(plainjson.AppendKey(b, "container_metrics"))
	b = appendInt(b, "pid", s.PID)
	b = appendTime(b, "started_at", s.StartedAt)
	b = appendTime(b, "exited_at", s.ExitedAt)
	b = appendTime(b, "next_restart_at", s.NextRestartAt)
	return append(b, '}')
}

func (s *ContainerExitStatus) appendTo(b []byte) []byte {
	b = append(b, '{')
	if s.Exited {
		b = plainjson.AppendBool(b, "exited", true)
	}
	b = appendInt(b, "exit_status", s.ExitStatus)
	if s.Signaled {
		b = plainjson.AppendBool(b, "signaled", true)
	}
	b = appendInt(b, "signal", s.Signal)
	if s.OOMed {
		b = plainjson.AppendBool(b, "oomed", true)
	}
	return append(b, '}')
}

func (m *ContainerMetrics) appendTo(b []byte) []byte {
	b = append(b, '{')
	b = plainjson.AppendUint(b, "cpu_time", m.CPUTime)
	b = plainjson.AppendUint(b, "memory_usage", m.MemoryUsage)
	b = plainjson.AppendUint(b, "memory_limit", m.MemoryLimit)
	b = appendOptional(b, "memory_peak", m.MemoryPeak)
	b = appendOptional(b, "pids", m.PIDs)
	b = appendOptional(b, "oom_kills", m.OOMKills)
	b = appendOptional(b, "cpu_throttled", m.CPUThrottled)
	if e := &m.MemoryEvents; *e != (MemoryEvents{}) {
		b = append(plainjson.AppendKey(b, "memory_events"), '{')
		b = appendOptional(b, "oom", e.OOM)
		b = appendOptional(b, "oom_kill", e.OOMKill)
		b = appendOptional(b, "max", e.Max)
		b = appendOptional(b, "high", e.High)
		b = append(b, '}')
	}
	if m.IO != (IOMetrics{}) {
		b = append(plainjson.AppendKey(b, "io"), '{')
		b = appendOptional(b, "read_bytes", m.IO.ReadBytes)
		b = appendOptional(b, "write_bytes", m.IO.WriteBytes)
		b = append(b, '}')
	}
	if p := &m.Pressure; *p != (Pressure{}) {
		b = append(plainjson.AppendKey(b, "pressure"), '{')
		b = p.CPU.appendTo(b, "cpu")
		b = p.Memory.appendTo(b, "memory")
		b = p.IO.appendTo(b, "io")
		b = append(b, '}')
	}
	if m.Network != nil {
		b = m.Network.appendTo(plainjson.AppendKey(b, "network"))
	}
	return append(b, '}')
}

func (p *ResourcePressure) appendTo(b []byte, name string) []byte {
	if *p == (ResourcePressure{}) {
		return b
	}
	b = append(plainjson.AppendKey(b, name), '{')
	b = appendOptional(b, "some_avg10", p.SomeAvg10)
	b = appendOptional(b, "full_avg10", p.FullAvg10)
	b = appendOptional(b, "some_total_us", p.SomeTotal)
	b = appendOptional(b, "full_total_us", p.FullTotal)
	return append(b, '}')
}

func (n *NetworkMetrics) appendTo(b []byte) []byte {
	b = append(b, '{')
	b = plainjson.AppendUint(b, "rx_bytes", n.RxBytes)
	b = plainjson.AppendUint(b, "tx_bytes", n.TxBytes)
	b = plainjson.AppendUint(b, "rx_packets", n.RxPackets)
	b = plainjson.AppendUint(b, "tx_packets", n.TxPackets)
	b = plainjson.AppendUint(b, "rx_dropped", n.RxDropped)
	b = plainjson.AppendUint(b, "tx_dropped", n.TxDropped)
	return append(b, '}')
}

// appendInt, appendOptional and appendTime leave out what there is not.
func appendInt(b []byte, name string, v int) []byte {
	if v == 0 {
		return b
	}
	return strconv.AppendInt(plainjson.AppendKey(b, name), int64(v), 10)
}

func appendOptional(b []byte, name string, v *uint64) []byte {
	if v == nil {
		return b
	}
	return plainjson.AppendUint(b, name, *v)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = append(plainjson.AppendKey(b, name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}
