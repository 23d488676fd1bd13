/* The last steps of a process that becomes somebody else's program inside a container. */
#ifndef CONTAINERIZER_PAYLOAD_H
#define CONTAINERIZER_PAYLOAD_H

#include <stdbool.h>

#include "containerizer/container.h"

struct box;
struct err;
struct isolator;

struct payload {
	struct box *box;
	char **argv, **env;	/* NULL-terminated */
	struct container_stdio stdio;
	bool has_terminal;	/* they are one, which becomes the controlling terminal */
	bool has_cgroup;
	int cgroup_fd;		/* then: cgroup.procs of the one to run in */
};

/*
 * In a process that is sealed but for the system call filter: session, descriptors 0-2, umask,
 * directory and signals.
 */
int payload_prepare(const struct payload *p, struct err *e);

/* Filter and execve.  Only ever returns an error. */
int payload_exec(const struct payload *p, struct err *e);

/* Is ISO the one that payload_exec() seals with? */
bool payload_is_filter(const struct isolator *iso);

/*
 * What execve(2) will say as far as that can be told before: is there such a program, and may this
 * process run it?
 */
int payload_find(char **argv, char **env, struct err *e);

/*
 * The error of execve(2) for PROGRAM as a shell would find it: by its path if it has a slash, else
 * along PATH of ENV.  Returns only on failure.
 */
int payload_find_and_exec(char **argv, char **env, struct err *e);

#endif
