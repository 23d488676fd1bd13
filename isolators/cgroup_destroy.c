#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_layout.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { MAX_DEPTH = 32, MAX_LISTED = 65536 };

static int64_t time_left(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_boot_ms();

	return left < 0 ? 0 : left;
}

/* A cgroup that is being left may still be busy for a moment, and that comes without an event. */
static int remove_one(int parent_fd, const char *name, int64_t deadline_ms, struct err *e)
{
	for (long wait_ms = 1;; wait_ms *= 2) {
		struct timespec ts = { .tv_nsec = (wait_ms > 64 ? 64 : wait_ms) * 1000000 };

		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY || time_left(deadline_ms) == 0)
			return err_set(e, errno, "remove cgroup '%s'", name);
		(void)nanosleep(&ts, NULL);
	}
}

static int remove_below(int dir_fd, int depth, int64_t deadline_ms, struct err *e);

static int remove_tree(int parent_fd, const char *name, int depth, int64_t deadline_ms,
		       struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r;

	/* Most containers never make a group of their own. */
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (depth > MAX_DEPTH)
		return err_set(e, ELOOP, "remove cgroup '%s'", name);
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open cgroup '%s'", name);
	r = remove_below(TAKE_FD(fd), depth, deadline_ms, e);
	return r < 0 ? r : remove_one(parent_fd, name, deadline_ms, e);
}

/* Takes DIR_FD. */
static int remove_below(int dir_fd, int depth, int64_t deadline_ms, struct err *e)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = err_set(e, errno, "list cgroup");
		(void)close(dir_fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = remove_tree(dirfd(dir), entry->d_name, depth + 1, deadline_ms, e);
	}
	(void)closedir(dir);
	return r;
}

static int end_processes(const char *path, int64_t deadline_ms, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open cgroup '%s'", path);
	r = cgroup_io_write(fd, "cgroup.kill", "1", e);
	if (r == 0)
		r = cgroup_wait_state(fd, "populated", 0, deadline_ms, e);
	if (r == 0)	/* timed out */
		return err_set(e, EBUSY, "end the processes of cgroup '%s'", path);
	/* Two may take it apart at once, its supervisor and the agent: the other was faster. */
	if (r < 0 && access(path, F_OK) < 0 && errno == ENOENT) {
		err_clear(e);
		return 0;
	}
	return r < 0 ? r : 0;
}

int cgroup_destroy(const struct cgroup_layout *layout, const char *name, int timeout_ms,
		   struct err *e)
{
	int64_t deadline_ms = clock_boot_ms() + timeout_ms;
	const char *dirs[CGROUP_MAX_DIRS];
	size_t n = cgroup_layout_dirs(layout, dirs);
	char path[PATH_MAX];
	int r;

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
		return err_set(e, EINVAL, "use '%.160s' as the name of a cgroup", name);
	r = cgroup_containers_path(layout, layout->core, name, path, e);
	if (r < 0)
		return r;
	/* Most have nobody left and no group of their own: then that is all. */
	if (n == 1 && (rmdir(path) == 0 || errno == ENOENT))
		return 0;
	/*
	 * The core first: it knows the processes.  It goes last, because a directory of it is
	 * what an interrupted removal is found by.
	 */
	for (size_t i = 0; i <= n; i++) {
		r = cgroup_containers_path(layout, dirs[i == n ? 0 : i], name, path, e);
		if (r < 0)
			return r;
		r = i == 0 ? end_processes(path, deadline_ms, e)
			: remove_tree(AT_FDCWD, path, 0, deadline_ms, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_containers(const struct cgroup_layout *layout, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	int fd, r = cgroup_containers_path(layout, dir, NULL, path, e);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open cgroup '%s'", path) : fd;
}

static bool has_name(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

struct name_list {
	char **names;
	size_t n, capacity;
};

static int add_name(struct name_list *list, const char *name)
{
	if (list->n + 1 >= list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		char **more = capacity > MAX_LISTED ? NULL
			: realloc(list->names, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->names = more;
		list->capacity = capacity;
	}
	list->names[list->n] = strdup(name);
	if (!list->names[list->n])
		return -ENOMEM;
	list->names[++list->n] = NULL;
	return 0;
}

/* The v1 hierarchies too: a crash may have left a container's directory in one of them alone. */
static int list_directory(const struct cgroup_layout *layout, const char *path,
			  struct name_list *list, struct err *e)
{
	AUTO_CLOSE int fd = open_containers(layout, path, e);
	size_t n_before = list->n;
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "list cgroup '%s'", path);
	(void)TAKE_FD(fd);
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    !has_name(list->names, n_before, entry->d_name))
			r = add_name(list, entry->d_name);
	}
	(void)closedir(dir);
	return r < 0 ? err_set(e, -r, "list cgroup '%s'", path) : 0;
}

int cgroup_list(const struct cgroup_layout *layout, char ***ret, struct err *e)
{
	const char *dirs[CGROUP_MAX_DIRS];
	size_t n = cgroup_layout_dirs(layout, dirs);
	struct name_list list = { 0 };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = list_directory(layout, dirs[i], &list, e);
	if (r == 0 && !list.names) {
		list.names = calloc(1, sizeof(*list.names));
		if (!list.names)
			r = err_set(e, ENOMEM, "list cgroups");
	}
	if (r < 0) {
		for (size_t i = 0; i < list.n; i++)
			free(list.names[i]);
		free(list.names);
		return r;
	}
	*ret = list.names;
	return 0;
}
