/* A cgroup at a place that somebody else has chosen: linux.cgroupsPath. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/cgroup_layout.h"
#include "isolators/cgroup_v1.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_LEVELS = 16 };

/* The components of a path, without those that are empty. */
struct levels {
	char text[PATH_MAX];
	const char *names[MAX_LEVELS];
	size_t n;
};

static int split(const char *path, struct levels *ret, struct err *e)
{
	char *rest = ret->text, *name;

	if (strlen(path) >= sizeof(ret->text))
		return err_set(e, ENAMETOOLONG, "use cgroup '%.128s'", path);
	(void)stpcpy(ret->text, path);
	while ((name = strsep(&rest, "/"))) {
		int r = *name ? cgroup_check_name(name, e) : 0;

		if (r < 0)
			return r;
		if (!*name)
			continue;
		if (ret->n == MAX_LEVELS)
			return err_set(e, EINVAL, "use cgroup '%.128s', more than %d levels deep",
				       path, MAX_LEVELS);
		ret->names[ret->n++] = name;
	}
	return ret->n > 0 ? 0 : err_set(e, EINVAL, "use cgroup '%.128s', which is the root", path);
}

typedef int level_fn(const char *dir, bool is_made, enum cgroup_controller controller,
		     struct cgroup_layout *layout, struct err *e);

static int open_v2(const char *dir, bool is_made, enum cgroup_controller controller,
		   struct cgroup_layout *layout, struct err *e)
{
	(void)is_made;
	(void)controller;
	return cgroup_enable_controllers(dir, layout, e);
}

/*
 * What somebody else has made keeps its settings: the one below is seeded from it instead.  A cpuset
 * that was never set is none, and nobody could be below it.
 */
static int open_v1(const char *dir, bool is_made, enum cgroup_controller controller,
		   struct cgroup_layout *layout, struct err *e)
{
	(void)layout;
	return is_made ? cgroup_v1_prepare_dir(dir, controller, e)
		: cgroup_v1_seed_dir(dir, controller, e);
}

/* All directories above the container, made ready by OPEN; the lowest is *RET (owned). */
static int make_way(const char *base, const struct levels *levels, level_fn *open_level,
		    enum cgroup_controller controller, struct cgroup_layout *layout, char **ret,
		    unsigned *made, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s", base);
	bool is_made = false;
	unsigned n_made = 0;

	/* The root of a hierarchy ends in one. */
	while (n > 0 && (size_t)n < sizeof(path) && path[n - 1] == '/')
		path[--n] = '\0';
	for (size_t i = 0; n >= 0 && (size_t)n < sizeof(path); i++) {
		int r = open_level(path, is_made, controller, layout, e);

		if (r < 0)
			return r;
		if (i + 1 == levels->n)
			break;
		n += snprintf(path + n, sizeof(path) - (size_t)n, "/%s", levels->names[i]);
		if ((size_t)n >= sizeof(path))
			break;
		is_made = mkdir(path, 0755) == 0;
		if (!is_made && errno != EEXIST)
			return err_set(e, errno, "create cgroup '%s'", path);
		n_made += is_made;
	}
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "create cgroup '%s'", levels->names[0]);
	*ret = strdup(path);
	*made = n_made > *made ? n_made : *made;
	return *ret ? 0 : err_set(e, ENOMEM, "create cgroup '%s'", path);
}

static int set_up(const struct cgroup_hosts *hosts, const struct levels *levels,
		  struct cgroup_layout *layout, unsigned *made, struct err *e)
{
	int r;

	if (!hosts->core)
		return err_set(e, ENOTSUP, "find cgroup v2: it is not mounted");
	r = make_way(hosts->core_root ? hosts->core_root : hosts->core, levels, open_v2,
		     N_CGROUP_CONTROLLERS, layout, &layout->core, made, e);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++) {
		if (!hosts->v1[i] || layout->controllers[i].version != 0)
			continue;
		layout->controllers[i].version = 1;
		r = make_way(hosts->v1[i], levels, open_v1, (enum cgroup_controller)i,
			     layout, &layout->controllers[i].dir, made, e);
	}
	return r;
}

int cgroup_path_layout(const char *path, struct cgroup_layout *ret, char **ret_name,
		       unsigned *ret_made, struct err *e)
{
	AUTO(cgroup_hosts_done) struct cgroup_hosts hosts = { 0 };
	struct cgroup_layout layout = { .is_flat = true };
	struct levels levels = { .n = 0 };
	AUTO_FREE char *name = NULL;
	unsigned made = 0;
	int r = split(path, &levels, e);

	if (r < 0)
		return r;
	name = strdup(levels.names[levels.n - 1]);
	if (!name)
		return err_set(e, ENOMEM, "use cgroup '%.128s'", path);
	r = cgroup_hosts_find(&hosts, e);
	if (r == 0)
		r = set_up(&hosts, &levels, &layout, &made, e);
	if (r < 0) {
		if (layout.core)
			cgroup_path_remove(&layout, made);
		cgroup_layout_done(&layout);
		return r;
	}
	*ret = layout;
	*ret_name = TAKE_PTR(name);
	*ret_made = made;
	return 0;
}

void cgroup_path_remove(const struct cgroup_layout *layout, unsigned made)
{
	const char *dirs[CGROUP_MAX_DIRS];
	size_t n = cgroup_layout_dirs(layout, dirs);

	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s", dirs[i]);
		for (unsigned level = 0; level < made && rmdir(path) == 0; level++)
			*strrchr(path, '/') = '\0';
	}
}
