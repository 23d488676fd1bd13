#include "agent/history.h"

#include <stdlib.h>
#include <string.h>

#include "agent/container.h"
#include "agent/task.h"
#include "agent/view.h"
#include "lib/pb_json.h"

static void past_free(struct past_task *past)
{
	if (past->task)
		mesos__v1__task__free_unpacked(past->task, NULL);
	if (past->executor)
		mesos__v1__executor_info__free_unpacked(past->executor, NULL);
	if (past->framework)
		mesos__v1__framework_info__free_unpacked(past->framework, NULL);
	free(past->container_id);
	free(past->sandbox);
	free(past);
}

void history_init(struct history *history)
{
	TAILQ_INIT(&history->tasks);
	history->n = 0;
}

static void drop_oldest(struct history *history)
{
	struct past_task *oldest = TAILQ_FIRST(&history->tasks);

	TAILQ_REMOVE(&history->tasks, oldest, link);
	history->n--;
	past_free(oldest);
}

void history_done(struct history *history)
{
	while (history->n)
		drop_oldest(history);
}

static struct past_task *past_new(const struct task *task)
{
	struct past_task *past = calloc(1, sizeof(*past));
	struct view_executor executor;
	struct view_task view;

	if (!past)
		return NULL;
	view_task(task, &view);
	past->task = (Mesos__V1__Task *)pb_copy(&view.task.base);
	past->executor = (Mesos__V1__ExecutorInfo *)pb_copy(&view_executor(task, &executor)->base);
	past->framework = (Mesos__V1__FrameworkInfo *)pb_copy(&task->record->framework->base);
	past->container_id = strdup(task->record->container_id);
	past->sandbox = task->container->sandbox ? strdup(task->container->sandbox) : NULL;
	if (past->task && past->executor && past->framework && past->container_id)
		return past;
	past_free(past);
	return NULL;
}

void history_add(struct history *history, const struct task *task)
{
	struct past_task *past = past_new(task);

	if (!past)
		return;
	TAILQ_INSERT_TAIL(&history->tasks, past, link);
	if (++history->n > HISTORY_MAX)
		drop_oldest(history);
}

const struct past_task *history_find(const struct history *history, const char *id, size_t n)
{
	const struct past_task *past;

	TAILQ_FOREACH_REVERSE(past, &history->tasks, past_queue, link) {
		if (strlen(past->container_id) == n && strncmp(past->container_id, id, n) == 0)
			return past;
	}
	return NULL;
}
