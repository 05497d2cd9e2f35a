package agent

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"harpoon-supervisor/pkg/plainjson"
)

// readConfig decodes a configuration as agents write one, or returns nil: then there
// is something in it that package json has to judge, an error, say, or null.
func readConfig(data []byte) *ContainerConfig {
	r := reader{plainjson.NewReader(data)}
	var c ContainerConfig
	r.config(&c)
	if r.Close() != nil {
		return nil
	}
	return &c
}

// reader takes the parts of a configuration. An object that is null leaves things as
// they are.
type reader struct{ *plainjson.Reader }

func (r reader) config(c *ContainerConfig) {
	r.Object(func(key string) {
		switch key {
		case "product":
			c.Product = r.Text()
		case "environment":
			c.Environment = r.Text()
		case "job":
			c.Job = r.Text()
		case "health_checks":
			c.HealthChecks = array(r, c.HealthChecks, r.healthCheck)
		case "artifact_url":
			c.ArtifactURL = r.Text()
		case "ports":
			c.Ports = object(r, c.Ports, func() uint16 { return uint16(r.Uint(16)) })
		case "env":
			c.Env = object(r, c.Env, r.Text)
		case "command":
			r.command(&c.Command)
		case "resources":
			r.resources(&c.Resources)
		case "storage":
			r.storage(&c.Storage)
		case "grace":
			r.grace(&c.Grace)
		case "restart":
			c.Restart = Restart(r.Text())
		case "restart_backoff":
			r.restartBackoff(&c.RestartBackoff)
		case "network":
			c.Network = Network(r.Text())
		case "seccomp":
			c.Seccomp = Seccomp(r.Text())
		case "user":
			c.User = User(r.Text())
		case "capabilities":
			c.Capabilities = array(r, c.Capabilities, func() Capability { return Capability(r.Text()) })
		case "userns":
			c.UserNS = r.userNS(c.UserNS)
		default:
			r.unknown(key)
		}
	})
}

func (r reader) command(c *Command) {
	r.Object(func(key string) {
		switch key {
		case "working_dir":
			c.WorkingDir = r.Text()
		case "exec":
			c.Exec = array(r, c.Exec, r.Text)
		default:
			r.unknown(key)
		}
	})
}

func (r reader) resources(v *Resources) {
	r.Object(func(key string) {
		switch key {
		case "mem":
			v.Mem = r.Uint(64)
		case "cpu":
			v.CPU = r.Float()
		case "fd":
			v.FD = r.Uint(64)
		case "pids":
			v.PIDs = r.Uint(64)
		case "oom_group":
			v.OOMGroup = r.Bool()
		default:
			r.unknown(key)
		}
	})
}

func (r reader) storage(s *Storage) {
	r.Object(func(key string) {
		switch key {
		case "tmp":
			s.Tmp = object(r, s.Tmp, func() int64 { return r.Int(64) })
		case "volumes":
			s.Volumes = object(r, s.Volumes, r.Text)
		default:
			r.unknown(key)
		}
	})
}

func (r reader) grace(g *Grace) {
	r.Object(func(key string) {
		switch key {
		case "startup":
			g.Startup = r.duration()
		case "shutdown":
			g.Shutdown = r.duration()
		default:
			r.unknown(key)
		}
	})
}

func (r reader) healthCheck() (h HealthCheck) {
	r.Object(func(key string) {
		switch key {
		case "protocol":
			h.Protocol = r.Text()
		case "port":
			h.Port = r.Text()
		case "initial_delay":
			h.InitialDelay = r.duration()
		case "timeout":
			h.Timeout = r.duration()
		case "interval":
			h.Interval = r.duration()
		case "http_path":
			h.HTTPPath = r.Text()
		case "http_acceptable_responses":
			h.HTTPAcceptableResponses = array(r, h.HTTPAcceptableResponses, func() int { return int(r.Int(strconv.IntSize)) })
		default:
			r.unknown(key)
		}
	})
	return h
}

func (r reader) restartBackoff(b *RestartBackoff) {
	r.Object(func(key string) {
		switch key {
		case "initial":
			b.Initial = r.duration()
		case "factor":
			b.Factor = new(r.Float())
		case "max":
			b.Max = r.duration()
		case "jitter":
			b.Jitter = new(r.Float())
		case "reset":
			b.Reset = r.duration()
		case "limit":
			b.Limit = uint32(r.Uint(32))
		default:
			r.unknown(key)
		}
	})
}

func (r reader) userNS(n *UserNS) *UserNS {
	if n == nil {
		n = &UserNS{}
	}
	if !r.Object(func(key string) {
		switch key {
		case "uid":
			n.UID = uint32(r.Uint(32))
		case "gid":
			n.GID = uint32(r.Uint(32))
		case "size":
			n.Size = uint32(r.Uint(32))
		default:
			r.unknown(key)
		}
	}) {
		return nil
	}
	return n
}

// unknown takes the value of a field that is not known, which is ignored. Package json
// takes a name for another that differs in case, and for some letters that are not ASCII
// an ASCII one.
func (r reader) unknown(key string) {
	if strings.ContainsFunc(key, func(c rune) bool { return c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' }) {
		r.Fail(plainjson.ErrUnexpected)
	}
	r.Skip()
}

func (r reader) duration() Duration { return Duration(r.Text()) }

// object takes the members of an object into a map, which is made if need be; null
// is none.
func object[V any](r reader, m map[string]V, value func() V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	if !r.Object(func(key string) { m[key] = value() }) {
		return nil
	}
	return m
}

// array takes the elements of an array; null has none. A second one of the same name
// is left to package json, which mixes them.
func array[V any](r reader, list []V, element func() V) []V {
	if list != nil {
		r.Fail(plainjson.ErrUnexpected)
	}
	list = []V{}
	if !r.Array(func() { list = append(list, element()) }) {
		return nil
	}
	return list
}
