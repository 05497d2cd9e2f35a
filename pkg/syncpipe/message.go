package syncpipe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
)

// Type names a message.
type Type string

// The messages, in the order of the conversation.
const (
	TypeConfig  Type = "config"  // of the shim: what to do
	TypeStep    Type = "step"    // of init: one step is done, if Config.Trace
	TypeReady   Type = "ready"   // of init: nothing is left to do but the exec
	TypeProceed Type = "proceed" // of the shim: do that
	TypeFailed  Type = "failed"  // of init, at any time, and its last
)

// Message is one packet. The body that its type names is set, the others are nil.
type Message struct {
	Type   Type    `json:"type"`
	Config *Config `json:"config,omitempty"`
	Step   *Step   `json:"step,omitempty"`
	Failed *Failed `json:"failed,omitempty"`
	// Tasks are descriptors that come with a config: the "tasks" files of cgroup
	// v1 that init writes itself into. On v2 init is born in its cgroup and there
	// are none, or cgroup.procs where that is forbidden.
	Tasks []int `json:"-"`
}

// Config is all that init needs to know.
type Config struct {
	// Trace asks for a step message after each step.
	Trace    bool   `json:"trace,omitempty"`
	Hostname string `json:"hostname"`
	// HostnameBytes is it if it is no UTF-8, which a string of JSON cannot hold.
	HostnameBytes []byte `json:"hostname_base64,omitempty"`
	// Rootfs is the root filesystem's directory, relative to the run directory.
	Rootfs string `json:"rootfs"`
	// NetNS is the path of the network namespace to join, or empty.
	NetNS string `json:"netns,omitempty"`
	// Mounts are the tmp and volume mounts of the container, sorted by Dest, so that
	// parents come first.
	Mounts []Mount `json:"mounts,omitempty"`
	// WorkingDir is the command's working directory, inside the root.
	WorkingDir string `json:"working_dir"`

	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
	// Capabilities are those that the command has, as bits by number.
	Capabilities uint64 `json:"capabilities,omitempty"`
	// UserNS is nil without a user namespace.
	UserNS *UserNS `json:"userns,omitempty"`
	// NoFile is RLIMIT_NOFILE, hard and soft.
	NoFile uint64 `json:"nofile"`
	// Unconfined asks for no seccomp filter.
	Unconfined bool `json:"unconfined,omitempty"`

	// Argv and Env are bytes, not text: they travel as base64. Env holds
	// KEY=VALUE strings; its values must not be shown to anybody.
	Argv [][]byte `json:"argv"`
	Env  [][]byte `json:"env"`
}

// Large reports whether the message might not fit into a socket's buffer. One that is
// not large does: it is smaller than 212,960 bytes, the most that anybody may send by
// default.
func (c *Config) Large() bool {
	size := len(c.Hostname) + len(c.Rootfs) + len(c.NetNS) + len(c.WorkingDir)
	for _, m := range c.Mounts {
		size += len(m.Source) + len(m.Dest) + 64 // their names and numbers
	}
	for _, list := range [][][]byte{c.Argv, c.Env} {
		for _, s := range list {
			size += len(s) + 4 // quotes, a comma, and what base64 fills up
		}
	}
	const growth = 6 // of a string in JSON, at most
	return size*growth > 128<<10
}

// UserNS describes the container's user namespace to the two helpers that there
// are with one: init, which is born in it, and the outfitter, which has the powers
// of the host's root.
type UserNS struct {
	// UID, GID and Size are those of agent.UserNS.
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
	Size uint32 `json:"size"`
	// Init is, for the outfitter, the PID of init, as the host sees it; else 0.
	Init int `json:"init,omitempty"`
}

// Mount is one mount that the configuration asked for.
type Mount struct {
	// Source is the host's path to bind; empty means a tmpfs.
	Source string `json:"source,omitempty"`
	// Dest is an absolute, clean path inside the root.
	Dest string `json:"dest"`
	// Size is the limit of a tmpfs in bytes, 0 for none.
	Size uint64 `json:"size,omitempty"`
}

// Step reports a finished step of init.
type Step struct {
	Name string `json:"name"`
	// Start is a CLOCK_MONOTONIC time and Took a duration, both in
	// nanoseconds.
	Start int64 `json:"start"`
	Took  int64 `json:"took"`
}

// Short cuts the middle out of a text that has more than 3 KiB, so that it has no more.
// It then fits into a message of init's three times, though as JSON it may grow
// sixfold; and it is short enough for a state.
func Short(text string) string {
	const most, gap = 3 << 10, " ... "
	if len(text) <= most {
		return text
	}
	const half = (most - len(gap)) / 2
	return strings.ToValidUTF8(text[:half], "") + gap + strings.ToValidUTF8(text[len(text)-half:], "")
}

// Failed reports the step that made init give up. Its texts are cut, see Short.
type Failed struct {
	Step string `json:"step"`
	// Path is the file at fault, if there is one.
	Path string `json:"path,omitempty"`
	// Errno is the kernel's error number (errno(3)), or 0.
	Errno syscall.Errno `json:"errno,omitempty"`
	// Text says it all to a person: "mount /data from /host/dir: no such
	// file or directory".
	Text string `json:"text"`
}

// Error says who failed, and Text.
func (f *Failed) Error() string { return "init: " + f.Text }

// Unwrap makes errors.Is work on the errno.
func (f *Failed) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// encode leaves to package json what not every start has; see package plainjson.
func (m Message) encode() ([]byte, error) {
	if m.Config != nil {
		return appendConfig(nil, m.Config), nil
	}
	if text := bare(m.Type); text != "" {
		return []byte(text), nil
	}
	return json.Marshal(m)
}

// bare returns the packet of a message that never has a body, or "".
func bare(t Type) string {
	switch t {
	case TypeReady:
		return `{"type":"ready"}`
	case TypeProceed:
		return `{"type":"proceed"}`
	}
	return ""
}

// decode reads one packet. What it returns has a known type and exactly the
// body that belongs to it.
func decode(packet []byte) (Message, error) {
	for _, t := range [...]Type{TypeReady, TypeProceed} {
		if string(packet) == bare(t) {
			return Message{Type: t}, nil
		}
	}
	var m Message
	var err error
	if bytes.HasPrefix(packet, []byte(`{"type":"config"`)) {
		m, err = decodeConfig(packet)
	} else {
		err = json.Unmarshal(packet, &m)
	}
	if err != nil {
		return Message{}, fmt.Errorf("sync pipe: packet of %d bytes: %w", len(packet), err)
	}
	switch m.Type {
	case TypeConfig, TypeStep, TypeReady, TypeProceed, TypeFailed:
	default:
		return Message{}, fmt.Errorf("sync pipe: unknown message %.32q", m.Type)
	}
	if (m.Config != nil) != (m.Type == TypeConfig) ||
		(m.Step != nil) != (m.Type == TypeStep) ||
		(m.Failed != nil) != (m.Type == TypeFailed) {
		return Message{}, fmt.Errorf("sync pipe: message %q: wrong body", m.Type)
	}
	return m, nil
}
