/* Control groups in v2 terms, on whatever hierarchies serve each controller. */
#ifndef ISOLATORS_CGROUP_H
#define ISOLATORS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum cgroup_controller {
	CGROUP_CPU,
	CGROUP_CPUSET,
	CGROUP_MEMORY,
	CGROUP_PIDS,
	CGROUP_IO,
	CGROUP_HUGETLB,
	CGROUP_RDMA,
	CGROUP_MISC,
	N_CGROUP_CONTROLLERS,
};
extern const char *const cgroup_controller_names[N_CGROUP_CONTROLLERS];

/*
 * Where things are on this host.  The v2 core (kill, freeze, events, device filter,
 * CLONE_INTO_CGROUP) is always needed; a controller is served by v2, by a v1 hierarchy, or not.
 */
struct cgroup_layout {
	bool is_flat;			/* a container lies in our root itself, not in "containers" */
	char *core;			/* absolute directory of our root on the v2 hierarchy */
	struct {
		int version;		/* 2, 1, or 0: not available */
		char *dir;		/* absolute directory of our root on a v1 hierarchy */
	} controllers[N_CGROUP_CONTROLLERS];
};

/*
 * Agent, once at start: find the hierarchies from /proc/self/mountinfo and /proc/self/cgroup, make
 * ROOT ("tepui") below this process's own cgroups (v2: at the top, if this process's own is a
 * unit of systemd or shared with others) with the children "containers" and "supervisors", move
 * this process to "agent" where the no-internal-process rule asks for it, and enable controllers
 * down to "containers".  Idempotent.  -ENOTSUP names what is missing.
 */
int cgroup_layout_detect(const char *root, struct cgroup_layout *ret, struct err *e);

/*
 * A flat layout for the one container whose cgroup is to be PATH ("/a/b", as in linux.cgroupsPath);
 * *RET_NAME (owned) is its last component.  On v2 PATH starts where the hierarchy is mounted, on v1
 * at this process's own cgroup.  Directories on the way are made; *RET_MADE counts them, for
 * cgroup_path_remove().
 */
int cgroup_path_layout(const char *path, struct cgroup_layout *ret, char **ret_name,
		       unsigned *ret_made, struct err *e);

/* Remove as many directories above the container as were MADE, from below, while they are empty. */
void cgroup_path_remove(const struct cgroup_layout *layout, unsigned made);

/* Remove the directories that cgroup_layout_detect() made, where they are empty. */
void cgroup_layout_remove(struct cgroup_layout *layout);
void cgroup_layout_done(struct cgroup_layout *layout);

/* One line of text, to hand the layout to a supervisor. */
char *cgroup_layout_format(const struct cgroup_layout *layout);
int cgroup_layout_parse(const char *text, struct cgroup_layout *ret, struct err *e);

/*
 * Containers in the group of container NAME of LAYOUT, and so within its limits and ended with it
 * (cgroup_nested.c).  A container in *RET has limits of its own only if HAS_LIMITS, and then NAME
 * is to be divided first: its own processes go into a group beside those of the others, because v2
 * has no limits beside processes.  Idempotent.  -EBUSY: they fork faster than they are moved.
 */
#define CGROUP_OWN_GROUP "tepui-self"
int cgroup_layout_within(const struct cgroup_layout *layout, const char *name, bool has_limits,
			 struct cgroup_layout *ret, struct err *e);
int cgroup_divide(const struct cgroup_layout *layout, const char *name, struct err *e);

/* An O_PATH descriptor of the leaf in which supervisors live, for CLONE_INTO_CGROUP; owned. */
int cgroup_open_supervisors(const struct cgroup_layout *layout, struct err *e);

/* One container's cgroup on all hierarchies: kept-open directory descriptors. */
struct cgroup {
	int core_fd;			/* O_PATH | O_DIRECTORY, v2 */
	int fds[N_CGROUP_CONTROLLERS];	/* v1: own descriptor; v2: a copy of core_fd's number */
	int versions[N_CGROUP_CONTROLLERS];
};
#define CGROUP_INIT { .core_fd = -EBADF, \
	.fds = { [0 ... N_CGROUP_CONTROLLERS - 1] = -EBADF } }

/* Create NAME in "containers".  On failure nothing is left behind. */
int cgroup_create(const struct cgroup_layout *layout, const char *name, struct cgroup *ret,
		  struct err *e);
int cgroup_open(const struct cgroup_layout *layout, const char *name, struct cgroup *ret,
		struct err *e);
void cgroup_close(struct cgroup *cg);

/* Names in "containers", NULL-terminated and owned: what is alive, for recovery. */
int cgroup_list(const struct cgroup_layout *layout, char ***ret, struct err *e);

/*
 * Put this process, which must have one thread, into the v1 hierarchies; v2 is done by
 * clone3(CLONE_INTO_CGROUP).  Container init, before it enters its cgroup namespace.
 */
int cgroup_join(const struct cgroup *cg, struct err *e);

/*
 * The same on all hierarchies, for a running container; if not NULL, in its GROUP ("a/b"), which
 * v2 must have and v1 may.
 */
int cgroup_enter(const struct cgroup *cg, const char *group, struct err *e);

/*
 * Interface files by their v2 names; v1 is mapped in cgroup_v1.c.  -ENOTSUP when the controller is
 * not available or the file has no v1 counterpart.  One write(2) each.
 */
int cgroup_write(const struct cgroup *cg, const char *file, const char *value, struct err *e);
int cgroup_read(const struct cgroup *cg, const char *file, char *buf, size_t size, struct err *e);
/* A number; "max" is UINT64_MAX. */
int cgroup_read_u64(const struct cgroup *cg, const char *file, uint64_t *ret, struct err *e);
/* KEY of a flat-keyed file: ("memory.events", "oom_kill"), ("cpu.stat", "usage_usec"). */
int cgroup_read_key(const struct cgroup *cg, const char *file, const char *key, uint64_t *ret,
		    struct err *e);

/*
 * A descriptor for loop_watch_priority() (v2 memory.events) or loop_watch_fd() (v1 eventfd;
 * *ret_is_eventfd) that tells of out-of-memory kills; owned.  After each event it must be read,
 * the first kind from offset 0 (pread), or it stays ready.
 */
int cgroup_open_oom_events(const struct cgroup *cg, bool *ret_is_eventfd, struct err *e);

/*
 * How many processes were killed because CG itself was at its limit: 0 also if only a group above or
 * below it was, which v2 counts here as well.
 */
int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret, struct err *e);

/* SIGKILL to everything below, once; then cgroup_is_populated() turns false. */
int cgroup_kill(const struct cgroup *cg, struct err *e);

/*
 * A part of the container that can be killed by itself, whatever its processes did to leave their
 * session: the child NAME in the v2 core, without controllers, so that the container's limits hold
 * for it.  Made when it is not there; an owned descriptor of its cgroup.procs.
 */
int cgroup_open_part(const struct cgroup *cg, const char *name, struct err *e);
/* SIGKILL to everything in it; 0 if there is no such part. */
int cgroup_kill_part(const struct cgroup *cg, const char *name, struct err *e);
/*
 * Stop every process below, or let them go on, and wait for it by event, at most TIMEOUT_MS: -EBUSY
 * when some cannot be stopped, and then none is.  With 0 it is only asked for, and told by
 * cgroup_open_events() and cgroup_is_frozen().  It is always the v2 core that does it: a freezer on
 * v1 would stop what is in its own group, and no process of ours is there.
 */
int cgroup_freeze(const struct cgroup *cg, bool is_frozen, int timeout_ms, struct err *e);
int cgroup_is_frozen(const struct cgroup *cg, bool *ret, struct err *e);
int cgroup_is_populated(const struct cgroup *cg, bool *ret, struct err *e);
/* Opens cgroup.events for EPOLLPRI; owned, read after each event as above. */
int cgroup_open_events(const struct cgroup *cg, struct err *e);

/* A stall of some, or of all, processes for STALL_USEC within any WINDOW_USEC (500 ms to 10 s). */
struct cgroup_pressure {
	bool is_full;
	uint64_t stall_usec, window_usec;
};

/*
 * A descriptor for loop_watch_priority() that the kernel makes ready at each such stall, at most
 * once in a window; owned; nothing is to be read.  FILE is "cpu.pressure", "memory.pressure" or
 * "io.pressure", which the v2 core has for every controller.  -ENOTSUP without PSI; -EINVAL for a
 * window that is no multiple of 2 s in a process without CAP_SYS_RESOURCE.
 */
int cgroup_open_pressure(const struct cgroup *cg, const char *file,
			 const struct cgroup_pressure *trigger, struct err *e);

/*
 * Kill what is alive in NAME, wait until it is empty (at most TIMEOUT_MS, by event), remove it and
 * what the container made below it.  0 if there was nothing.  -EBUSY when something will not die.
 */
int cgroup_destroy(const struct cgroup_layout *layout, const char *name, int timeout_ms,
		   struct err *e);

#endif
