// Package cgroup is what a supervisor of one container needs of cgroups: v1 (and
// hybrid hosts, which have v1 controllers beside a v2 hierarchy without any) and
// v2 behind one face.
//
//	host, err := cgroup.Detect()
//	g, err := host.Create("/harpoon", id, owner, limits)  made, locked, marked
//	...       clone the process into g.FD(), or hand it g.Tasks()
//	err = g.SetLimits(limits)                             any time if limits.Roomy(), else once it is ready
//	watch, err := g.WatchOOM()
//	err = g.Stats(&stats)
//	err = g.Remove()                                      whatever is still in it dies
//
// A group is one directory in each hierarchy that has a controller of ours: a
// single one on v2, up to six on v1.
//
// # Whose group it is
//
// Create holds an exclusive flock on the group's directory in the first
// hierarchy until Remove, and marks the directory with the run
// directory's device and inode, in an extended attribute. So a second supervisor
// is told ErrInUse, one that comes after a crash recognises what its predecessor
// has left behind and kills it, and a group with somebody else's processes is
// ErrNotOurs and is left alone. An empty one is replaced, whoever made it: its
// counters are not ours.
//
// # What is done with github.com/containerd/cgroups and what is not
//
// The library says whether the host has v2 alone, and parses /proc/PID/cgroup. Its
// managers, cgroup1 and cgroup2, would make the directories, enable v2's controllers
// and write the limits; they did, until it was measured what linking them costs:
// protobuf, dbus, ebpf, a Go parser and crypto, 4.7 MB of the binary's 8.3 and 44 of
// its 77 package initialisations, which each start pays twice. What they do is one
// mkdir for each hierarchy and one write for each limit.
//
// Nor would the rest of them do: Stat costs 240 us and 354 allocations where a pread
// on an open descriptor costs 1 us; v2's Kill waits for the processes, and reaps a
// child that is somebody else's to wait for; the freezer waits without bound; Delete
// removes nothing that is frozen or alive, and sleeps at least 10 ms once it has met
// EBUSY.
//
// Do not use the package to move a running process, or for controllers other
// than memory, cpu, cpuacct, pids, io (blkio) and freezer.
package cgroup
