/* The processes of a container, by its cgroup. */
#ifndef CONTAINERIZER_OCI_PROCESSES_H
#define CONTAINERIZER_OCI_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

struct cgroup;
struct err;

/* Their ids, those of groups below included; *RET is owned. */
int processes_list(const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *e);

/* SIGNO to each. */
int processes_signal(const struct cgroup *cg, int signo, struct err *e);

#endif
