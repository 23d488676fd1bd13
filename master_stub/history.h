/* What has ended, kept for a while for operators: tasks of each framework, and frameworks. */
#ifndef MASTER_STUB_HISTORY_H
#define MASTER_STUB_HISTORY_H

#include <sys/queue.h>

#include "lib/hash.h"
#include "master_stub/task.h"

/* A packed mesos.v1.Task, as the API tells it. */
struct ended_task {
	struct framework *framework;
	char *id;
	Mesos__V1__TaskState state;
	struct packed task;
	TAILQ_ENTRY(ended_task) of_framework, all;	/* the oldest first */
	UT_hash_handle hh;		/* in framework->ended_by_id: the last one of its id */
};

TAILQ_HEAD(ended_tasks, ended_task);

/* TASK has ended and is about to be freed.  Without memory it is not kept. */
void history_add_task(const struct task *task);
/* One of FRAMEWORK with this ID has ended and is still kept. */
bool history_has_task(const struct framework *framework, const char *id);
/* FRAMEWORK was removed; the oldest of those that are kept loses its place and its tasks. */
void history_add_framework(struct framework *framework);
/* FRAMEWORK is freed. */
void history_forget(struct framework *framework);

#endif
