/* Containers in the cgroup of another container. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_layout.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_ROUNDS = 64, MAX_TEXT = 1 << 20 };

static int copy_path(const struct cgroup_layout *layout, const char *dir, const char *name,
		     char **ret, struct err *e)
{
	char path[PATH_MAX];
	int r = cgroup_containers_path(layout, dir, name, path, e);

	if (r < 0)
		return r;
	*ret = strdup(path);
	return *ret ? 0 : err_set(e, ENOMEM, "open cgroup '%s'", path);
}

/*
 * On v1 a group without limits of its own is within those above it; on v2 it has no files for
 * limits unless the one above was divided.
 */
int cgroup_layout_within(const struct cgroup_layout *layout, const char *name, bool has_limits,
			 struct cgroup_layout *ret, struct err *e)
{
	struct cgroup_layout within = { .is_flat = true };
	int r = cgroup_check_name(name, e);

	if (r >= 0)
		r = copy_path(layout, layout->core, name, &within.core, e);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r >= 0; i++) {
		int version = layout->controllers[i].version;

		within.controllers[i].version = version == 2 && !has_limits ? 0 : version;
		if (version == 1)
			r = copy_path(layout, layout->controllers[i].dir, name,
				      &within.controllers[i].dir, e);
	}
	if (r < 0)
		cgroup_layout_done(&within);
	else
		*ret = within;
	return r;
}

/* One at a time, as the kernel takes them.  What has ended meanwhile is not missed. */
static int move_all(int from_fd, int to_fd, char *text, struct err *e)
{
	char *rest = text, *line;
	int r = cgroup_io_read(from_fd, "cgroup.procs", text, MAX_TEXT, e);

	while (r >= 0 && (line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		r = cgroup_io_write(to_fd, "cgroup.procs", line, e);
		if (r == -ESRCH) {
			err_clear(e);
			r = 0;
		}
	}
	return r;
}

/* What is forked meanwhile is either here, for the next round, or there. */
static int empty(int from_fd, int to_fd, struct err *e)
{
	AUTO_FREE char *text = malloc(MAX_TEXT);

	if (!text)
		return err_set(e, ENOMEM, "move processes between cgroups");
	for (int i = 0; i < MAX_ROUNDS; i++) {
		int r = cgroup_io_read(from_fd, "cgroup.procs", text, MAX_TEXT, e);

		if (r < 0)
			return r;
		if (!*text)
			return 0;
		r = move_all(from_fd, to_fd, text, e);
		if (r < 0)
			return r;
	}
	return err_set(e, EBUSY, "move processes between cgroups: they fork too fast");
}

static bool has_v2(const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		if (layout->controllers[i].version == 2)
			return true;
	}
	return false;
}

int cgroup_divide(const struct cgroup_layout *layout, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF, own_fd = -EBADF;
	struct cgroup_layout below = { 0 };
	char path[PATH_MAX];
	int r = cgroup_check_name(name, e);

	if (r < 0 || !has_v2(layout))
		return r;
	r = cgroup_containers_path(layout, layout->core, name, path, e);
	if (r < 0)
		return r;
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (mkdirat(fd, CGROUP_OWN_GROUP, 0755) < 0 && errno != EEXIST))
		return err_set(e, errno, "divide cgroup '%s'", path);
	own_fd = openat(fd, CGROUP_OWN_GROUP, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own_fd < 0)
		return err_set(e, errno, "divide cgroup '%s'", path);
	r = empty(fd, own_fd, e);
	return r < 0 ? r : cgroup_enable_controllers(path, &below, e);
}
