/* A process that joins a container which runs already, whoever is its pid 1. */
#ifndef CONTAINERIZER_VISIT_H
#define CONTAINERIZER_VISIT_H

#include <sys/types.h>

#include "containerizer/container.h"

struct cgroup;
struct err;
struct spec;

/* All borrowed for the call. */
struct visit {
	int pidfd;			/* of the container's first process */
	const struct cgroup *cgroup;
	const char *group;		/* below that cgroup, where to be; NULL: in it */
	const struct spec *spec;	/* the container's, with the process that is to join */
	int seccomp_fd;			/* the compiled filter, or -EBADF */
	struct container_stdio stdio;	/* all of them; unless SPEC wants a terminal */
	unsigned n_preserved;		/* descriptors from 3 on that it inherits */
};

/* The process: a child of ours.  All owned. */
struct visitor {
	pid_t pid;
	int pidfd;
	int terminal_fd;		/* its terminal's master, or -EBADF */
};

/*
 * Returns when it has been executed, or with what was in the way.
 *
 * A process between joins the namespaces, out of the container's sight; it lets go of whatever is
 * the host's, and only then clones the one that has a number in there (rule R8), as our child.
 */
int visit_start(const struct visit *visit, struct visitor *ret, struct err *e);

#endif
