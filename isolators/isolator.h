/* What a container is isolated by: one table, each row a kind, each member a phase. */
#ifndef ISOLATORS_ISOLATOR_H
#define ISOLATORS_ISOLATOR_H

#include <stddef.h>
#include <sys/types.h>

#include "isolators/cgroup.h"
#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/trees.h"

struct err;
struct usage;

/* One container on its way; lives in its supervisor and, copied by clone3(), in its init. */
struct box {
	const struct spec *spec;
	struct cgroup cgroup;
	bool is_rootless;	/* the supervisor is not root: init alone has rights, in its own */
	int seccomp_fd;		/* sealed memfd with the compiled program, or -EBADF */
	int sandbox_fd;		/* O_PATH of the sandbox, opened on the host side, or -EBADF */
	struct trees trees;
	int join_fds[SPEC_N_NAMESPACES];	/* or -EBADF */
	int user_ns_fd;		/* made for init, open in the supervisor, or -EBADF */
	struct cni_networks *cni;	/* in the supervisor: networks of plugins; or NULL */
	pid_t init_pid;		/* in the supervisor's pid namespace */
	int init_pidfd;
	/* Init, when all is mounted and before the root changes; NULL: nothing. */
	int (*before_pivot)(const void *arg, struct err *e);
	const void *before_pivot_arg;
	size_t n_prepared;	/* rows of isolator_table whose prepare() is done */
};

/*
 * Every operation may be NULL; one that fails undoes its own part.  The comment says in which
 * process it runs.
 */
struct isolator {
	const char *name;
	unsigned long clone_flags;	/* CLONE_NEW* it needs, or 0 */

	/* Agent and supervisor.  Pure: reads SPEC, makes no system call. */
	int (*validate)(const struct spec *spec, struct err *e);
	/*
	 * Anywhere.  Pure: adds what interface files of the cgroup shall hold by SPEC.  They are
	 * written before prepare(), changed by an update and checked by a recovery.
	 */
	int (*limits)(const struct spec *spec, struct limits *ret, struct err *e);
	/* Supervisor, before clone3(): host-side objects. */
	int (*prepare)(struct box *box, struct err *e);
	/* Supervisor, child cloned and waiting: id maps, veth end. */
	int (*attach)(struct box *box, struct err *e);
	/* Container init, all capabilities, old root still reachable. */
	int (*enter)(struct box *box, struct err *e);
	/* The payload's process, after pivot_root: only ever removes rights. */
	int (*seal)(struct box *box, struct err *e);
	/*
	 * Supervisor or agent, any time while running: make what is in the kernel, and is no file,
	 * what WANTED says.  1 when that was a change, 0 when it was so already.
	 */
	int (*update)(const struct cgroup *cg, const struct spec *wanted, struct err *e);
	/* Supervisor or agent, any time while running. */
	int (*sample)(const struct cgroup *cg, struct usage *usage, struct err *e);
	/* The same: the file that tells of stalls for want of what this isolator divides. */
	const char *pressure_file;
	/* Supervisor, or agent in recovery.  Idempotent, cannot fail. */
	void (*release)(struct box *box);
};

/* Nothing is open, nothing prepared: for all containers the start. */
void box_init(struct box *box, const struct spec *spec, int seccomp_fd);

/* Close what is open, for a container that lives on as well. */
void box_close(struct box *box);

/* In launch order, NULL-terminated.  Adding a feature is adding a row. */
extern const struct isolator *const isolator_table[];

int isolators_validate(const struct spec *spec, struct err *e);
int isolators_prepare(struct box *box, struct err *e);	/* on failure those prepared are released */
int isolators_attach(struct box *box, struct err *e);
int isolators_enter(struct box *box, struct err *e);
int isolators_seal(struct box *box, struct err *e);
void isolators_release(struct box *box);		/* in reverse */

/*
 * Change the limits of a running container, from any process that may write to its cgroup CG
 * (cgroup_open(); container_cgroup() where the container is held).  WANTED is its whole spec as it
 * shall be (spec_merge_resources() makes one from the document that it runs by and an OCI resources
 * object): of that only what linux.resources holds is looked at, and what is not set there stays.
 * Only differences are written: raises before reductions, all or nothing; when the kernel refuses
 * one, those before it are taken back and E names the field.  -EBUSY when checkBeforeUpdate is set
 * and the memory in use is above the new limit.
 */
int isolators_update(const struct cgroup *cg, const struct spec *wanted, struct err *e);

/*
 * Watch for stalls of the container for want of NAME ("cpu", "memory", "io"): a descriptor as of
 * cgroup_open_pressure(); owned.  -EINVAL: an isolator that tells of none.
 */
int isolators_watch(const struct cgroup *cg, const char *name,
		    const struct cgroup_pressure *trigger, struct err *e);

/*
 * Take over a running container: whatever of its limits somebody has changed from outside is as
 * SPEC says again, and is told to REPORT.  An error is a limit that cannot be had any more.
 */
int isolators_recover(const struct cgroup *cg, const struct spec *spec, limits_report_fn *report,
		      void *arg, struct err *e);
unsigned long isolators_clone_flags(const struct spec *spec);

#endif
