#include "master_stub/history.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/listing.h"
#include "master_stub/view.h"

static struct ended_task *find(const struct framework *framework, const char *id)
{
	struct ended_task *ended = NULL;

	HASH_FIND_STR(framework->ended_by_id, id, ended);
	return ended;
}

static void drop_task(struct ended_task *ended)
{
	struct framework *framework = ended->framework;

	listings_forget(framework->master, ended);
	if (find(framework, ended->id) == ended)
		HASH_DEL(framework->ended_by_id, ended);
	TAILQ_REMOVE(&framework->ended, ended, of_framework);
	TAILQ_REMOVE(&framework->master->ended, ended, all);
	framework->n_ended--;
	free(ended->task.data);
	free(ended->id);
	free(ended);
}

static void drop_tasks(struct framework *framework)
{
	while (!TAILQ_EMPTY(&framework->ended))
		drop_task(TAILQ_FIRST(&framework->ended));
}

static int pack(const struct task *task, struct packed *ret)
{
	struct task_view view;
	struct err e = { 0 };
	int r = task_view_init(&view, task);

	if (r == 0)
		r = pb_pack(&view.message.base, &ret->data, &ret->size, &e);
	task_view_done(&view);
	return r;
}

void history_add_task(const struct task *task)
{
	struct framework *framework = task->framework;
	uint64_t most = framework->master->options.max_completed_tasks;
	struct ended_task *ended, *before;

	if (most == 0 || (framework->is_removed && !framework->is_kept))
		return;
	ended = calloc(1, sizeof(*ended));
	if (!ended)
		return;
	ended->id = strdup(task->id);
	if (!ended->id || pack(task, &ended->task) < 0) {
		free(ended->id);
		free(ended);
		return;
	}
	ended->framework = framework;
	ended->state = task->state;
	/* A framework may use an id again once it is free. */
	before = find(framework, ended->id);
	if (before)
		HASH_DEL(framework->ended_by_id, before);
	/* Without memory it is found no more: that is for who asks twice. */
	HASH_ADD_KEYPTR(hh, framework->ended_by_id, ended->id, strlen(ended->id), ended);
	TAILQ_INSERT_TAIL(&framework->ended, ended, of_framework);
	TAILQ_INSERT_TAIL(&framework->master->ended, ended, all);
	if (++framework->n_ended > most)
		drop_task(TAILQ_FIRST(&framework->ended));
}

bool history_has_task(const struct framework *framework, const char *id)
{
	return find(framework, id);
}

static void drop_framework(struct framework *framework)
{
	struct master *master = framework->master;

	listings_forget(master, framework);
	TAILQ_REMOVE(&master->kept, framework, in_kept);
	master->n_kept--;
	framework->is_kept = false;
	drop_tasks(framework);
}

void history_add_framework(struct framework *framework)
{
	struct master *master = framework->master;

	TAILQ_INSERT_TAIL(&master->kept, framework, in_kept);
	framework->is_kept = true;
	if (++master->n_kept > master->options.max_completed_frameworks)
		drop_framework(TAILQ_FIRST(&master->kept));
}

void history_forget(struct framework *framework)
{
	if (framework->is_kept)
		drop_framework(framework);
	drop_tasks(framework);
}
