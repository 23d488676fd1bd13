/* Status updates on their way: ordered, kept until the agent has acknowledged each. */
#ifndef EXECUTOR_UPDATES_H
#define EXECUTOR_UPDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "proto/executor.pb-c.h"

struct err;
struct update;

struct updates {
	TAILQ_HEAD(, update) head;
	size_t n;
};

void updates_init(struct updates *updates);
void updates_done(struct updates *updates);

/* Takes STATUS, which has its uuid. */
int updates_add(struct updates *updates, Mesos__V1__TaskStatus *status_take, struct err *e);

/* Forget the one with UUID: true if it was there; *ret_terminal: it ended its task. */
bool updates_acknowledge(struct updates *updates, const ProtobufCBinaryData *uuid,
			 bool *ret_terminal);

/* All of them, oldest first, borrowed, as the list that a SUBSCRIBE carries; owned array. */
int updates_list(const struct updates *updates, Mesos__V1__Executor__Call__Update ***ret,
		 size_t *ret_n, struct err *e);
void updates_list_free(Mesos__V1__Executor__Call__Update **list);

bool task_state_is_terminal(Mesos__V1__TaskState state);

#endif
