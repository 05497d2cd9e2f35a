package syncpipe

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// errUnexpected is for a config that is none of ours.
var errUnexpected = errors.New("unexpected content")

// decodeConfig reads a config message token by token. It is the first thing that
// init does: to package json's own way, which learns the types from themselves, it
// would be three times as long.
func decodeConfig(packet []byte) (Message, error) {
	r := reader{d: json.NewDecoder(bytes.NewReader(packet))}
	r.d.UseNumber()
	var m Message
	r.object(func(key string) {
		switch key {
		case "type":
			m.Type = Type(r.text())
		case "config":
			if m.Config == nil {
				m.Config = &Config{}
			}
			r.config(m.Config)
		default:
			r.fail(errUnexpected)
		}
	})
	if _, err := r.d.Token(); r.err == nil && err != io.EOF {
		r.fail(errUnexpected)
	}
	if r.err != nil {
		return Message{}, r.err
	}
	return m, nil
}

// reader takes values from a JSON text. After the first error it takes no more.
type reader struct {
	d   *json.Decoder
	err error
}

func (r *reader) config(c *Config) {
	r.object(func(key string) {
		switch key {
		case "trace":
			c.Trace = r.truth()
		case "hostname":
			c.Hostname = r.text()
		case "rootfs":
			c.Rootfs = r.text()
		case "netns":
			c.NetNS = r.text()
		case "mounts":
			c.Mounts = nil
			r.list(func() { c.Mounts = append(c.Mounts, r.mount()) })
		case "working_dir":
			c.WorkingDir = r.text()
		case "uid":
			c.UID = uint32(r.number(32))
		case "gid":
			c.GID = uint32(r.number(32))
		case "capabilities":
			c.Capabilities = r.number(64)
		case "userns":
			if c.UserNS == nil {
				c.UserNS = &UserNS{}
			}
			r.userNS(c.UserNS)
		case "nofile":
			c.NoFile = r.number(64)
		case "unconfined":
			c.Unconfined = r.truth()
		case "argv":
			c.Argv = nil
			r.list(func() { c.Argv = append(c.Argv, r.bytes()) })
		case "env":
			c.Env = nil
			r.list(func() { c.Env = append(c.Env, r.bytes()) })
		default:
			r.fail(errUnexpected)
		}
	})
}

func (r *reader) userNS(u *UserNS) {
	r.object(func(key string) {
		switch key {
		case "uid":
			u.UID = uint32(r.number(32))
		case "gid":
			u.GID = uint32(r.number(32))
		case "size":
			u.Size = uint32(r.number(32))
		case "init":
			u.Init = int(r.number(31))
		default:
			r.fail(errUnexpected)
		}
	})
}

func (r *reader) mount() (m Mount) {
	r.object(func(key string) {
		switch key {
		case "source":
			m.Source = r.text()
		case "dest":
			m.Dest = r.text()
		case "size":
			m.Size = r.number(64)
		default:
			r.fail(errUnexpected)
		}
	})
	return m
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// token takes the next token, nil after an error.
func (r *reader) token() json.Token {
	if r.err != nil {
		return nil
	}
	t, err := r.d.Token()
	if err != nil {
		r.fail(err)
	}
	return t
}

// take takes the next token, which must be a T.
func take[T json.Token](r *reader) (value T) {
	value, ok := r.token().(T)
	if !ok {
		r.fail(errUnexpected)
	}
	return value
}

func (r *reader) delimiter(want json.Delim) {
	if take[json.Delim](r) != want {
		r.fail(errUnexpected)
	}
}

// object calls field for each key, to take the value.
func (r *reader) object(field func(key string)) {
	for r.delimiter('{'); r.err == nil && r.d.More(); {
		field(r.text())
	}
	r.delimiter('}')
}

// list calls element for each element, to take it. A list may be null.
func (r *reader) list(element func()) {
	t := r.token()
	if t == nil {
		return
	}
	if t != json.Delim('[') {
		r.fail(errUnexpected)
	}
	for r.err == nil && r.d.More() {
		element()
	}
	r.delimiter(']')
}

func (r *reader) text() string { return take[string](r) }
func (r *reader) truth() bool  { return take[bool](r) }

func (r *reader) number(bits int) uint64 {
	n, err := strconv.ParseUint(string(take[json.Number](r)), 10, bits)
	if err != nil {
		r.fail(err)
	}
	return n
}

func (r *reader) bytes() []byte {
	b, err := base64.StdEncoding.DecodeString(r.text())
	if err != nil {
		r.fail(err)
	}
	return b
}
