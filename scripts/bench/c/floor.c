/*
 * The floor in C: a cgroup, one clone3, the mounts and the identity of a lean
 * container, and nothing else.
 *
 *   floor ROOTFS LIMIT v1|v2 DIRECTORY... -- COMMAND [ARG...]
 *
 * LIMIT is the file for the memory limit. DIRECTORY is made in each hierarchy,
 * and removed at the end.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", file);
	close(fd);
}

static void mounts(const char *rootfs)
{
	static const struct { const char *name; int major, minor; } nodes[] = {
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
	};
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) || chdir(rootfs))
		err(1, "%s", rootfs);
	if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		err(1, "mount /proc");
	if (mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") || chdir("dev"))
		err(1, "mount /dev");
	umask(0);
	for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; i++)
		if (mknod(nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)))
			err(1, "mknod %s", nodes[i].name);
	umask(022);
	if (chdir("..") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		err(1, "pivot_root");
}

static void identity(void)
{
	if (sethostname("bench", 5) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "identity");
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (setgroups(0, NULL) || setresgid(1, 1, 1) || setresuid(1, 1, 1) || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		err(1, "identity");
}

int main(int argc, char **argv)
{
	char *rootfs = argv[1], **directory = argv + 4, **command = directory, *environment[] = {"PATH=/bin", NULL};
	int v2 = !strcmp(argv[3], "v2"), tasks[16], n = 0;
	for (; strcmp(*command, "--"); command++, n++) {
		if (mkdir(*command, 0755))
			err(1, "mkdir %s", *command);
		int fd = open(*command, O_PATH | O_CLOEXEC);
		tasks[n] = v2 ? fd : openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
		if (!v2)
			close(fd);
	}
	command++;
	put(argv[2], "268435456");
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | (v2 ? CLONE_INTO_CGROUP : 0),
		.exit_signal = SIGCHLD,
		.cgroup = v2 ? tasks[0] : 0,
	};
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		err(1, "clone3");
	if (pid == 0) {
		for (int i = 0; !v2 && i < n; i++)
			if (write(tasks[i], "0", 1) < 0)
				err(1, "enter cgroup");
		mounts(rootfs);
		identity();
		execve(*command, command, environment);
		err(1, "%s", *command);
	}
	waitpid(pid, NULL, 0);
	for (int i = 0; i < n; i++)
		if (rmdir(directory[i]))
			err(1, "rmdir %s", directory[i]);
	return 0;
}
