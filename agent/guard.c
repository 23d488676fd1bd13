#include "agent/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/executors.h"
#include "agent/runtime_dir.h"
#include "agent/task.h"
#include "containerizer/handover.h"
#include "containerizer/spec_json.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

/* The first round is quick: nobody knows what happened while there was no agent. */
enum { FIRST_ROUND_MS = 10, STEP_MS = 1000 };

struct guard {
	struct agent *agent;
	struct loop_timer *timer;
	char *last;		/* key of the task that was looked at, or NULL */
	bool is_first_round;
};

/* Before that its limits may not be written, and after its end nobody is limited. */
static bool is_guarded(const struct task *task)
{
	return task_state(task) == MESOS__V1__TASK_STATE__TASK_RUNNING &&
		(task->executor.state == EXECUTOR_WAITING ||
		 task->executor.state == EXECUTOR_SUBSCRIBED);
}

/* The one after the last; tasks are in the order of their coming.  NULL at the end of a round. */
static struct task *next_task(struct guard *guard)
{
	struct task *task = NULL;

	if (guard->last)
		HASH_FIND_STR(guard->agent->tasks, guard->last, task);
	task = task ? task->hh.next : guard->last ? NULL : guard->agent->tasks;
	while (task && !is_guarded(task))
		task = task->hh.next;
	free(guard->last);
	guard->last = task ? strdup(task->key) : NULL;
	return task;
}

static void on_restored(void *arg, const char *file, const char *found, const char *wanted)
{
	struct task *task = arg;

	task->agent->counters.limits_restored++;
	log_warning("task '%s': '%s' was changed from outside to '%s', restore '%s'", task_id(task),
		    file, found, wanted);
}

static int read_spec(const struct task *task, struct spec *ret, struct err *e)
{
	AUTO_CLOSE int fd = runtime_dir_open(task->agent->work_fd, task->record->container_id);

	if (fd < 0)
		return err_set(e, ENOENT, "find the document of container '%s'",
			       task->record->container_id);
	return spec_load(fd, HANDOVER_CONFIG, ret, e);
}

static int check(struct task *task, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	struct spec spec;
	int r = read_spec(task, &spec, e);

	if (r < 0)
		return r;
	r = cgroup_open(&task->agent->layout, task->record->container_id, &cg, e);
	if (r == 0)
		r = isolators_recover(&cg, &spec, on_restored, task, e);
	cgroup_close(&cg);
	spec_done(&spec);
	return r;
}

/* A controller was taken away: going on would be without the limit, and silently. */
static void end_unlimited(struct task *task, const struct err *e)
{
	static const struct verdict unlimited = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION,
		"a limit of the task was taken away from outside and cannot be restored",
	};

	log_write_err(LOG_LEVEL_ERROR, e, "restore the limits of task '%s'", task_id(task));
	executor_destroy(task, &unlimited);
}

static void on_timer(void *arg)
{
	struct guard *guard = arg;
	struct task *task = next_task(guard);
	struct err e = { 0 };
	int r = task ? check(task, &e) : 0;

	if (!task)
		guard->is_first_round = false;
	if (r == -ENOTSUP && !guard->agent->flags.allow_unenforced)
		end_unlimited(task, &e);
	else if (r < 0 && r != -ENOENT && r != -ENODEV)
		log_write_err(LOG_LEVEL_WARNING, &e, "look at the limits of task '%s'",
			      task_id(task));
	loop_timer_set(guard->timer, guard->is_first_round ? FIRST_ROUND_MS : STEP_MS);
}

int guard_new(struct agent *agent, struct guard **ret, struct err *e)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int r;

	if (!guard)
		return err_set(e, ENOMEM, "prepare to look at limits");
	guard->agent = agent;
	guard->is_first_round = true;
	r = loop_timer_new(agent->loop, on_timer, guard, &guard->timer, e);
	if (r < 0) {
		guard_free(guard);
		return r;
	}
	loop_timer_set(guard->timer, FIRST_ROUND_MS);
	*ret = guard;
	return 0;
}

void guard_free(struct guard *guard)
{
	if (!guard)
		return;
	loop_timer_free(guard->timer);
	free(guard->last);
	free(guard);
}
