/* Tasks that are forgotten, for operators who look at what was, and for their sandboxes. */
#ifndef AGENT_HISTORY_H
#define AGENT_HISTORY_H

#include <stddef.h>
#include <sys/queue.h>

#include "proto/mesos.pb-c.h"

struct task;

enum { HISTORY_MAX = 150 };	/* as many as Mesos keeps */

struct past_task {
	Mesos__V1__Task *task;
	Mesos__V1__ExecutorInfo *executor;
	Mesos__V1__FrameworkInfo *framework;
	char *container_id, *sandbox;	/* the latter may be NULL */
	TAILQ_ENTRY(past_task) link;
};

struct history {
	TAILQ_HEAD(past_queue, past_task) tasks;	/* the oldest first */
	size_t n;
};

void history_init(struct history *history);
void history_done(struct history *history);
/* The oldest makes room.  What memory has no room for is not remembered. */
void history_add(struct history *history, const struct task *task);
/* The latest that ran in the container whose id has N bytes at ID, or NULL. */
const struct past_task *history_find(const struct history *history, const char *id, size_t n);

#endif
