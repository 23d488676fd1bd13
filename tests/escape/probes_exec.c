/* A: binaries, descriptors and processes that are the runtime's (reliability.md 1.2). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/probe.h"

enum { MAX_FD = 4096, MAX_CLIMB = 64, MANY = 300 };

/* ---- A1: the program that runs us ---- */

static void write_program(const struct probe *p, struct outcome *o)
{
	tried(o, open(p->path, (int)p->n | O_CLOEXEC));
}

static void write_by_descriptor(const struct probe *p, struct outcome *o)
{
	int fd = open(p->path, O_PATH | O_CLOEXEC);
	char again[64];

	if (fd < 0) {
		tried(o, fd);
		return;
	}
	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	tried(o, open(again, O_WRONLY | O_CLOEXEC));
}

static void truncate_program(const struct probe *p, struct outcome *o)
{
	tried(o, truncate(p->path, 0));
}

/* Whether it is somebody else's program is told by the path. */
static bool is_foreign_program(const struct probe *p, struct outcome *o)
{
	return strncmp(p->path, "/proc/1/", 8) != 0 || init_is_foreign(o);
}

static void chmod_program(const struct probe *p, struct outcome *o)
{
	if (is_foreign_program(p, o))
		tried(o, chmod(p->path, 04777));
}

static void link_program(const struct probe *p, struct outcome *o)
{
	if (!is_foreign_program(p, o))
		return;
	tried(o, linkat(AT_FDCWD, p->path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	(void)unlink("linked");
}

static void read_program(const struct probe *p, struct outcome *o)
{
	if (init_is_foreign(o))
		tried(o, open(p->path, O_RDONLY | O_CLOEXEC));
}

static void name_program(const struct probe *p, struct outcome *o)
{
	if (init_is_foreign(o))
		tried(o, readlink(p->path, o->detail, sizeof(o->detail) - 1));
}

static void execute_program(const struct probe *p, struct outcome *o)
{
	char *argv[] = { (char[]){ "x" }, NULL }, *env[] = { NULL };

	if (!init_is_foreign(o))
		return;
	(void)freopen("/dev/null", "w", stderr);
	tried(o, execve(p->path, argv, env));
}

/* Is what PID runs open to us for writing?  ARG counts those that were. */
static void write_foreign_program(pid_t pid, void *arg)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		++*(int *)arg;
		(void)close(fd);
	}
}

/* VISIT counts its successes with whoever comes by. */
static void lie_in_wait(void (*visit)(pid_t pid, void *arg), struct outcome *o)
{
	int n = 0;

	for (int i = 0; i < MANY; i++)
		visit_foreign(visit, &n);
	judge(o, n > 0, "%d rounds", MANY);
}

static void write_all_programs(const struct probe *p, struct outcome *o)
{
	(void)p;
	lie_in_wait(write_foreign_program, o);
}

/* ---- A2: processes that are not ours ---- */

static void trace(const struct probe *p, struct outcome *o)
{
	if (init_is_foreign(o))
		tried(o, ptrace((enum __ptrace_request)p->n, 1, NULL, NULL));
}

static void take_descriptor(const struct probe *p, struct outcome *o)
{
	int pidfd;

	if (!init_is_foreign(o))
		return;
	pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
	if (pidfd < 0)
		tried(o, pidfd);
	else
		tried(o, syscall(SYS_pidfd_getfd, pidfd, (int)p->n, 0));
}

static void read_memory(const struct probe *p, struct outcome *o)
{
	char here[8];
	struct iovec local = { here, sizeof(here) }, remote = { here, sizeof(here) };

	(void)p;
	if (init_is_foreign(o))
		tried(o, process_vm_readv(1, &local, 1, &remote, 1, 0));
}

static void write_memory(const struct probe *p, struct outcome *o)
{
	char here[8] = "";
	struct iovec local = { here, sizeof(here) }, remote = { here, sizeof(here) };

	(void)p;
	if (init_is_foreign(o))
		tried(o, process_vm_writev(1, &local, 1, &remote, 1, 0));
}

static void compare_processes(const struct probe *p, struct outcome *o)
{
	(void)p;
	if (init_is_foreign(o))
		tried(o, syscall(SYS_kcmp, 1, getpid(), KCMP_FILES, 0, 0));
}

static void advise_memory(const struct probe *p, struct outcome *o)
{
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
	struct iovec range = { &pidfd, sizeof(pidfd) };

	(void)p;
	if (init_is_foreign(o))
		tried(o, syscall(SYS_process_madvise, pidfd, &range, 1, 20, 0));
}

/* Something of init below /proc/1: what counts is what can be read. */
static void read_of_init(const struct probe *p, struct outcome *o)
{
	char byte;
	ssize_t n;
	int fd;

	if (!init_is_foreign(o))
		return;
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? fd : read(fd, &byte, 1);
	tried(o, n);
	if (n == 0)
		judge(o, false, "empty");
}

static void list_of_init(const struct probe *p, struct outcome *o)
{
	const struct dirent *entry;
	DIR *dir;

	if (!init_is_foreign(o))
		return;
	dir = opendir(p->path);
	if (!dir) {
		tried(o, -1);
		return;
	}
	errno = 0;
	while ((entry = readdir(dir)) && entry->d_name[0] == '.')
		;
	if (entry)
		judge(o, true, "'%.100s'", entry->d_name);
	else
		judge(o, false, "empty");
	o->error = entry ? 0 : errno;
	(void)closedir(dir);
}

/* What it holds already, so that it is the same if the write gets through. */
static void write_of_init(const struct probe *p, struct outcome *o)
{
	/* The kernel shows some numbers as hexadecimal without the 0x that it wants to read. */
	char text[64] = "0x";
	size_t prefix = p->n == 16 ? 2 : 0;
	int fd;

	if (!init_is_foreign(o))
		return;
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text + prefix, sizeof(text) - 1 - prefix) <= 0)
		(void)strcpy(text, "1\n");
	fd = open(p->path, O_WRONLY | O_CLOEXEC);
	tried(o, fd < 0 ? fd : write(fd, text, strlen(text)));
}

static void read_link_of_init(const struct probe *p, struct outcome *o)
{
	if (init_is_foreign(o))
		tried(o, readlink(p->path, o->detail, sizeof(o->detail) - 1));
}

static bool is_runtime(pid_t pid)
{
	char name[32];

	read_status(pid, "Name", name, sizeof(name));
	return strncmp(name, "tepui", 5) == 0;
}

/*
 * Whatever starts beside us, from its fork on: is there a moment when it can be looked into?  What
 * was the runtime before the look and after it, was so in between.
 */
static void look_into(pid_t pid, void *arg)
{
	static const char *const names[] = {
		"exe", "cwd", "root", "fd/0", "fd/1", "fd/3", "fd/4", "ns/mnt",
	};
	char path[64], target[192];
	int *n = arg;

	for (size_t i = 0; i < ARRAY_SIZE(names) && is_runtime(pid); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, names[i]);
		if (readlink(path, target, sizeof(target)) >= 0 && is_runtime(pid))
			++*n;
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
		++*n;
}

static void look_into_all(const struct probe *p, struct outcome *o)
{
	(void)p;
	lie_in_wait(look_into, o);
}

/* ---- A3, A4: descriptors ---- */

static void count_descriptors(const struct probe *p, struct outcome *o)
{
	int n = 0;

	(void)p;
	for (int fd = 0; fd < MAX_FD; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	judge(o, n != 3 || fcntl(2, F_GETFD) < 0, "%d descriptors", n);
}

static void climb_from_descriptor(const struct probe *p, struct outcome *o)
{
	struct stat root, up;
	int n = 0;

	(void)p;
	if (stat("/", &root) < 0) {
		tried(o, -1);
		return;
	}
	for (int fd = 0; fd < MAX_FD; fd++) {
		if (fstatat(fd, "..", &up, 0) == 0)
			n++;
	}
	judge(o, n > 0, "%d directories", n);
}

static void enter_descriptor(const struct probe *p, struct outcome *o)
{
	char path[64];
	int n = 0;

	(void)p;
	for (int fd = 0; fd < 1024; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n += chdir(path) == 0;
		n += fchdir(fd) == 0;
	}
	judge(o, n > 0, "%d directories", n);
}

/* Above the root there is the root: the device, the inode and the mount are the same. */
static void climb(const struct probe *p, struct outcome *o)
{
	struct statx root, top;
	bool is_same;

	if (p->path && chdir(p->path) < 0) {
		tried(o, -1);
		return;
	}
	for (int i = 0; i < MAX_CLIMB; i++) {
		if (chdir("..") < 0)
			break;
	}
	if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &root) < 0 ||
	    statx(AT_FDCWD, ".", 0, STATX_INO | STATX_MNT_ID, &top) < 0) {
		judge(o, true, "cannot tell: %s", strerror(errno));
		return;
	}
	is_same = root.stx_ino == top.stx_ino && root.stx_mnt_id == top.stx_mnt_id &&
		root.stx_dev_minor == top.stx_dev_minor && root.stx_dev_major == top.stx_dev_major;
	judge(o, !is_same, "inode %llu of mount %llu", (unsigned long long)top.stx_ino,
	      (unsigned long long)top.stx_mnt_id);
}

static void is_unreachable(const struct probe *p, struct outcome *o)
{
	char path[4096];

	(void)p;
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		judge(o, true, "%s", strerror(errno));
	else
		judge(o, path[0] != '/', "%.180s", path);
}

/* 0 is the null device; 1 and 2 are files or pipes, not sockets and not somebody's terminal. */
static void kinds_of_descriptors(const struct probe *p, struct outcome *o)
{
	struct stat st[3];
	bool is_open = false;

	(void)p;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st[fd]) < 0) {
			judge(o, true, "descriptor %d: %s", fd, strerror(errno));
			return;
		}
	}
	is_open |= !S_ISCHR(st[0].st_mode) || st[0].st_rdev != makedev(1, 3);
	for (int fd = 1; fd < 3; fd++)
		is_open |= !S_ISREG(st[fd].st_mode) && !S_ISFIFO(st[fd].st_mode);
	judge(o, is_open, "%o %o %o", st[0].st_mode & S_IFMT, st[1].st_mode & S_IFMT,
	      st[2].st_mode & S_IFMT);
}

static void steal_output(const struct probe *p, struct outcome *o)
{
	char path[64];

	/* A pipe's end to which only its reader has a right, or a file of ours. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%ld", p->n);
	tried(o, open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/* ---- A7: processes of the host ---- */

static void signal_canary(const struct probe *p, struct outcome *o)
{
	const char *pid = fact(o, "CANARY_PID");

	if (pid)
		tried(o, syscall(p->n, atoi(pid),
				 p->n == SYS_tgkill ? atoi(pid) : SIGUSR1, SIGUSR1));
}

static void open_canary_process(const struct probe *p, struct outcome *o)
{
	const char *pid = fact(o, p->path);

	if (pid)
		tried(o, syscall(SYS_pidfd_open, atoi(pid), 0));
}

static void signal_canary_by_owner(const struct probe *p, struct outcome *o)
{
	const char *pid = fact(o, "CANARY_PID");
	int fds[2];

	(void)p;
	if (pid && pipe(fds) == 0)
		tried(o, fcntl(fds[0], F_SETOWN, atoi(pid)));
}

/* Every process that can be seen: the host's checker tells whether its own felt it. */
static void signal_all(const struct probe *p, struct outcome *o)
{
	(void)p;
	(void)signal(SIGURG, SIG_IGN);
	(void)kill(-1, SIGURG);
	judge(o, kill(1, 0) == 0 && kill(1, SIGKILL) == 0 && kill(1, 0) < 0, "init lives");
}

/* ---- A8: no number of a closed descriptor is somebody's else ---- */

static void run_out_of_descriptors(const struct probe *p, struct outcome *o)
{
	int fd, last = -1;

	(void)p;
	while ((fd = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0 && fd < (1 << 20))
		last = fd;
	o->error = errno;
	judge(o, fd >= 0 || errno != EMFILE, "the last is %d", last);
}

static void run_without_descriptors(const struct probe *p, struct outcome *o)
{
	struct stat st;

	(void)p;
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	/* The lowest number is given out again, and it is nothing of the runtime's. */
	(void)open("/dev/null", O_RDONLY);
	judge(o, fstat(0, &st) < 0 || st.st_rdev != makedev(1, 3), "descriptor 0 is our own");
}

#define PROGRAM(name_, path_) \
	{ "A1.write-" name_, "write the runtime's program", write_program, path_, O_WRONLY }, \
	{ "A1.read-write-" name_, "write the runtime's program", write_program, path_, O_RDWR }, \
	{ "A1.truncate-open-" name_, "empty the runtime's program", write_program, path_, \
	  O_WRONLY | O_TRUNC }, \
	{ "A1.reopen-" name_, "write the runtime's program by a descriptor", \
	  write_by_descriptor, path_, 0 }, \
	{ "A1.truncate-" name_, "empty the runtime's program", truncate_program, path_, 0 }, \
	{ "A1.chmod-" name_, "change the mode of the runtime's program", chmod_program, path_, \
	  0 }, \
	{ "A1.link-" name_, "give the runtime's program a name of ours", link_program, path_, 0 }

#define READ(name_) \
	{ "A2.read-" name_, "look into the container's init", read_of_init, "/proc/1/" name_, 0 }
#define LIST(name_) \
	{ "A2.list-" name_, "look into the container's init", list_of_init, "/proc/1/" name_, 0 }
#define WRITE_AS(name_, base_) \
	{ "A2.write-" name_, "change the container's init", write_of_init, "/proc/1/" name_, base_ }
#define WRITE(name_) WRITE_AS(name_, 10)

static const struct probe rows[] = {
	PROGRAM("self", "/proc/self/exe"), PROGRAM("init", "/proc/1/exe"),
	{ "A1.read-init", "read the runtime's program", read_program, "/proc/1/exe", 0 },
	{ "A1.name-init", "learn where the runtime's program is", name_program, "/proc/1/exe", 0 },
	{ "A1.execute-init", "run the runtime's program", execute_program, "/proc/1/exe", 0 },
	{ "A1.write-any", "write the program of any process that comes by", write_all_programs,
	  NULL, 0 },

	{ "A2.attach", "trace the container's init", trace, NULL, PTRACE_ATTACH },
	{ "A2.seize", "trace the container's init", trace, NULL, PTRACE_SEIZE },
	{ "A2.getfd-0", "take a descriptor of init", take_descriptor, NULL, 0 },
	{ "A2.getfd-1", "take a descriptor of init", take_descriptor, NULL, 1 },
	{ "A2.getfd-3", "take the supervisor's socket from init", take_descriptor, NULL, 3 },
	{ "A2.getfd-4", "take a descriptor of init", take_descriptor, NULL, 4 },
	{ "A2.getfd-5", "take a descriptor of init", take_descriptor, NULL, 5 },
	{ "A2.vm-read", "read init's memory", read_memory, NULL, 0 },
	{ "A2.vm-write", "write init's memory", write_memory, NULL, 0 },
	{ "A2.kcmp", "compare what init has with ours", compare_processes, NULL, 0 },
	{ "A2.madvise", "drop init's memory", advise_memory, NULL, 0 },
	READ("mem"), WRITE("mem"), READ("maps"), READ("environ"), READ("auxv"), READ("stack"),
	READ("syscall"), READ("io"), READ("pagemap"), READ("mountinfo"), LIST("root"), LIST("cwd"),
	LIST("fd"), LIST("map_files"), READ("ns/mnt"), READ("ns/pid"), READ("ns/net"),
	READ("ns/user"), WRITE("clear_refs"), WRITE("oom_score_adj"),
	WRITE_AS("coredump_filter", 16), WRITE("comm"), WRITE("setgroups"), WRITE("uid_map"),
	{ "A2.link-fd", "learn what init has open", read_link_of_init, "/proc/1/fd/0", 0 },
	{ "A2.link-fd-3", "learn what init has open", read_link_of_init, "/proc/1/fd/3", 0 },
	{ "A2.link-root", "learn where init's root is", read_link_of_init, "/proc/1/root", 0 },
	{ "A2.link-cwd", "learn where init is", read_link_of_init, "/proc/1/cwd", 0 },
	{ "A2.poll", "look into a process of the runtime in any moment", look_into_all, NULL, 0 },

	{ "A3.cwd", "work in a directory outside of the root", is_unreachable, NULL, 0 },
	{ "A3.climb-cwd", "climb out from the first directory", climb, NULL, 0 },
	{ "A3.climb-scratch", "climb out from the sandbox", climb, ".", 0 },
	{ "A3.climb-tmp", "climb out from a mount", climb, "/tmp", 0 },
	{ "A3.climb-proc", "climb out from /proc", climb, "/proc/self/cwd", 0 },
	{ "A3.climb-dev", "climb out from /dev", climb, "/dev/pts", 0 },
	{ "A3.climb-sys", "climb out from /sys", climb, "/sys/fs/cgroup", 0 },
	{ "A3.fd-directory", "climb out from a leaked directory", climb_from_descriptor, NULL, 0 },
	{ "A3.fd-enter", "enter a leaked directory", enter_descriptor, NULL, 0 },

	{ "A4.count", "use a descriptor that was leaked", count_descriptors, NULL, 0 },
	{ "A4.kinds", "use a standard descriptor that is more than it should be",
	  kinds_of_descriptors, NULL, 0 },
	{ "A4.reopen-stdout", "read what others wrote to our output", steal_output, NULL, 1 },
	{ "A4.reopen-stderr", "read what others wrote to our output", steal_output, NULL, 2 },

	{ "A7.kill", "signal a process of the host", signal_canary, NULL, SYS_kill },
	{ "A7.tkill", "signal a process of the host", signal_canary, NULL, SYS_tkill },
	{ "A7.tgkill", "signal a process of the host", signal_canary, NULL, SYS_tgkill },
	{ "A7.pidfd", "hold a process of the host", open_canary_process, "CANARY_PID", 0 },
	{ "A7.pidfd-agent", "hold the agent", open_canary_process, "AGENT_PID", 0 },
	{ "A7.setown", "have the kernel signal a process of the host", signal_canary_by_owner, NULL,
	  0 },
	{ "A7.kill-all", "signal everything", signal_all, NULL, 0 },

	{ "A8.exhaust", "have more descriptors than allowed", run_out_of_descriptors, NULL, 0 },
	{ "A8.closed", "get the runtime's descriptor under a number of ours",
	  run_without_descriptors, NULL, 0 },
};

const struct probe_table probes_exec = { rows, ARRAY_SIZE(rows) };
