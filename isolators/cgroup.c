#include "isolators/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_layout.h"
#include "isolators/cgroup_text.h"
#include "isolators/cgroup_v1.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

enum { MIN_WINDOW_USEC = 500000, MAX_WINDOW_USEC = 10000000 };	/* the kernel's */

const char *const cgroup_controller_names[N_CGROUP_CONTROLLERS] = {
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUSET] = "cpuset",
	[CGROUP_MEMORY] = "memory",
	[CGROUP_PIDS] = "pids",
	[CGROUP_IO] = "io",
	[CGROUP_HUGETLB] = "hugetlb",
	[CGROUP_RDMA] = "rdma",
	[CGROUP_MISC] = "misc",
};

/* Which controller's file is it?  N_CGROUP_CONTROLLERS for the core's. */
static enum cgroup_controller owner_of(const char *file)
{
	size_t length = strcspn(file, ".");

	/* Pressure is told by the core, whatever serves the controller. */
	if (strcmp(file + length, ".pressure") == 0)
		return N_CGROUP_CONTROLLERS;
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		if (strlen(cgroup_controller_names[i]) == length &&
		    strncmp(cgroup_controller_names[i], file, length) == 0)
			return (enum cgroup_controller)i;
	}
	return N_CGROUP_CONTROLLERS;
}

static int refuse_missing(enum cgroup_controller controller, const char *file, struct err *e)
{
	return err_set(e, ENOTSUP, "use cgroup file '%s': no controller '%s' on this host", file,
		       cgroup_controller_names[controller]);
}

int cgroup_write(const struct cgroup *cg, const char *file, const char *value, struct err *e)
{
	enum cgroup_controller owner = owner_of(file);

	if (owner == N_CGROUP_CONTROLLERS)
		return cgroup_io_write(cg->core_fd, file, value, e);
	if (cg->versions[owner] == 0)
		return refuse_missing(owner, file, e);
	if (cg->versions[owner] == 1)
		return cgroup_v1_write(cg, owner, file, value, e);
	return cgroup_io_write(cg->fds[owner], file, value, e);
}

int cgroup_read(const struct cgroup *cg, const char *file, char *buf, size_t size, struct err *e)
{
	enum cgroup_controller owner = owner_of(file);

	if (owner == N_CGROUP_CONTROLLERS)
		return cgroup_io_read(cg->core_fd, file, buf, size, e);
	if (cg->versions[owner] == 1)
		return cgroup_v1_read(cg, owner, file, buf, size, e);
	/* The core counts cpu time without the controller. */
	if (cg->versions[owner] == 0 && strcmp(file, "cpu.stat") != 0)
		return refuse_missing(owner, file, e);
	return cgroup_io_read(cg->core_fd, file, buf, size, e);
}

int cgroup_read_u64(const struct cgroup *cg, const char *file, uint64_t *ret, struct err *e)
{
	char buf[64];
	int r = cgroup_read(cg, file, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = cgroup_text_u64(buf, ret);
	return r < 0 ? err_set(e, -r, "parse cgroup file '%s'", file) : 0;
}

int cgroup_read_key(const struct cgroup *cg, const char *file, const char *key, uint64_t *ret,
		    struct err *e)
{
	char buf[CGROUP_TEXT_SIZE];
	int r = cgroup_read(cg, file, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = cgroup_text_key(buf, key, ret);
	if (r == -ENOENT)
		r = -ENOTSUP;
	return r < 0 ? err_set(e, -r, "find '%s' in cgroup file '%s'", key, file) : 0;
}

/* kernfs reports what happened since the last read: without one, everything is news. */
static int open_events(const struct cgroup *cg, const char *file, struct err *e)
{
	AUTO_CLOSE int fd = openat(cg->core_fd, file, O_RDONLY | O_CLOEXEC);
	char buf[512];

	if (fd < 0)
		return err_set(e, errno, "open cgroup file '%s'", file);
	if (read(fd, buf, sizeof(buf)) < 0)
		return err_set(e, errno, "read cgroup file '%s'", file);
	return TAKE_FD(fd);
}

int cgroup_open_events(const struct cgroup *cg, struct err *e)
{
	return open_events(cg, "cgroup.events", e);
}

int cgroup_open_oom_events(const struct cgroup *cg, bool *ret_is_eventfd, struct err *e)
{
	int version = cg->versions[CGROUP_MEMORY];
	int fd;

	if (version == 0)
		return refuse_missing(CGROUP_MEMORY, "memory.events", e);
	fd = version == 1 ? cgroup_v1_open_oom_events(cg, e) : open_events(cg, "memory.events", e);
	if (fd >= 0)
		*ret_is_eventfd = version == 1;
	return fd;
}

int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e)
{
	uint64_t kills = 0, own = 1;
	int r = cgroup_read_key(cg, "memory.events", "oom_kill", &kills, e);

	if (r == 0 && kills > 0 && cg->versions[CGROUP_MEMORY] == 2)
		r = cgroup_read_key(cg, "memory.events.local", "oom", &own, e);
	if (r == 0)
		*ret = own > 0 ? kills : 0;
	return r;
}

int cgroup_open_pressure(const struct cgroup *cg, const char *file,
			 const struct cgroup_pressure *trigger, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	char text[64];
	int n;

	if (trigger->window_usec < MIN_WINDOW_USEC || trigger->window_usec > MAX_WINDOW_USEC ||
	    trigger->stall_usec == 0 || trigger->stall_usec > trigger->window_usec)
		return err_set(e, ERANGE, "watch for stalls of %" PRIu64 " us in %" PRIu64,
			       trigger->stall_usec, trigger->window_usec);
	fd = openat(cg->core_fd, file, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno == ENOENT || errno == EOPNOTSUPP ? ENOTSUP : errno,
			       "open cgroup file '%s'", file);
	n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64,
		     trigger->is_full ? "full" : "some", trigger->stall_usec,
		     trigger->window_usec);
	/* With the NUL: the kernel takes the last byte for the end. */
	if (write(fd, text, (size_t)n + 1) < 0)
		return err_set(e, errno, "write '%s' to cgroup file '%s'", text, file);
	return TAKE_FD(fd);
}

int cgroup_kill(const struct cgroup *cg, struct err *e)
{
	return cgroup_io_write(cg->core_fd, "cgroup.kill", "1", e);
}

int cgroup_open_part(const struct cgroup *cg, const char *name, struct err *e)
{
	AUTO_CLOSE int dir = -EBADF;
	int fd;

	if (mkdirat(cg->core_fd, name, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "create cgroup '%s' in the container's", name);
	dir = openat(cg->core_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open cgroup '%s' in the container's", name);
	fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open 'cgroup.procs' of cgroup '%s'", name) : fd;
}

int cgroup_kill_part(const struct cgroup *cg, const char *name, struct err *e)
{
	AUTO_CLOSE int dir = openat(cg->core_fd, name,
				    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return err_set(e, errno, "open cgroup '%s' in the container's", name);
	return cgroup_io_write(dir, "cgroup.kill", "1", e);
}

int cgroup_is_populated(const struct cgroup *cg, bool *ret, struct err *e)
{
	char buf[128];
	uint64_t value;
	int r = cgroup_io_read(cg->core_fd, "cgroup.events", buf, sizeof(buf), e);

	if (r < 0)
		return r;
	if (cgroup_text_key(buf, "populated", &value) < 0)
		return err_set(e, EINVAL, "find 'populated' in cgroup file 'cgroup.events'");
	*ret = value != 0;
	return 0;
}

int cgroup_check_name(const char *name, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.+:@-";
	size_t length = strlen(name);

	if (length == 0 || length > CGROUP_NAME_MAX || strspn(name, allowed) != length ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, EINVAL, "use '%.160s' as the name of a cgroup", name);
	return 0;
}

int cgroup_containers_path(const struct cgroup_layout *layout, const char *dir, const char *name,
			   char ret_path[PATH_MAX], struct err *e)
{
	int n = snprintf(ret_path, PATH_MAX, "%s%s%s%s", dir,
			 layout->is_flat ? "" : "/containers", name ? "/" : "", name ? name : "");

	if (n < 0 || n >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "open cgroup '%s'", name ? name : dir);
	return 0;
}

static int open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open cgroup '%s'", path) : fd;
}

/* v1: a descriptor for each, also where two controllers share a hierarchy. */
static int open_controller(const struct cgroup_layout *layout, const char *name, size_t i,
			   struct cgroup *cg, struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (layout->controllers[i].version != 1) {
		cg->versions[i] = layout->controllers[i].version;
		cg->fds[i] = cg->versions[i] == 2 ? cg->core_fd : -EBADF;
		return 0;
	}
	r = cgroup_containers_path(layout, layout->controllers[i].dir, name, path, e);
	if (r < 0)
		return r;
	r = open_dir(path, e);
	if (r < 0)
		return r;
	cg->fds[i] = r;
	cg->versions[i] = 1;
	return 0;
}

int cgroup_open(const struct cgroup_layout *layout, const char *name, struct cgroup *ret,
		struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	char path[PATH_MAX];
	int r = cgroup_check_name(name, e);

	if (r < 0)
		return r;
	r = cgroup_containers_path(layout, layout->core, name, path, e);
	if (r < 0)
		return r;
	r = open_dir(path, e);
	if (r < 0)
		return r;
	cg.core_fd = r;
	r = 0;
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++)
		r = open_controller(layout, name, i, &cg, e);
	if (r < 0) {
		cgroup_close(&cg);
		return r;
	}
	*ret = cg;
	return 0;
}

void cgroup_close(struct cgroup *cg)
{
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		if (cg->versions[i] == 1)
			fd_close(&cg->fds[i]);
		cg->fds[i] = -EBADF;
		cg->versions[i] = 0;
	}
	fd_close(&cg->core_fd);
}

/* A group of that name may be there already where others choose the place; not its processes. */
static int open_created(const struct cgroup_layout *layout, const char *name, bool is_new,
			struct cgroup *ret, struct err *e)
{
	bool is_populated = false;
	int r = cgroup_open(layout, name, ret, e);

	if (r < 0 || is_new)
		return r;
	r = cgroup_is_populated(ret, &is_populated, e);
	if (r == 0 && is_populated)
		r = err_set(e, EBUSY, "use cgroup '%s', which has processes", name);
	if (r < 0)
		cgroup_close(ret);
	return r;
}

/* Where the level above is somebody else's, the kernel does not hand its cpuset down. */
static int seed_cpuset(const struct cgroup_layout *layout, const char *name, struct err *e)
{
	const char *dir = layout->controllers[CGROUP_CPUSET].dir;
	char path[PATH_MAX];
	int r;

	if (!layout->is_flat || layout->controllers[CGROUP_CPUSET].version != 1)
		return 0;
	r = cgroup_containers_path(layout, dir, name, path, e);
	return r < 0 ? r : cgroup_v1_seed_dir(path, CGROUP_CPUSET, e);
}

int cgroup_create(const struct cgroup_layout *layout, const char *name, struct cgroup *ret,
		  struct err *e)
{
	const char *dirs[CGROUP_MAX_DIRS];
	size_t n = cgroup_layout_dirs(layout, dirs);
	bool is_made[CGROUP_MAX_DIRS] = { false };
	char path[PATH_MAX];
	int r = cgroup_check_name(name, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = cgroup_containers_path(layout, dirs[i], name, path, e);
		if (r < 0)
			break;
		is_made[i] = mkdir(path, 0755) == 0;
		if (!is_made[i] && !(layout->is_flat && errno == EEXIST))
			r = err_set(e, errno, "create cgroup '%s'", path);
	}
	if (r == 0)
		r = seed_cpuset(layout, name, e);
	if (r == 0)
		r = open_created(layout, name, is_made[0], ret, e);
	for (size_t i = n; r < 0 && i-- > 0;) {
		struct err lost = { 0 };

		if (is_made[i] && cgroup_containers_path(layout, dirs[i], name, path, &lost) == 0)
			(void)rmdir(path);
	}
	return r;
}

int cgroup_join(const struct cgroup *cg, struct err *e)
{
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		int r = cg->versions[i] == 1 ? cgroup_v1_join(cg->fds[i], e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int enter_group(int dir_fd, const char *group, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;

	if (!group)
		return cgroup_io_write(dir_fd, "cgroup.procs", "0", e);
	group += strspn(group, "/");
	fd = open_resolved(dir_fd, group, O_PATH | O_DIRECTORY,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return err_set(e, -fd, "open cgroup '%.128s' of the container", group);
	return cgroup_io_write(fd, "cgroup.procs", "0", e);
}

int cgroup_enter(const struct cgroup *cg, const char *group, struct err *e)
{
	int r = enter_group(cg->core_fd, group, e);

	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++) {
		if (cg->versions[i] != 1)
			continue;
		r = enter_group(cg->fds[i], group, e);
		/* Groups inside a container are on v2 where there is one. */
		if (r == -ENOENT) {
			err_clear(e);
			r = enter_group(cg->fds[i], NULL, e);
		}
	}
	return r;
}

int cgroup_open_supervisors(const struct cgroup_layout *layout, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/supervisors", layout->core);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "open cgroup '%s'", layout->core);
	return open_dir(path, e);
}
