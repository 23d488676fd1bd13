/* Removal of trees that tasks have written: out of sight at once, gone in a process beside the loop. */
#ifndef AGENT_TRASH_H
#define AGENT_TRASH_H

#include <stdint.h>

struct agent;
struct err;
struct trash;

/* Begins with what an earlier agent has left. */
int trash_new(struct agent *agent, struct trash **ret, struct err *e);
void trash_free(struct trash *trash);

/*
 * Take the tree NAME below DIR_FD, a directory of the work directory's file system, away: nobody
 * finds it any more, and its disk is given back when it has been removed.  -ENOENT: there is none.
 */
int trash_throw(struct trash *trash, int dir_fd, const char *name, struct err *e);

/* Of trees, since start. */
struct trash_counters {
	uint64_t pending, succeeded, failed;
};
struct trash_counters trash_counters(const struct trash *trash);

#endif
