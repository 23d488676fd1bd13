/* What a container is isolated by: one table, each row a kind, each member a phase. */
#ifndef ISOLATORS_ISOLATOR_H
#define ISOLATORS_ISOLATOR_H

#include <stddef.h>
#include <sys/types.h>

#include "isolators/cgroup.h"
#include "isolators/trees.h"

struct err;
struct spec;
struct usage;

/* One container on its way; lives in its supervisor and, copied by clone3(), in its init. */
struct box {
	const struct spec *spec;
	struct cgroup cgroup;
	int seccomp_fd;		/* sealed memfd with the compiled program, or -EBADF */
	int sandbox_fd;		/* O_PATH of the sandbox, opened on the host side, or -EBADF */
	struct trees trees;
	int user_ns_fd;		/* of init, in the supervisor while it attaches, or -EBADF */
	pid_t init_pid;		/* in the supervisor's pid namespace */
	int init_pidfd;
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
	/* Supervisor, before clone3(): host-side objects, limits written. */
	int (*prepare)(struct box *box, struct err *e);
	/* Supervisor, child cloned and waiting: id maps, veth end. */
	int (*attach)(struct box *box, struct err *e);
	/* Container init, all capabilities, old root still reachable. */
	int (*enter)(struct box *box, struct err *e);
	/* The payload's process, after pivot_root: only ever removes rights. */
	int (*seal)(struct box *box, struct err *e);
	/* Supervisor or agent, any time while running. */
	int (*sample)(const struct cgroup *cg, struct usage *usage, struct err *e);
	/* Supervisor, or agent in recovery.  Idempotent, cannot fail. */
	void (*release)(struct box *box);
};

/* In launch order, NULL-terminated.  Adding a feature is adding a row. */
extern const struct isolator *const isolator_table[];

int isolators_validate(const struct spec *spec, struct err *e);
int isolators_prepare(struct box *box, struct err *e);	/* on failure those prepared are released */
int isolators_attach(struct box *box, struct err *e);
int isolators_enter(struct box *box, struct err *e);
int isolators_seal(struct box *box, struct err *e);
void isolators_release(struct box *box);		/* in reverse */
unsigned long isolators_clone_flags(const struct spec *spec);

#endif
