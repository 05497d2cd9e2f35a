package shim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"harpoon-supervisor/pkg/agent"
	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/pkg/plainjson"
	"harpoon-supervisor/pkg/syncpipe"
)

// What a container gets whose configuration says nothing else.
const (
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	defaultHome = "/"
	rootfsName  = "rootfs"
	configName  = "agent.json"
)

// container is what is started, as resolved from the configuration.
type container struct {
	restart agent.Restart
	network agent.Network
	seccomp agent.Seccomp
	// capabilities are those of init, by name.
	capabilities []agent.Capability
	limits       cgroup.Limits
	init         syncpipe.Config // but for what differs from run to run
}

// maxConfig bounds agent.json, in bytes.
const maxConfig = 16 << 20

// readRegular reads a file that anybody may have made, of at most limit bytes.
func readRegular(name string, limit int) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // it may be a FIFO
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	var data bytes.Buffer
	data.Grow(int(min(info.Size(), int64(limit))) + bytes.MinRead)
	_, err = data.ReadFrom(io.LimitReader(f, int64(limit)+1))
	if err == nil && data.Len() > limit {
		err = fmt.Errorf("%s: larger than %d bytes", name, limit)
	}
	return data.Bytes(), err
}

// readConfig reads and validates agent.json.
func readConfig() (*agent.ContainerConfig, error) {
	data, err := readRegular(configName, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w (the working directory is to be the run directory)", err)
	}
	if err != nil {
		return nil, err
	}
	config, err := agent.ParseConfig(data)
	if err == nil {
		err = checkCapabilities(config.Capabilities)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configName, err)
	}
	return config, nil
}

// resolve works out what the configuration means.
func resolve(o Options, config *agent.ContainerConfig) *container {
	const mib = 1 << 20
	c := &container{
		restart:      config.Restart,
		network:      cmp.Or(config.Network, agent.NetworkHost),
		seccomp:      cmp.Or(config.Seccomp, agent.SeccompDefault),
		capabilities: config.Capabilities,
		limits: cgroup.Limits{
			Memory:   config.Resources.Mem * mib,
			CPU:      config.Resources.CPU,
			PIDs:     config.Resources.PIDs,
			OOMGroup: config.Resources.OOMGroup,
		},
		init: syncpipe.Config{
			Hostname:   o.Hostname,
			Rootfs:     rootfsName,
			NetNS:      config.Network.Path(),
			WorkingDir: path.Join("/", config.Command.WorkingDir),
			NoFile:     cmp.Or(config.Resources.FD, agent.DefaultFD),
			Unconfined: config.Seccomp == agent.SeccompUnconfined,
			Env:        environment(config.Env),
		},
	}
	if !utf8.ValidString(o.Hostname) {
		c.init.Hostname, c.init.HostnameBytes = "", []byte(o.Hostname)
	}
	c.init.UID, c.init.GID, _ = config.User.IDs() // validated
	c.init.Capabilities = capabilitySet(config.Capabilities)
	if n := config.UserNS; n != nil {
		c.init.UserNS = &syncpipe.UserNS{UID: n.UID, GID: n.GID, Size: n.Size}
	}
	for _, arg := range o.Command {
		c.init.Argv = append(c.init.Argv, []byte(arg))
	}
	for dest, size := range config.Storage.Tmp {
		c.init.Mounts = append(c.init.Mounts, syncpipe.Mount{Dest: path.Clean(dest), Size: uint64(max(size, 0)) * mib})
	}
	for dest, source := range config.Storage.Volumes {
		c.init.Mounts = append(c.init.Mounts, syncpipe.Mount{Dest: path.Clean(dest), Source: path.Clean(source)})
	}
	slices.SortFunc(c.init.Mounts, func(a, b syncpipe.Mount) int { return strings.Compare(a.Dest, b.Dest) })
	return c
}

// environment returns the command's environment, sorted by key.
func environment(env map[string]string) [][]byte {
	full := map[string]string{"HOME": defaultHome, "PATH": defaultPath}
	maps.Copy(full, env)
	var list [][]byte
	for _, key := range slices.Sorted(maps.Keys(full)) {
		list = append(list, []byte(key+"="+full[key]))
	}
	return list
}

// describe returns the content of container.json.
func (c *container) describe(o Options, name cgroupName) []byte {
	var keys []string
	for _, entry := range c.init.Env {
		key, _, _ := strings.Cut(string(entry), "=")
		keys = append(keys, key)
	}
	b := plainjson.AppendText([]byte{'{'}, "hostname", o.Hostname)
	b = plainjson.AppendTexts(b, "command", o.Command)
	b = plainjson.AppendText(b, "working_dir", c.init.WorkingDir)
	b = plainjson.AppendTexts(b, "env", keys)
	b = plainjson.AppendUint(b, "uid", uint64(c.init.UID))
	b = plainjson.AppendUint(b, "gid", uint64(c.init.GID))
	b = plainjson.AppendTexts(b, "capabilities", append([]agent.Capability{}, c.capabilities...))
	b = name.append(b, "cgroup")
	b = append(plainjson.AppendKey(b, "limits"), '{')
	b = plainjson.AppendUint(b, "memory_bytes", c.limits.Memory)
	b = strconv.AppendFloat(plainjson.AppendKey(b, "cpus"), c.limits.CPU, 'f', -1, 64)
	b = plainjson.AppendUint(b, "pids", c.limits.PIDs)
	b = plainjson.AppendBool(b, "oom_group", c.limits.OOMGroup)
	b = plainjson.AppendUint(b, "open_files", c.init.NoFile)
	b = append(b, '}')
	b = syncpipe.AppendUserNS(b, "userns", c.init.UserNS)
	b = syncpipe.AppendMounts(b, "mounts", c.init.Mounts)
	b = plainjson.AppendText(b, "network", string(c.network))
	b = plainjson.AppendText(b, "seccomp", string(c.seccomp))
	b = plainjson.AppendText(b, "restart", string(c.restart))
	b = append(plainjson.AppendKey(b, "supervisor"), '{')
	b = plainjson.AppendUint(b, "pid", uint64(os.Getpid()))
	b = plainjson.AppendText(b, "version", o.Version)
	b = append(b, "}}\n"...)
	var text bytes.Buffer
	_ = json.Indent(&text, b, "", "  ") // it is valid
	return text.Bytes()
}
