#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_PIDS = 4096 };

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0U);
}

int process_kill(int pidfd, struct err *e)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0U) < 0 && errno != ESRCH)
		return err_set(e, errno, "send SIGKILL");
	return 0;
}

void process_reap(int pidfd)
{
	siginfo_t info;

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
}

void process_describe_end(int pidfd, pid_t pid, char *buf, size_t size)
{
	siginfo_t info = { 0 };

	if (pidfd < 0 || waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 ||
	    info.si_pid == 0)
		(void)snprintf(buf, size, "executor (pid %d) ended before its task did", (int)pid);
	else if (info.si_code == CLD_EXITED)
		(void)snprintf(buf, size, "executor (pid %d) exited with status %d before its task "
			       "ended", (int)pid, info.si_status);
	else
		(void)snprintf(buf, size, "executor (pid %d) terminated with signal %s before its "
			       "task ended", (int)pid, sigdescr_np(info.si_status));
}

static char *read_procs(int cgroup_fd)
{
	AUTO_CLOSE int fd = openat(cgroup_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	size_t cap = MAX_PIDS * 8, used = 0;
	char *text = malloc(cap + 1);
	ssize_t n = -1;

	while (fd >= 0 && text && used < cap && (n = read(fd, text + used, cap - used)) > 0)
		used += (size_t)n;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[used] = '\0';
	return text;
}

int process_list(int cgroup_fd, int *pids, int max)
{
	AUTO_FREE char *text = read_procs(cgroup_fd);
	char *rest = text, *line;
	int n = 0;

	while (n < max && (line = strsep(&rest, "\n"))) {
		if (*line)
			pids[n++] = (int)strtol(line, NULL, 10);
	}
	return n;
}

/* The last number of the line "NAME:" in the status of PID; 0 if there is none. */
static long status_number(int pid, const char *name)
{
	char path[64], text[4096], *line, *last;
	AUTO_CLOSE int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (line = strchr(text, '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			break;
	}
	if (!line)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	last = strrchr(line, '\t');
	return last ? strtol(last + 1, NULL, 10) : 0;
}

/* Once a container has others within, its own processes are in a group beside theirs. */
static int list_own(int cgroup_fd, int *pids, int max)
{
	AUTO_CLOSE int own = openat(cgroup_fd, CGROUP_OWN_GROUP,
				    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return process_list(own >= 0 ? own : cgroup_fd, pids, max);
}

enum { MAX_LOOKED_AT = 64 };

/* The first to have started of those whose line NAME has NUMBER; 0 if there is none. */
static pid_t find_first(const int *pids, int n, const char *name, long number)
{
	uint64_t first = UINT64_MAX, ticks;
	pid_t found = 0;

	for (int i = 0; i < n; i++) {
		struct err ignored = { 0 };

		if (status_number(pids[i], name) != number ||
		    process_start_ticks(pids[i], &ticks, &ignored) < 0 || ticks >= first)
			continue;
		first = ticks;
		found = pids[i];
	}
	return found;
}

pid_t process_main(int cgroup_fd, pid_t supervisor)
{
	int pids[MAX_LOOKED_AT];
	int n = list_own(cgroup_fd, pids, MAX_LOOKED_AT);
	pid_t init = find_first(pids, n, "PPid", supervisor);

	return init ? find_first(pids, n, "PPid", init) : 0;
}

pid_t process_first(int cgroup_fd)
{
	int pids[MAX_LOOKED_AT];
	int n = list_own(cgroup_fd, pids, MAX_LOOKED_AT);
	pid_t init = find_first(pids, n, "NSpid", 1);

	return init ? init : n > 0 ? pids[0] : 0;
}

void process_kill_listed(int cgroup_fd, pid_t pid)
{
	AUTO_CLOSE int pidfd = pidfd_open(pid);
	AUTO_FREE char *text = NULL;
	char *rest, *line;

	if (pidfd < 0)
		return;
	text = read_procs(cgroup_fd);
	for (rest = text; (line = strsep(&rest, "\n"));) {
		struct err ignored = { 0 };

		if (*line && strtol(line, NULL, 10) == pid)
			(void)process_kill(pidfd, &ignored);
	}
}
