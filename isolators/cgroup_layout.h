/* Where cgroups are on a host: what cgroup_layout.c and cgroup*.c share. */
#ifndef ISOLATORS_CGROUP_LAYOUT_H
#define ISOLATORS_CGROUP_LAYOUT_H

#include <limits.h>
#include <stddef.h>

#include "isolators/cgroup.h"

struct err;

enum { CGROUP_NAME_MAX = 128, CGROUP_MAX_DIRS = 1 + N_CGROUP_CONTROLLERS };

/* Our roots without repetition, borrowed; the core's is the first.  Returns how many. */
size_t cgroup_layout_dirs(const struct cgroup_layout *layout, const char *ret[CGROUP_MAX_DIRS]);

/* Where LAYOUT has its containers below its root DIR; with NAME, that container. */
int cgroup_containers_path(const struct cgroup_layout *layout, const char *dir, const char *name,
			   char ret_path[PATH_MAX], struct err *e);

/* May NAME be a cgroup's?  -EINVAL. */
int cgroup_check_name(const char *name, struct err *e);

/*
 * v2: enable in the cgroup DIR whatever controllers it has, for those below.  LAYOUT then knows
 * them, and only them, as those of v2.
 */
int cgroup_enable_controllers(const char *dir, struct cgroup_layout *layout, struct err *e);

/*
 * Until KEY in cgroup.events of the directory DIR_FD is VALUE: 1, or 0 when DEADLINE_MS
 * (clock_boot_ms()) comes before.
 */
int cgroup_wait_state(int dir_fd, const char *key, uint64_t value, int64_t deadline_ms,
		      struct err *e);

/* The cgroup of this process in each hierarchy that can serve us. */
struct cgroup_hosts {
	char *core;				/* v2: owned, absolute; NULL: not mounted */
	char *core_root;			/* v2: where the mount's root is; owned or NULL */
	char *v1[N_CGROUP_CONTROLLERS];		/* owned, absolute; NULL: not a v1 controller */
	bool is_delegated;			/* v2: no namespace's root can be changed in it */
};
int cgroup_hosts_read(struct cgroup_hosts *ret, struct err *e);

/* The same, or less when that will do: CORE is then where the whole hierarchy is seen. */
int cgroup_hosts_find(struct cgroup_hosts *ret, struct err *e);
void cgroup_hosts_done(struct cgroup_hosts *hosts);

/*
 * From the text of /proc/self/mountinfo and /proc/self/cgroup.  IS_USABLE, if not NULL, is asked
 * for each mount: one may be covered by another.  -EINVAL, -ENOMEM.
 */
int cgroup_hosts_parse(const char *mountinfo, const char *self,
		       bool (*is_usable)(const char *directory, int version),
		       struct cgroup_hosts *ret, struct err *e);

#endif
