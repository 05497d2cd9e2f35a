package main

import (
	"math"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEveryNumber: the tree answers each number as its list says, and all others
// as unknown, the x32 calls of amd64 and the largest number among them.
func TestEveryNumber(t *testing.T) {
	const x32 = 0x40000000 // __X32_SYSCALL_BIT
	for _, f := range assembled(t) {
		names := map[uint32]string{}
		for name, number := range f.numbers {
			names[number] = name
		}
		check := func(number, want uint32) {
			if got := run(t, f.program, call{arch: f.arch, number: number}); got != want {
				t.Errorf("%s: %d (%s) = %s, want %s", f.goarch, number, names[number], word(got), word(want))
			}
		}
		for number := range uint32(2000) {
			want := notThere
			switch name := names[number]; {
			case slices.Contains(allowed, name):
				want = allow
			case slices.Contains(forbidden, name):
				want = forbid
			case slices.ContainsFunc(privileged, func(p privilege) bool { return slices.Contains(p.names, name) }):
				want = forbid
			case conditional[name].values != nil: // with arguments that are all 0
				want = allow
			}
			check(number, want)
			check(number|x32, notThere)
			check(number|1<<31, notThere)
		}
		for _, number := range []uint32{10000, 1<<16 + 1, x32 - 1, math.MaxInt32, math.MaxUint32} {
			check(number, notThere)
		}
	}
}

// TestForeignMachines: the calls of another machine have other numbers, so that
// none of them is known.
func TestForeignMachines(t *testing.T) {
	for _, f := range assembled(t) {
		for _, arch := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_AARCH64 &^ 0x40000000, 0} {
			for number := range uint32(500) {
				got := run(t, f.program, call{arch: arch, number: number})
				if arch != f.arch && got != notThere {
					t.Fatalf("%s: %d of machine %#x = %s, want ENOSYS", f.goarch, number, arch, word(got))
				}
			}
		}
	}
}

// TestAnswers: what the profile is for, by name.
func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		answer uint32
		names  string
	}{
		{allow, `read write close openat mmap munmap mprotect brk futex execve exit_group wait4 kill tgkill rt_sigaction
			rt_sigprocmask rt_sigreturn getrandom prctl clock_gettime nanosleep sched_yield sched_getaffinity epoll_pwait
			eventfd2 pipe2 dup3 fcntl getdents64 newfstatat statx set_robust_list rseq setsockopt bind listen accept4 connect
			sendmsg recvmsg prlimit64 uname getcwd chdir fchownat unlinkat renameat2 ppoll pselect6 membarrier madvise
			memfd_create seccomp ptrace process_vm_readv close_range pidfd_open faccessat2 openat2 copy_file_range flock
			inotify_init1 timerfd_create signalfd4 mknodat setgroups setresuid capset io_setup`},
		{forbid, `mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr
			setns unshare keyctl add_key request_key bpf perf_event_open userfaultfd kexec_load init_module finit_module
			delete_module io_uring_setup io_uring_enter io_uring_register open_by_handle_at swapon swapoff reboot acct
			settimeofday clock_settime syslog quotactl kcmp pidfd_getfd process_madvise mbind set_mempolicy move_pages
			migrate_pages sethostname setdomainname fanotify_init lookup_dcookie nfsservctl vhangup`},
		{notThere, "clone3 listns"},
	} {
		for _, f := range assembled(t) {
			names := words(test.names)
			if f.goarch == "amd64" {
				names = append(names, map[uint32][]string{
					allow:  words("open stat fork vfork select poll arch_prctl pause epoll_wait dup2"),
					forbid: words("iopl ioperm uselib ustat sysfs _sysctl create_module kexec_file_load"),
				}[test.answer]...)
			}
			for _, name := range names {
				c := call{arch: f.arch, number: f.number(t, name)}
				if got := run(t, f.program, c); got != test.answer {
					t.Errorf("%s: %s = %s, want %s", f.goarch, name, word(got), word(test.answer))
				}
			}
		}
	}
}

// TestArguments: the answers that depend on an argument. Whatever its upper half
// holds, which the kernel does not look at, changes none (CVE-2019-10063).
func TestArguments(t *testing.T) {
	for _, test := range []struct {
		name  string
		arg   int
		value uint32
		want  uint32
	}{
		{"ioctl", 1, unix.TIOCSTI, forbid},
		{"ioctl", 1, unix.TIOCLINUX, forbid},
		{"ioctl", 1, unix.TIOCSTI - 1, allow},
		{"ioctl", 1, unix.TIOCSTI + 1, allow},
		{"ioctl", 1, unix.TIOCLINUX + 1, allow},
		{"ioctl", 1, unix.TIOCGWINSZ, allow},
		{"ioctl", 1, 0, allow},
		{"ioctl", 1, math.MaxUint32, allow},
		{"ioctl", 0, unix.TIOCSTI, allow}, // the descriptor
		{"clone", 0, 0, allow},
		{"clone", 0, unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM, allow},
		{"clone", 0, unix.CLONE_VFORK | unix.CLONE_VM | uint32(unix.SIGCHLD), allow},
		{"clone", 0, unix.CLONE_PIDFD | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_CLEARTID, allow},
		{"clone", 0, unix.CLONE_NEWUSER, forbid},
		{"clone", 0, unix.CLONE_NEWNS | uint32(unix.SIGCHLD), forbid},
		{"clone", 0, unix.CLONE_NEWPID, forbid},
		{"clone", 0, unix.CLONE_NEWNET | unix.CLONE_VM, forbid},
		{"clone", 0, unix.CLONE_NEWIPC, forbid},
		{"clone", 0, unix.CLONE_NEWUTS, forbid},
		{"clone", 0, unix.CLONE_NEWCGROUP, forbid},
		{"clone", 0, math.MaxUint32, forbid},
		{"clone", 1, unix.CLONE_NEWUSER, allow}, // the stack
		{"personality", 0, 0, allow},
		{"personality", 0, 8, allow},
		{"personality", 0, 0x20000, allow},
		{"personality", 0, 0x20008, allow},
		{"personality", 0, 0xffffffff, allow},
		{"personality", 0, 1, forbid},
		{"personality", 0, 7, forbid},
		{"personality", 0, 9, forbid},
		{"personality", 0, 0x40000, forbid},    // ADDR_NO_RANDOMIZE
		{"personality", 0, 0x400000, forbid},   // READ_IMPLIES_EXEC
		{"personality", 0, 0x420008, forbid},   //
		{"personality", 0, 0xfffffffe, forbid}, //
		{"socket", 0, unix.AF_UNIX, allow},
		{"socket", 0, unix.AF_INET, allow},
		{"socket", 0, unix.AF_INET6, allow},
		{"socket", 0, unix.AF_NETLINK, allow},
		{"socket", 0, unix.AF_PACKET, allow},
		{"socket", 0, 39, allow},
		{"socket", 0, unix.AF_ALG, forbid},
		{"socket", 0, unix.AF_VSOCK, forbid},
		{"socket", 0, unix.AF_MCTP + 1, forbid},
		{"socket", 0, math.MaxUint32, forbid},
		{"socketpair", 0, unix.AF_UNIX, allow},
		{"socketpair", 0, unix.AF_ALG, forbid},
	} {
		for _, f := range assembled(t) {
			for _, high := range []uint64{0, 1, 1 << 31, math.MaxUint32, unix.CLONE_NEWUSER, unix.TIOCSTI} {
				c := call{arch: f.arch, number: f.number(t, test.name)}
				c.args[test.arg] = high<<32 | uint64(test.value)
				if got := run(t, f.program, c); got != test.want {
					t.Errorf("%s: %s with argument %d %#x = %s, want %s", f.goarch, test.name, test.arg, c.args[test.arg], word(got), word(test.want))
				}
			}
		}
	}
}

// TestTracedEnd: nobody may have another's end wait for him, who could wait for the other's.
func TestTracedEnd(t *testing.T) {
	const rest = unix.PTRACE_O_MASK &^ unix.PTRACE_O_TRACEEXIT
	for _, test := range []struct {
		request uint32
		options uint64
		want    uint32
	}{
		{unix.PTRACE_SEIZE, unix.PTRACE_O_TRACEEXIT, forbid},
		{unix.PTRACE_SETOPTIONS, unix.PTRACE_O_TRACEEXIT, forbid},
		{oldSetOptions, unix.PTRACE_O_TRACEEXIT, forbid},
		{unix.PTRACE_SEIZE, unix.PTRACE_O_MASK, forbid},
		{unix.PTRACE_SEIZE, 1<<32 | unix.PTRACE_O_TRACEEXIT, forbid},
		{unix.PTRACE_SEIZE, rest, allow},
		{unix.PTRACE_SETOPTIONS, rest, allow},
		{unix.PTRACE_SEIZE, 0, allow},
		{unix.PTRACE_TRACEME, unix.PTRACE_O_TRACEEXIT, allow}, // of others it is data
		{unix.PTRACE_POKEDATA, math.MaxUint64, allow},
		{unix.PTRACE_SETSIGINFO, unix.PTRACE_O_TRACEEXIT, allow},
		{unix.PTRACE_SEIZE + 1, unix.PTRACE_O_TRACEEXIT, allow},
	} {
		for _, f := range assembled(t) {
			c := call{arch: f.arch, number: f.number(t, "ptrace"), args: [6]uint64{uint64(test.request), 1, 0, test.options}}
			if got := run(t, f.program, c); got != test.want {
				t.Errorf("%s: ptrace %#x with %#x = %s, want %s", f.goarch, test.request, test.options, word(got), word(test.want))
			}
			if got := run(t, f.with(unix.CAP_SYS_PTRACE).program, c); got != allow {
				t.Errorf("%s: ptrace %#x with %#x and CAP_SYS_PTRACE = %s", f.goarch, test.request, test.options, word(got))
			}
		}
	}
}

// TestCapabilities: each opens its own calls and no others.
func TestCapabilities(t *testing.T) {
	const namespace = unix.CLONE_NEWUSER
	for _, test := range []struct {
		caps      []int
		open      string
		shut      string
		namespace uint32 // the answer to clone with a new one
	}{
		{nil, "read", "mount chroot bpf syslog kcmp reboot settimeofday", forbid},
		{[]int{unix.CAP_SYS_ADMIN}, "mount umount2 setns unshare bpf perf_event_open syslog fsopen", "chroot keyctl kexec_load init_module io_uring_setup", allow},
		{[]int{unix.CAP_BPF}, "bpf", "mount perf_event_open", forbid},
		{[]int{unix.CAP_PERFMON}, "perf_event_open", "bpf", forbid},
		{[]int{unix.CAP_SYSLOG}, "syslog", "bpf mount", forbid},
		{[]int{unix.CAP_DAC_READ_SEARCH}, "open_by_handle_at", "mount", forbid},
		{[]int{unix.CAP_SYS_CHROOT}, "chroot", "pivot_root", forbid},
		{[]int{unix.CAP_SYS_TIME, unix.CAP_SYS_NICE}, "settimeofday clock_settime mbind", "reboot", forbid},
		{[]int{unix.CAP_SYS_PTRACE}, "kcmp pidfd_getfd process_madvise", "mount", forbid},
		{[]int{unix.CAP_SYS_BOOT}, "reboot", "kexec_load acct", forbid},
		{[]int{unix.CAP_SYS_PACCT}, "acct", "reboot", forbid},
		{[]int{unix.CAP_SYS_MODULE}, "init_module finit_module delete_module", "mount", forbid},
		{[]int{unix.CAP_SYS_TTY_CONFIG}, "vhangup", "mount", forbid},
		{[]int{unix.CAP_NET_ADMIN, unix.CAP_SETUID, unix.CAP_CHOWN}, "read", "mount chroot bpf setns vhangup", forbid},
	} {
		for _, f := range assembled(t) {
			f := f.with(test.caps...)
			check := func(c call, name string, want uint32) {
				c.arch, c.number = f.arch, f.number(t, name)
				if got := run(t, f.program, c); got != want {
					t.Errorf("%s with capabilities %v: %s = %s, want %s", f.goarch, test.caps, name, word(got), word(want))
				}
			}
			for _, name := range words(test.open) {
				check(call{}, name, allow)
			}
			for _, name := range words(test.shut) {
				check(call{}, name, forbid)
			}
			check(call{args: [6]uint64{namespace}}, "clone", test.namespace)
			check(call{args: [6]uint64{0, unix.TIOCSTI}}, "ioctl", forbid)
			check(call{args: [6]uint64{unix.AF_ALG}}, "socket", forbid)
			check(call{}, "clone3", notThere)
		}
	}
}
