#include "master_stub/leave.h"

#include <stdbool.h>
#include <stdlib.h>

#include "master_stub/core.h"
#include "master_stub/directory_parts.h"
#include "master_stub/endpoint.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

/* What ends who leaves. */
enum leave_kind { LEAVE_KILL, LEAVE_DRAIN, LEAVE_SHUT_DOWN };

struct leave {
	enum leave_kind kind;
	void *of;			/* the task, the agent or the executor */
	struct leave **place;		/* there */
	struct wave *wave;
	TAILQ_ENTRY(leave) in_wave;
};

/* All that waits for the same version of the directory. */
struct wave {
	uint64_t version;
	int64_t deadline_ms;		/* INT64_MAX: the turn that it begins with sets it */
	size_t n_waited_for;		/* readers that have not applied it */
	TAILQ_HEAD(, leave) leaves;
	TAILQ_ENTRY(wave) in_waves;
};

/* ---- what is told at last ---- */

static void tell(enum leave_kind kind, void *of)
{
	struct task *task = of;
	struct agent *agent = of;

	switch (kind) {
	case LEAVE_KILL:
		registry_send_kill(task->agent, task);
		break;
	case LEAVE_DRAIN:
		registry_send_drain(agent);
		break;
	case LEAVE_SHUT_DOWN:
		master_executor_send_shutdown(of);
		break;
	}
}

void leave_forget(struct leave *leave)
{
	if (!leave)
		return;
	*leave->place = NULL;
	TAILQ_REMOVE(&leave->wave->leaves, leave, in_wave);
	free(leave);
}

static void finish(struct leaves *leaves, struct wave *wave)
{
	struct leave *leave;

	TAILQ_REMOVE(&leaves->waves, wave, in_waves);
	while ((leave = TAILQ_FIRST(&wave->leaves))) {
		enum leave_kind kind = leave->kind;
		void *of = leave->of;

		leave_forget(leave);
		tell(kind, of);
	}
	free(wave);
}

void leaves_free(struct leaves *leaves)
{
	struct wave *wave;

	while ((wave = TAILQ_FIRST(&leaves->waves))) {
		TAILQ_REMOVE(&leaves->waves, wave, in_waves);
		while (!TAILQ_EMPTY(&wave->leaves))
			leave_forget(TAILQ_FIRST(&wave->leaves));
		free(wave);
	}
}

/* ---- who waits ---- */

static size_t count_waited_for(const struct directory *directory, uint64_t version)
{
	const struct reader *reader;
	size_t n = 0;

	TAILQ_FOREACH(reader, &directory->current, in_readers)
		n += reader->applied < version;
	TAILQ_FOREACH(reader, &directory->behind, in_readers)
		n += reader->applied < version;
	return n;
}

static struct wave *wave_new(struct directory *directory, uint64_t version)
{
	struct wave *wave = calloc(1, sizeof(*wave)), *after;

	if (!wave)
		return NULL;
	wave->version = version;
	wave->deadline_ms = INT64_MAX;
	wave->n_waited_for = count_waited_for(directory, version);
	TAILQ_INIT(&wave->leaves);
	TAILQ_FOREACH(after, &directory->leaves.waves, in_waves) {
		if (after->version > version)
			break;
	}
	if (after)
		TAILQ_INSERT_BEFORE(after, wave, in_waves);
	else
		TAILQ_INSERT_TAIL(&directory->leaves.waves, wave, in_waves);
	return wave;
}

static struct wave *wave_get(struct directory *directory, uint64_t version)
{
	struct wave *wave;

	TAILQ_FOREACH_REVERSE(wave, &directory->leaves.waves, wave_queue, in_waves) {
		if (wave->version == version)
			return wave;
		if (wave->version < version)
			break;
	}
	return wave_new(directory, version);
}

/* When VERSION of the directory holds everywhere; without memory nobody waits. */
static void leave(struct directory *directory, enum leave_kind kind, void *of, struct leave **place,
		  uint64_t version)
{
	struct leave *new = calloc(1, sizeof(*new));
	struct wave *wave = new ? wave_get(directory, version) : NULL;

	if (!wave) {
		free(new);
		tell(kind, of);
		return;
	}
	*new = (struct leave){ .kind = kind, .of = of, .place = place, .wave = wave };
	TAILQ_INSERT_TAIL(&wave->leaves, new, in_wave);
	*place = new;
}

static bool is_read(const struct directory *directory)
{
	return !TAILQ_EMPTY(&directory->current) || !TAILQ_EMPTY(&directory->behind);
}

/* Are there services that TASK serves?  *VERSION becomes at least the one that tells that it is to end. */
static bool is_serving(const struct task *task, uint64_t *version)
{
	const struct endpoint *endpoint = task->endpoint;

	if (!endpoint || !endpoint_serves(endpoint))
		return false;
	if (endpoint->entry.version > *version)
		*version = endpoint->entry.version;
	return true;
}

void leave_kill(struct task *task)
{
	struct directory *directory = task->framework->master->directory;
	uint64_t version = 0;

	endpoint_update(task);
	if (task->leave)
		return;
	if (is_read(directory) && is_serving(task, &version))
		leave(directory, LEAVE_KILL, task, &task->leave, version);
	else
		registry_send_kill(task->agent, task);
}

void leave_drain(struct agent *agent)
{
	struct directory *directory = agent->master->directory;
	const struct task *task;
	uint64_t version = 0;
	bool is_any = false;

	endpoints_update(agent);
	if (agent->leave)
		return;
	TAILQ_FOREACH(task, &agent->tasks, on_agent)
		is_any |= is_serving(task, &version);
	if (is_read(directory) && is_any)
		leave(directory, LEAVE_DRAIN, agent, &agent->leave, version);
	else
		registry_send_drain(agent);
}

void leave_shut_down(struct executor *executor)
{
	struct directory *directory = executor->agent->master->directory;
	uint64_t version = 0;
	bool is_any = false;
	struct task *task;

	executor->is_shut_down = true;
	TAILQ_FOREACH(task, &executor->agent->tasks, on_agent) {
		if (task->executor != executor)
			continue;
		endpoint_update(task);
		is_any |= is_serving(task, &version);
	}
	if (executor->leave)
		return;
	if (is_read(directory) && is_any)
		leave(directory, LEAVE_SHUT_DOWN, executor, &executor->leave, version);
	else
		master_executor_send_shutdown(executor);
}

/* ---- who has been heard ---- */

void leaves_reader_opened(struct reader *reader)
{
	struct wave *wave;

	TAILQ_FOREACH(wave, &reader->agent->master->directory->leaves.waves, in_waves)
		wave->n_waited_for++;
}

/* READER, which has applied BEFORE, is no more to wait for where VERSION is all that is needed. */
static void stop_waiting(const struct reader *reader, uint64_t before, uint64_t version)
{
	struct wave *wave;

	TAILQ_FOREACH(wave, &reader->agent->master->directory->leaves.waves, in_waves) {
		if (wave->version > version)
			break;
		if (wave->version > before)
			wave->n_waited_for--;
	}
}

void leaves_reader_closed(struct reader *reader)
{
	stop_waiting(reader, reader->applied, UINT64_MAX);
}

void leaves_applied(struct reader *reader, uint64_t before)
{
	stop_waiting(reader, before, reader->applied);
}

/* ---- what is due ---- */

void leaves_turn(struct master *master, int64_t now_ms)
{
	struct directory *directory = master->directory;
	struct wave *wave, *next;

	for (wave = TAILQ_FIRST(&directory->leaves.waves); wave; wave = next) {
		next = TAILQ_NEXT(wave, in_waves);
		if (wave->deadline_ms == INT64_MAX)
			wave->deadline_ms = now_ms + master->options.service_drain_ms;
		if (wave->n_waited_for > 0 && !TAILQ_EMPTY(&wave->leaves)) {
			if (wave->deadline_ms > now_ms)
				continue;
			directory->counters.timeouts++;
		}
		finish(&directory->leaves, wave);
	}
}

int64_t leaves_next_ms(const struct master *master)
{
	const struct wave *wave;
	int64_t next = INT64_MAX;

	TAILQ_FOREACH(wave, &master->directory->leaves.waves, in_waves) {
		if (wave->n_waited_for == 0 || wave->deadline_ms == INT64_MAX)
			return INT64_MIN;
		if (wave->deadline_ms < next)
			next = wave->deadline_ms;
	}
	return next;
}
