/* Step 3 of a launch: the container's first process. */
#ifndef CONTAINERIZER_CLONE_H
#define CONTAINERIZER_CLONE_H

#include <sys/types.h>

struct box;
struct err;

/*
 * Clone it as our child into the container's cgroup and namespaces, those made and those joined;
 * box->init_pidfd is its descriptor.  Returns twice, like fork(2): 0 in the child, which has every
 * signal blocked, so that no handler of the supervisor's event loop ever runs in it.
 */
pid_t clone_init(struct box *box, struct err *e);

#endif
