#include "containerizer/oci/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_DEPTH = 16, MAX_PROCESSES = 1 << 22 };

struct list {
	pid_t *pids;
	size_t n, capacity;
};

static int add(struct list *list, pid_t pid)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		pid_t *more = capacity > MAX_PROCESSES ? NULL
			: realloc(list->pids, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->pids = more;
		list->capacity = capacity;
	}
	list->pids[list->n++] = pid;
	return 0;
}

static int read_group(int fd, struct list *list)
{
	int procs_fd = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = procs_fd < 0 ? NULL : fdopen(procs_fd, "r");
	int pid, r = 0;

	if (!file) {
		r = -errno;
		fd_close(&procs_fd);
		return r;
	}
	while (r == 0 && fscanf(file, "%d", &pid) == 1)
		r = add(list, pid);
	(void)fclose(file);
	return r;
}

/* Takes FD.  A group that goes while it is read has no processes. */
static int walk(int fd, int depth, struct list *list)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r;

	if (!dir) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	r = read_group(fd, list);
	while (r == 0 && depth < MAX_DEPTH && (entry = readdir(dir))) {
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = child < 0 ? 0 : walk(child, depth + 1, list);
	}
	(void)closedir(dir);
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int processes_list(const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct list list = { 0 };
	int fd = openat(cg->core_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : walk(fd, 0, &list);

	if (r < 0) {
		free(list.pids);
		return err_set(e, -r, "list the container's processes");
	}
	*ret = list.pids;
	*ret_n = list.n;
	return 0;
}

static bool has_pid(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/*
 * A process that was in the group before its pidfd was opened, and after, is what the pidfd means:
 * or it has ended, and nothing happens.
 */
int processes_signal(const struct cgroup *cg, int signo, struct err *e)
{
	AUTO_FREE pid_t *before = NULL, *after = NULL;
	AUTO_FREE int *fds = NULL;
	size_t n = 0, n_after = 0;
	int r = processes_list(cg, &before, &n, e);

	if (r < 0)
		return r;
	fds = calloc(n + 1, sizeof(*fds));
	if (!fds)
		return err_set(e, ENOMEM, "list the container's processes");
	for (size_t i = 0; i < n; i++)
		fds[i] = (int)syscall(SYS_pidfd_open, before[i], 0U);
	r = processes_list(cg, &after, &n_after, e);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && fds[i] >= 0 && has_pid(after, n_after, before[i]) &&
		    syscall(SYS_pidfd_send_signal, fds[i], signo, NULL, 0U) < 0 && errno != ESRCH)
			r = err_set(e, errno, "send signal %d to process %d", signo, before[i]);
		fd_close(&fds[i]);
	}
	return r;
}
