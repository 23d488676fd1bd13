#include "agent/updates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/executor.h"
#include "agent/disk.h"
#include "agent/drain.h"
#include "agent/master_link.h"
#include "agent/pods.h"
#include "agent/status.h"
#include "agent/task.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/pb_json.h"

enum { UUID_BYTES = 16 };

bool updates_has(const struct task *task, const Mesos__V1__TaskStatus *status)
{
	const Tepui__TaskRecord *record = task->record;

	if (status_same_uuid(record->latest, status))
		return true;
	for (size_t i = 0; i < record->n_updates; i++) {
		if (status_same_uuid(record->updates[i]->status, status))
			return true;
	}
	return false;
}

int updates_check(const struct task *task, const Mesos__V1__TaskStatus *status, struct err *e)
{
	if (strcmp(status->task_id->value, task_id(task)) != 0)
		return err_set(e, EINVAL, "update task '%s': the executor has task '%s'",
			       status->task_id->value, task_id(task));
	if (!status->has_uuid || status->uuid.len != UUID_BYTES)
		return err_set(e, EINVAL, "update task '%s': no uuid of %d bytes", task_id(task),
			       UUID_BYTES);
	if (!status->has_source ||
	    status->source != MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
		return err_set(e, EINVAL, "update task '%s': its source is not SOURCE_EXECUTOR",
			       task_id(task));
	if (status->executor_id && strcmp(status->executor_id->value, task_id(task)) != 0)
		return err_set(e, EINVAL, "update task '%s': of executor '%s'", task_id(task),
			       status->executor_id->value);
	if (status->state == MESOS__V1__TASK_STATE__TASK_STAGING)
		return err_set(e, EINVAL, "update task '%s': TASK_STAGING is not an executor's",
			       task_id(task));
	return 0;
}

static int append(Tepui__TaskRecord *record, Mesos__V1__TaskStatus *status_take)
{
	size_t n = record->n_updates;
	Tepui__PendingUpdate **list = realloc(record->updates, (n + 1) * sizeof(*list));
	Tepui__PendingUpdate *update = malloc(sizeof(*update));

	if (list)
		record->updates = list;
	if (!list || !update) {
		free(update);
		return -ENOMEM;
	}
	tepui__pending_update__init(update);
	update->status = status_take;
	list[n] = update;
	record->n_updates = n + 1;
	return 0;
}

static void drop_head(Tepui__TaskRecord *record)
{
	tepui__pending_update__free_unpacked(record->updates[0], NULL);
	record->n_updates--;
	memmove(record->updates, record->updates + 1,
		record->n_updates * sizeof(record->updates[0]));
}

/* The end of the task: its resources are free before the master hears of it. */
static void note_end(struct task *task, Mesos__V1__TaskState state)
{
	struct agent_counters *counters = &task->agent->counters;

	if ((size_t)state < sizeof(counters->ended) / sizeof(counters->ended[0]))
		counters->ended[state]++;
	if (task->executor) {
		executor_task_ended(task);
		return;
	}
	task->container->has_ended = true;
	container_discharge(task->container);
	container_expect_exit(task->container);
	if (task->record->pod_id)
		pods_task_ended(task);
}

/* What its container does about it; one that is an executor's has more to do than this task. */
static void note_latest(struct task *task, Mesos__V1__TaskState state)
{
	if (!task->executor)
		task->container->has_reported = true;
	if (status_is_terminal(state))
		note_end(task, state);
	else if (state == MESOS__V1__TASK_STATE__TASK_RUNNING && !task->executor)
		container_started(task->container);
}

/* All of them are written and read again as one record: what waits has to stay small. */
static int check_room(const struct task *task, struct err *e)
{
	const Tepui__TaskRecord *record = task->record;
	size_t bytes = 0;

	for (size_t i = 0; i < record->n_updates; i++)
		bytes += tepui__pending_update__get_packed_size(record->updates[i]);
	return record->n_updates >= UPDATES_MAX_PENDING || bytes >= UPDATES_MAX_BYTES ?
		err_set(e, ENOBUFS, "update task '%s': %zu updates of %zu bytes wait", task_id(task),
			record->n_updates, bytes) : 0;
}

int updates_add(struct task *task, Mesos__V1__TaskStatus *status_take, struct err *e)
{
	Tepui__TaskRecord *record = task->record;
	Mesos__V1__TaskStatus *copy = NULL;
	int r = 0;

	if (task_has_ended(task))
		r = err_set(e, EALREADY, "update task '%s': it has ended", task_id(task));
	else if (!status_is_terminal(status_take->state))
		r = check_room(task, e);
	if (r >= 0 && status_is_terminal(status_take->state))
		disk_explain(task->container, status_take);
	if (r >= 0) {
		drain_explain(task, status_take);
		copy = (Mesos__V1__TaskStatus *)pb_copy(&status_take->base);
		if (!copy || append(record, status_take) < 0)
			r = err_set(e, ENOMEM, "update task '%s'", task_id(task));
	}
	if (r < 0) {
		if (copy)
			mesos__v1__task_status__free_unpacked(copy, NULL);
		mesos__v1__task_status__free_unpacked(status_take, NULL);
		return r;
	}
	/* A copy: the one in the list goes when it is acknowledged, the latest stays. */
	if (record->latest)
		mesos__v1__task_status__free_unpacked(record->latest, NULL);
	record->latest = copy;
	record->state = copy->state;
	log_info("task '%s': %s%s%s", task_id(task), status_state_name(copy->state),
		 copy->message && *copy->message ? ": " : "", copy->message ? copy->message : "");
	note_latest(task, copy->state);
	return task_put(task, e);
}

Mesos__V1__TaskStatus *updates_new_own(struct task *task, Mesos__V1__TaskState state,
				       Mesos__V1__TaskStatus__Reason reason, const char *message,
				       struct err *e)
{
	Mesos__V1__TaskStatus *status = status_new(task_id(task), agent_id(task->agent), state,
						   reason, message, &task->agent->rng);

	if (status && task_complete_status(task, status) >= 0)
		return status;
	if (status)
		mesos__v1__task_status__free_unpacked(status, NULL);
	(void)err_set(e, ENOMEM, "update task '%s'", task_id(task));
	return NULL;
}

int updates_add_own(struct task *task, Mesos__V1__TaskState state,
		    Mesos__V1__TaskStatus__Reason reason, const char *message, struct err *e)
{
	Mesos__V1__TaskStatus *status = updates_new_own(task, state, reason, message, e);

	return status ? updates_add(task, status, e) : -e->code;
}

/* ---- to the master ---- */

/* Only the head, so that the framework sees them in order. */
void updates_forward(struct task *task)
{
	struct agent *agent = task->agent;
	struct err e = { 0 };

	if (task->resend.is_in_flight || !task->record->n_updates ||
	    !master_link_is_up(agent->link))
		return;
	if (master_link_update(agent->link, task->record->framework->id,
			       task->record->updates[0]->status, task_state(task), &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "send an update of task '%s'", task_id(task));
	resend_sent(&task->resend, agent->loop);
}

void updates_acknowledge(struct task *task, const void *uuid, size_t size)
{
	Tepui__TaskRecord *record = task->record;
	const Mesos__V1__TaskStatus *head;
	struct err e = { 0 };
	bool is_last;

	if (!record->n_updates)
		return;
	head = record->updates[0]->status;
	if (!head->has_uuid || head->uuid.len != size || memcmp(head->uuid.data, uuid, size) != 0) {
		log_debug("ignore an acknowledgement of task '%s': not of its first update",
			  task_id(task));
		return;
	}
	is_last = status_is_terminal(head->state);
	drop_head(record);
	resend_reset(&task->resend);
	if (is_last)
		task_forget(task);
	else if (task_put(task, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
}

void updates_resume(struct agent *agent)
{
	for (struct task *task = agent->tasks; task; task = task->hh.next) {
		resend_reset(&task->resend);
		if (task->record->n_updates)
			task_mark(task);
	}
}

void updates_pause(struct agent *agent)
{
	for (struct task *task = agent->tasks; task; task = task->hh.next)
		resend_reset(&task->resend);
}
