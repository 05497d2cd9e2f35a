package main

import (
	"strings"

	"golang.org/x/sys/unix"
)

// The answers of the filter: return values of a seccomp program (seccomp(2)).
const (
	allow    uint32 = unix.SECCOMP_RET_ALLOW
	forbid   uint32 = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	notThere uint32 = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// The profile is in the spirit of the default profile that the OCI runtimes'
// engines ship. Every system call that golang.org/x/sys/unix names for amd64 or
// arm64 is in exactly one of the lists: what the kernel gets later is in none, and
// is answered ENOSYS, as by a kernel that has not got it yet. So a C library or a
// runtime that tries it falls back on what it did before; EPERM would be an error
// to it (moby#42680).

// allowed are the calls that need no look at their arguments. ptrace and
// process_vm_* are among them because the kernels that we run on, from 4.8 on, do
// not let a tracer go around the filter.
var allowed = words(`
	accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset
	chdir chmod chown clock_adjtime clock_getres clock_gettime clock_nanosleep close
	close_range connect copy_file_range creat dup dup2 dup3 epoll_create
	epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2
	execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate
	fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync
	fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync
	ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat
	get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid geteuid
	getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority
	getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
	gettid gettimeofday getuid getxattr getxattrat inotify_add_watch inotify_init
	inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
	io_setup io_submit ioprio_get ioprio_set kill landlock_add_rule
	landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen
	listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat
	madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir
	mkdirat mknod mknodat mlock mlock2 mlockall mmap modify_ldt mprotect
	mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap
	mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
	name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open
	pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl
	pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv
	process_vm_writev pselect6 pwrite64 pwritev pwritev2 read readahead
	readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr
	removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
	rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
	rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
	sched_getaffinity sched_getattr sched_getparam sched_getscheduler
	sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
	sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
	sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address
	setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid
	setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr
	setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4
	splice stat statfs statmount statx symlink symlinkat sync sync_file_range syncfs
	sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
	timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate
	umask uname unlink unlinkat uprobe uretprobe utime utimensat utimes vfork vmsplice
	wait4 waitid write writev`)

// forbidden are the calls that no capability opens.
var forbidden = words(`
	_sysctl add_key afs_syscall create_module epoll_ctl_old epoll_wait_old
	get_kernel_syms getpmsg io_uring_enter io_uring_register io_uring_setup
	kexec_file_load kexec_load keyctl migrate_pages move_pages nfsservctl pivot_root
	putpmsg query_module request_key security swapoff swapon sysfs tuxcall uselib
	userfaultfd ustat vserver`)

// privilege names calls that are forbidden unless the command has one of the
// capabilities.
type privilege struct {
	names []string
	caps  []int
}

// privileged are the calls that the kernel itself would mostly refuse without the
// capability, but after more of its code has run.
var privileged = []privilege{
	{words(`fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
		lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree
		open_tree_attr quotactl quotactl_fd setdomainname sethostname setns umount2
		unshare`), []int{unix.CAP_SYS_ADMIN}},
	{words("bpf"), []int{unix.CAP_SYS_ADMIN, unix.CAP_BPF}},
	{words("perf_event_open"), []int{unix.CAP_SYS_ADMIN, unix.CAP_PERFMON}},
	{words("syslog"), []int{unix.CAP_SYS_ADMIN, unix.CAP_SYSLOG}},
	{words("open_by_handle_at"), []int{unix.CAP_DAC_READ_SEARCH}},
	{words("reboot"), []int{unix.CAP_SYS_BOOT}},
	{words("chroot"), []int{unix.CAP_SYS_CHROOT}},
	{words("delete_module finit_module init_module"), []int{unix.CAP_SYS_MODULE}},
	{words("get_mempolicy mbind set_mempolicy set_mempolicy_home_node"), []int{unix.CAP_SYS_NICE}},
	{words("acct"), []int{unix.CAP_SYS_PACCT}},
	{words("kcmp pidfd_getfd process_madvise"), []int{unix.CAP_SYS_PTRACE}},
	{words("ioperm iopl"), []int{unix.CAP_SYS_RAWIO}},
	{words("clock_settime settimeofday"), []int{unix.CAP_SYS_TIME}},
	{words("vhangup"), []int{unix.CAP_SYS_TTY_CONFIG}},
}

// missing are the calls that are answered as if the kernel had not got them.
// clone3, because its flags are in memory, where no filter can see them: without
// it, glibc and others do the same with clone. The others are new, and nothing
// depends on them yet.
var missing = words("clone3 file_getattr file_setattr listns rseq_slice_yield")

// condition is a look at one argument. The kernel takes each of these arguments
// as 32 bits wide, or refuses more, and so does the filter: whatever is in the upper
// half changes neither what the call does nor what is answered (CVE-2019-10063).
type condition struct {
	arg    int      // from 0
	mask   uint32   // what of it counts; 0 is all
	values []uint32 // those that are answered listed
	listed uint32
	also   *condition // if not nil it answers those instead
	others uint32
	caps   []int // with one of them, what is forbidden is allowed
}

const namespaces = unix.CLONE_NEWCGROUP | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWNS |
	unix.CLONE_NEWPID | unix.CLONE_NEWUSER | unix.CLONE_NEWUTS

const oldSetOptions = 21 // PTRACE_OLDSETOPTIONS of amd64 (asm/ptrace-abi.h)

// conditional are the calls whose answer depends on an argument.
var conditional = map[string]condition{
	// New namespaces, the user namespace above all, open most of the kernel
	// to anybody. CLONE_NEWTIME cannot be asked for here: its bit is another's.
	"clone": {arg: 0, mask: namespaces, values: []uint32{0}, listed: allow, others: forbid, caps: []int{unix.CAP_SYS_ADMIN}},
	// Both type into the terminal of whoever has started the container.
	"ioctl": {arg: 1, values: []uint32{unix.TIOCSTI, unix.TIOCLINUX}, listed: forbid, others: allow},
	// PER_LINUX and PER_LINUX32, each with UNAME26 or without, and the question.
	// The rest turns off protections: ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC.
	"personality": {arg: 0, values: []uint32{0, 0x8, 0x20000, 0x20008, 0xffffffff}, listed: allow, others: forbid},
	// Two that trace one another's end never come to it: each waits there for the
	// other, and SIGKILL does not wake them. Nothing but a reboot ends them.
	"ptrace": {arg: 0, values: []uint32{oldSetOptions, unix.PTRACE_SETOPTIONS, unix.PTRACE_SEIZE}, others: allow, also: &condition{
		arg: 3, mask: unix.PTRACE_O_TRACEEXIT, values: []uint32{0}, listed: allow, others: forbid, caps: []int{unix.CAP_SYS_PTRACE}}},
	"socket":     families,
	"socketpair": families,
}

// families are the address families that the kernel has and that are a
// container's business. AF_ALG, the kernel's cryptography, is not (CVE-2026-31431),
// nor is AF_VSOCK, which knows no network namespace and reaches the hypervisor.
var families = condition{arg: 0, listed: allow, others: forbid, values: []uint32{
	unix.AF_UNSPEC, // not a family: the kernel says so
	unix.AF_UNIX, unix.AF_INET, unix.AF_AX25, unix.AF_IPX, unix.AF_APPLETALK, unix.AF_NETROM, unix.AF_BRIDGE,
	unix.AF_ATMPVC, unix.AF_X25, unix.AF_INET6, unix.AF_ROSE, unix.AF_NETBEUI, unix.AF_SECURITY, unix.AF_KEY,
	unix.AF_NETLINK, unix.AF_PACKET, unix.AF_ASH, unix.AF_RDS, unix.AF_SNA, unix.AF_PPPOX, unix.AF_LLC, unix.AF_IB,
	unix.AF_MPLS, unix.AF_CAN, unix.AF_TIPC, unix.AF_BLUETOOTH, unix.AF_IUCV, unix.AF_RXRPC, unix.AF_PHONET,
	unix.AF_IEEE802154, unix.AF_NFC, unix.AF_KCM, unix.AF_QIPCRTR, unix.AF_SMC, unix.AF_XDP, unix.AF_MCTP,
}}

func words(text string) []string { return strings.Fields(text) }
