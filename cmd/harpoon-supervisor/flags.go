package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"harpoon-supervisor/pkg/cgroup"
	"harpoon-supervisor/shim"
)

const usage = `usage: harpoon-supervisor --hostname HOST --ID ID [flags] -- COMMAND [ARG ...]

Starts COMMAND in a container and supervises it. The working directory is the
run directory; it holds agent.json and rootfs.

  --hostname HOST       the container's hostname, 1 to 64 bytes
  --ID ID               names the container's cgroup, PARENT/ID (also: --id)
  --cgroup-parent PATH  PARENT: an absolute path within each cgroup hierarchy, or
                        "self" for the supervisor's own cgroup (default /harpoon)
  --trace FILE          write Chrome trace events of each start to FILE (also:
                        HARPOON_TRACE=FILE in the environment)
  --version             print the version
  -h, --help            print this
`

var errHelp, errVersion = flag.ErrHelp, errors.New("version asked")

// maxHostname is __NEW_UTS_LEN of uname(2), in bytes.
const maxHostname = 64

// parse reads the command line. A flag that is given twice has its last value.
func parse(args []string) (shim.Options, error) {
	var o shim.Options
	flags := flag.NewFlagSet("harpoon-supervisor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Hostname, "hostname", "", "")
	flags.StringVar(&o.ID, "ID", "", "")
	flags.StringVar(&o.ID, "id", "", "")
	flags.StringVar(&o.CgroupParent, "cgroup-parent", "/harpoon", "")
	flags.StringVar(&o.Trace, "trace", os.Getenv("HARPOON_TRACE"), "")
	versionAsked := flags.Bool("version", false, "")

	// The flag package would swallow the "--".
	end, own := slices.Index(args, "--"), args
	if end >= 0 {
		own = args[:end]
	}
	if err := flags.Parse(own); err != nil {
		return o, err
	}
	switch {
	case *versionAsked:
		return o, errVersion
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q before --", flags.Arg(0))
	case end < 0:
		return o, errors.New("no -- before the command")
	case o.Hostname == "":
		return o, errors.New("flag --hostname is missing or empty")
	case len(o.Hostname) > maxHostname:
		return o, fmt.Errorf("flag --hostname: %d bytes, at most %d", len(o.Hostname), maxHostname)
	case o.ID == "":
		return o, errors.New("flag --ID is missing or empty")
	case o.CgroupParent != "self" && !path.IsAbs(o.CgroupParent):
		return o, fmt.Errorf("flag --cgroup-parent: %q: neither an absolute path nor \"self\"", o.CgroupParent)
	case slices.Contains(strings.Split(o.CgroupParent, "/"), ".."):
		return o, fmt.Errorf("flag --cgroup-parent: %q: holds an element \"..\"", o.CgroupParent)
	}
	if err := cgroup.ValidID(o.ID); err != nil {
		return o, fmt.Errorf("flag --ID: %w", err)
	}
	o.Command = args[end+1:]
	return o, nil
}
