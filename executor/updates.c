#include "executor/updates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

struct update {
	TAILQ_ENTRY(update) link;
	Mesos__V1__TaskStatus *status;
};

void updates_init(struct updates *updates)
{
	TAILQ_INIT(&updates->head);
	updates->n = 0;
}

static void drop(struct updates *updates, struct update *u)
{
	TAILQ_REMOVE(&updates->head, u, link);
	updates->n--;
	mesos__v1__task_status__free_unpacked(u->status, NULL);
	free(u);
}

void updates_done(struct updates *updates)
{
	while (!TAILQ_EMPTY(&updates->head))
		drop(updates, TAILQ_FIRST(&updates->head));
}

int updates_add(struct updates *updates, Mesos__V1__TaskStatus *status_take, struct err *e)
{
	struct update *u = calloc(1, sizeof(*u));

	if (!u) {
		mesos__v1__task_status__free_unpacked(status_take, NULL);
		return err_set(e, ENOMEM, "keep status update");
	}
	u->status = status_take;
	TAILQ_INSERT_TAIL(&updates->head, u, link);
	updates->n++;
	return 0;
}

bool updates_acknowledge(struct updates *updates, const ProtobufCBinaryData *uuid,
			 bool *ret_terminal)
{
	struct update *u;

	TAILQ_FOREACH(u, &updates->head, link) {
		if (u->status->uuid.len != uuid->len ||
		    memcmp(u->status->uuid.data, uuid->data, uuid->len) != 0)
			continue;
		*ret_terminal = task_state_is_terminal(u->status->state);
		drop(updates, u);
		return true;
	}
	return false;
}

int updates_list(const struct updates *updates, Mesos__V1__Executor__Call__Update ***ret,
		 size_t *ret_n, struct err *e)
{
	/* Pointers and what they point to in one allocation. */
	size_t size = sizeof(**ret) + sizeof(***ret), i = 0;
	Mesos__V1__Executor__Call__Update **list = calloc(updates->n + 1, size), *items;
	struct update *u;

	if (!list)
		return err_set(e, ENOMEM, "list status updates");
	items = (Mesos__V1__Executor__Call__Update *)(void *)(list + updates->n + 1);
	TAILQ_FOREACH(u, &updates->head, link) {
		mesos__v1__executor__call__update__init(&items[i]);
		items[i].status = u->status;
		list[i] = &items[i];
		i++;
	}
	*ret = list;
	*ret_n = i;
	return 0;
}

void updates_list_free(Mesos__V1__Executor__Call__Update **list)
{
	free(list);
}

bool task_state_is_terminal(Mesos__V1__TaskState state)
{
	static const Mesos__V1__TaskState going_on[] = {
		MESOS__V1__TASK_STATE__TASK_STAGING,
		MESOS__V1__TASK_STATE__TASK_STARTING,
		MESOS__V1__TASK_STATE__TASK_RUNNING,
		MESOS__V1__TASK_STATE__TASK_KILLING,
	};

	for (size_t i = 0; i < ARRAY_SIZE(going_on); i++) {
		if (state == going_on[i])
			return false;
	}
	return true;
}
