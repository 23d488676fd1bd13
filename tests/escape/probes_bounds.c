/* E22, E25: taking all there is of something (reliability.md 1.6). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/probe.h"

enum { TOO_MANY = 4096, MIB = 1 << 20 };

static void fork_bomb(const struct probe *p, struct outcome *o)
{
	int n = 0;
	pid_t pid;

	(void)p;
	while (n < TOO_MANY && (pid = fork()) >= 0) {
		if (pid == 0) {
			for (;;)
				(void)pause();
		}
		n++;
	}
	o->error = errno;
	judge(o, n >= TOO_MANY, "%d processes", n);
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
}

static void inotify_bomb(const struct probe *p, struct outcome *o)
{
	int n = 0;

	(void)p;
	while (n < TOO_MANY && inotify_init1(IN_CLOEXEC) >= 0)
		n++;
	o->error = errno;
	judge(o, n >= TOO_MANY, "%d instances", n);
}

static void is_bounded_file_system(const struct probe *p, struct outcome *o)
{
	struct statvfs fs;
	unsigned long long bytes;

	if (statvfs(p->path, &fs) < 0) {
		tried(o, -1);
		return;
	}
	bytes = (unsigned long long)fs.f_blocks * fs.f_frsize;
	judge(o, bytes == 0 || bytes > (unsigned long long)p->n * MIB, "%llu MiB, %lu files",
	      bytes / MIB, (unsigned long)fs.f_files);
}

static void limit_is_bounded(const struct probe *p, struct outcome *o)
{
	const int resource = atoi(p->path);
	struct rlimit limit;

	if (getrlimit((enum __rlimit_resource)resource, &limit) < 0)
		tried(o, -1);
	else
		judge(o, limit.rlim_max > (rlim_t)p->n, "%lu %lu", (unsigned long)limit.rlim_cur,
		      (unsigned long)limit.rlim_max);
}

static void raise_limit(const struct probe *p, struct outcome *o)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	tried(o, setrlimit((enum __rlimit_resource)p->n, &limit));
}

static void lock_memory(const struct probe *p, struct outcome *o)
{
	void *at = mmap(NULL, (size_t)p->n * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tried(o, at == MAP_FAILED ? -1 : mlock(at, (size_t)p->n * MIB));
}

static void be_first(const struct probe *p, struct outcome *o)
{
	const struct sched_param param = { .sched_priority = 1 };

	tried(o, sched_setscheduler(0, (int)p->n, &param));
}

static void be_nicer_to_us(const struct probe *p, struct outcome *o)
{
	tried(o, setpriority(PRIO_PROCESS, 0, (int)p->n));
}

/* The supervisor must not be among those that the kernel may choose in our place. */
static void survive_memory(const struct probe *p, struct outcome *o)
{
	char text[32];
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

	(void)snprintf(text, sizeof(text), "%ld\n", p->n);
	tried(o, fd < 0 ? fd : write(fd, text, strlen(text)));
}

/* Into another project, where what is written is not counted as ours. */
static void leave_project(const struct probe *p, struct outcome *o)
{
	int fd = open("project-try", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	struct fsxattr attributes = { .fsx_projid = 4242 };
	int flags = 0x20000000 /* FS_PROJINHERIT_FL */;

	tried(o, syscall(SYS_ioctl, fd, p->n, (unsigned long)p->n == FS_IOC_FSSETXATTR ?
			 (void *)&attributes : (void *)&flags));
	(void)unlink("project-try");
}

#define BIT32 (1L << 32)
static const struct probe rows[] = {
	{ "E22.fork", "fill the table of processes", fork_bomb, NULL, 0 },
	{ "E22.inotify", "have all watches", inotify_bomb, NULL, 0 },
	{ "E22.shm", "fill memory by /dev/shm", is_bounded_file_system, "/dev/shm", 64 },
	{ "E22.dev", "fill memory by /dev", is_bounded_file_system, "/dev", 1 },
	{ "E22.mnt", "fill memory by /mnt", is_bounded_file_system, "/mnt", 1 },
	{ "E22.nofile", "have descriptors without end", limit_is_bounded, "7", 1 << 20 },
	{ "E22.memlock", "lock memory without end", limit_is_bounded, "8", 64 << 20 },
	{ "E22.raise-nofile", "have descriptors without end", raise_limit, NULL, RLIMIT_NOFILE },
	{ "E22.raise-memlock", "lock memory without end", raise_limit, NULL, RLIMIT_MEMLOCK },
	{ "E22.raise-rtprio", "run before everybody", raise_limit, NULL, RLIMIT_RTPRIO },
	{ "E22.project", "have files that are not counted", leave_project, NULL, FS_IOC_FSSETXATTR },
	{ "E22.project-high", "have files that are not counted", leave_project, NULL,
	  FS_IOC_FSSETXATTR | BIT32 },
	{ "E22.project-inherit", "have files that are not counted", leave_project, NULL,
	  FS_IOC_SETFLAGS },
	{ "E22.mlock", "lock memory", lock_memory, NULL, 128 },
	{ "E22.fifo", "run before everybody", be_first, NULL, SCHED_FIFO },
	{ "E22.rr", "run before everybody", be_first, NULL, SCHED_RR },
	{ "E22.nice", "run before others", be_nicer_to_us, NULL, -20 },
	{ "E25.oom-score", "have others killed in our place", survive_memory, NULL, -1000 },
	{ "E25.oom-score-less", "have others killed in our place", survive_memory, NULL, -1 },
};

const struct probe_table probes_bounds = { rows, ARRAY_SIZE(rows) };
