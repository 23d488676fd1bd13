#include "agent/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/runtime_dir.h"
#include "containerizer/handover.h"
#include "containerizer/spec_json.h"
#include "isolators/cgroup.h"
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
	char *last;		/* id of the container that was looked at, or NULL */
	bool is_first_round;
};

/* The one after the last; containers are in the order of their coming.  NULL at the end of a round. */
static struct container *next_container(struct guard *guard)
{
	struct container *c = NULL;

	if (guard->last)
		c = container_find(guard->agent, guard->last);
	c = c ? c->hh.next : guard->last ? NULL : guard->agent->containers;
	/* Before that its limits may not be written, and after its end nobody is limited. */
	while (c && !(container_is_running(c) && c->has_started))
		c = c->hh.next;
	free(guard->last);
	guard->last = c ? strdup(c->id) : NULL;
	return c;
}

static void on_restored(void *arg, const char *file, const char *found, const char *wanted)
{
	struct container *c = arg;

	c->agent->counters.limits_restored++;
	log_warning("container '%s' of '%s': '%s' was changed from outside to '%s', restore '%s'",
		    c->id, c->executor, file, found, wanted);
}

static int read_spec(const struct container *c, struct spec *ret, struct err *e)
{
	AUTO_CLOSE int fd = runtime_dir_open(c->agent->work_fd, c->id);

	if (fd < 0)
		return err_set(e, ENOENT, "find the document of container '%s'",
			       c->id);
	return spec_load(fd, HANDOVER_CONFIG, ret, e);
}

static int check(struct container *c, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	struct spec spec;
	int r = read_spec(c, &spec, e);

	if (r < 0)
		return r;
	r = cgroup_open(c->layout, c->id, &cg, e);
	if (r == 0)
		r = isolators_recover(&cg, &spec, on_restored, c, e);
	cgroup_close(&cg);
	spec_done(&spec);
	return r;
}

/* Its supervisor takes the group apart and then tells the end: nothing is missing of one that has gone. */
static bool has_gone(const struct container *c)
{
	struct cgroup cg = CGROUP_INIT;
	struct err ignored = { 0 };
	bool has_gone = cgroup_open(c->layout, c->id, &cg, &ignored) == -ENOENT;

	cgroup_close(&cg);
	return has_gone;
}

/* A controller was taken away: going on would be without the limit, and silently. */
static void end_unlimited(struct container *c, const struct err *e)
{
	static const struct verdict unlimited = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION,
		"a limit of the task was taken away from outside and cannot be restored",
	};

	log_write_err(LOG_LEVEL_ERROR, e, "restore the limits of container '%s'", c->id);
	container_end(c, &unlimited);
}

static void on_timer(void *arg)
{
	struct guard *guard = arg;
	struct container *c = next_container(guard);
	struct err e = { 0 };
	int r = c ? check(c, &e) : 0;

	if (!c)
		guard->is_first_round = false;
	if (r < 0 && has_gone(c))
		r = 0;
	if (r == -ENOTSUP && !guard->agent->flags.allow_unenforced)
		end_unlimited(c, &e);
	else if (r < 0 && r != -ENOENT && r != -ENODEV)
		log_write_err(LOG_LEVEL_WARNING, &e, "look at the limits of container '%s'",
			      c->id);
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
