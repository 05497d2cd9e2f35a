package syncpipe

import (
	"encoding/base64"
	"strconv"

	"harpoon-supervisor/pkg/plainjson"
)

// appendConfig appends the packet of a config message, as package json writes one.
func appendConfig(b []byte, c *Config) []byte {
	b = append(b, `{"type":"config","config":{`...)
	if c.Trace {
		b = plainjson.AppendBool(b, "trace", true)
	}
	b = plainjson.AppendText(b, "hostname", c.Hostname)
	if len(c.HostnameBytes) > 0 {
		b = plainjson.AppendText(b, "hostname_base64", base64.StdEncoding.EncodeToString(c.HostnameBytes))
	}
	b = plainjson.AppendText(b, "rootfs", c.Rootfs)
	if c.NetNS != "" {
		b = plainjson.AppendText(b, "netns", c.NetNS)
	}
	if len(c.Mounts) > 0 {
		b = AppendMounts(b, "mounts", c.Mounts)
	}
	b = plainjson.AppendText(b, "working_dir", c.WorkingDir)
	b = plainjson.AppendUint(b, "uid", uint64(c.UID))
	b = plainjson.AppendUint(b, "gid", uint64(c.GID))
	if c.Capabilities != 0 {
		b = plainjson.AppendUint(b, "capabilities", c.Capabilities)
	}
	if c.UserNS != nil {
		b = AppendUserNS(b, "userns", c.UserNS)
	}
	b = plainjson.AppendUint(b, "nofile", c.NoFile)
	if c.Unconfined {
		b = plainjson.AppendBool(b, "unconfined", true)
	}
	b = appendBytes(b, "argv", c.Argv)
	b = appendBytes(b, "env", c.Env)
	return append(b, "}}"...)
}

// AppendMounts appends a member of an object that is an array of mounts, or null if
// there is none.
func AppendMounts(b []byte, key string, mounts []Mount) []byte {
	return plainjson.AppendArray(b, key, mounts, func(b []byte, m Mount) []byte {
		b = append(b, '{')
		if m.Source != "" {
			b = plainjson.AppendText(b, "source", m.Source)
		}
		b = plainjson.AppendText(b, "dest", m.Dest)
		if m.Size != 0 {
			b = plainjson.AppendUint(b, "size", m.Size)
		}
		return append(b, '}')
	})
}

// AppendUserNS appends a member of an object that is a user namespace, or null.
func AppendUserNS(b []byte, key string, u *UserNS) []byte {
	b = plainjson.AppendKey(b, key)
	if u == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	b = plainjson.AppendUint(b, "uid", uint64(u.UID))
	b = plainjson.AppendUint(b, "gid", uint64(u.GID))
	b = plainjson.AppendUint(b, "size", uint64(u.Size))
	if u.Init != 0 {
		b = strconv.AppendInt(plainjson.AppendKey(b, "init"), int64(u.Init), 10)
	}
	return append(b, '}')
}

// appendBytes appends a member that is an array of byte strings in base64, or null.
func appendBytes(b []byte, key string, list [][]byte) []byte {
	return plainjson.AppendArray(b, key, list, func(b, s []byte) []byte {
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), s), '"')
	})
}

// decodeConfig reads a config message.
func decodeConfig(packet []byte) (Message, error) {
	r := reader{plainjson.NewReader(packet)}
	var m Message
	r.object(func(key string) {
		switch key {
		case "type":
			m.Type = Type(r.Text())
		case "config":
			if m.Config == nil {
				m.Config = &Config{}
			}
			r.config(m.Config)
		default:
			r.Fail(plainjson.ErrUnexpected)
		}
	})
	if err := r.Close(); err != nil {
		return Message{}, err
	}
	return m, nil
}

// reader takes the parts of a config message.
type reader struct{ *plainjson.Reader }

// object takes an object, not null.
func (r reader) object(field func(key string)) {
	if !r.Object(field) {
		r.Fail(plainjson.ErrUnexpected)
	}
}

func (r reader) config(c *Config) {
	r.object(func(key string) {
		switch key {
		case "trace":
			c.Trace = r.Bool()
		case "hostname":
			c.Hostname = r.Text()
		case "hostname_base64":
			c.HostnameBytes = r.bytes()
		case "rootfs":
			c.Rootfs = r.Text()
		case "netns":
			c.NetNS = r.Text()
		case "mounts":
			c.Mounts = nil
			r.Array(func() { c.Mounts = append(c.Mounts, r.mount()) })
		case "working_dir":
			c.WorkingDir = r.Text()
		case "uid":
			c.UID = uint32(r.Uint(32))
		case "gid":
			c.GID = uint32(r.Uint(32))
		case "capabilities":
			c.Capabilities = r.Uint(64)
		case "userns":
			if c.UserNS == nil {
				c.UserNS = &UserNS{}
			}
			r.userNS(c.UserNS)
		case "nofile":
			c.NoFile = r.Uint(64)
		case "unconfined":
			c.Unconfined = r.Bool()
		case "argv":
			c.Argv = nil
			r.Array(func() { c.Argv = append(c.Argv, r.bytes()) })
		case "env":
			c.Env = nil
			r.Array(func() { c.Env = append(c.Env, r.bytes()) })
		default:
			r.Fail(plainjson.ErrUnexpected)
		}
	})
}

func (r reader) userNS(u *UserNS) {
	r.object(func(key string) {
		switch key {
		case "uid":
			u.UID = uint32(r.Uint(32))
		case "gid":
			u.GID = uint32(r.Uint(32))
		case "size":
			u.Size = uint32(r.Uint(32))
		case "init":
			u.Init = int(r.Uint(31))
		default:
			r.Fail(plainjson.ErrUnexpected)
		}
	})
}

func (r reader) mount() (m Mount) {
	r.object(func(key string) {
		switch key {
		case "source":
			m.Source = r.Text()
		case "dest":
			m.Dest = r.Text()
		case "size":
			m.Size = r.Uint(64)
		default:
			r.Fail(plainjson.ErrUnexpected)
		}
	})
	return m
}

func (r reader) bytes() []byte {
	b, err := base64.StdEncoding.DecodeString(r.Text())
	if err != nil {
		r.Fail(err)
	}
	return b
}
