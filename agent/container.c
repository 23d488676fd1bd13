#include "agent/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/images.h"
#include "agent/launch_spec.h"
#include "agent/network.h"
#include "agent/process.h"
#include "agent/sampler.h"
#include "agent/spawn.h"
#include "agent/status.h"
#include "agent/supervisor.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "net/http_server.h"

enum {
	CLEAN_WAIT_MS = 10,		/* in the loop: short */
	CLEAN_RETRY_MS = 20, CLEAN_LAST_RETRY_MS = 1000, CLEAN_ATTEMPTS_BEFORE_NOTICE = 10,
	RETURN_MS = 15 * 1000,		/* for a supervisor to come back to a new agent */
	EXIT_MS = 60 * 1000,		/* after what it ran has ended */
};

bool container_is_alive(const struct container *c)
{
	return c->state == CONTAINER_WAITING || c->state == CONTAINER_SUBSCRIBED;
}

bool container_is_running(const struct container *c)
{
	return container_is_alive(c) && !c->has_ended;
}

/* ---- what it has of the node ---- */

int container_charge(struct container *c, struct err *e)
{
	if (c->is_charged)
		return 0;
	if (resources_add(&c->agent->used, &c->resources) < 0)
		return err_set(e, ENOMEM, "charge container '%s'", c->id);
	c->is_charged = true;
	return 0;
}

void container_discharge(struct container *c)
{
	if (!c->is_charged)
		return;
	c->is_charged = false;
	if (resources_subtract(&c->agent->used, &c->resources) < 0)
		log_error("free the resources of container '%s': out of memory", c->id);
}

void container_drop_launch(struct container *c)
{
	struct launch_result *launch = TAKE_PTR(c->launch);

	if (!launch)
		return;
	task_image_free(launch->image);
	images_free_volumes(launch->volume_images, launch->n_volume_images);
	launch_result_done(launch);
	free(launch);
}

void container_refuse(struct container *c)
{
	c->state = CONTAINER_GONE;
	container_drop_launch(c);
	network_release(c);
}

/* ---- the end ---- */

static void clean(void *arg);

/* Something in the container is still dying: come back without holding up the loop. */
static void clean_later(struct container *c, const struct err *why)
{
	int64_t delay = CLEAN_RETRY_MS << (c->clean_attempts < 6 ? c->clean_attempts : 6);
	struct err e = { 0 };

	if (++c->clean_attempts == CLEAN_ATTEMPTS_BEFORE_NOTICE) {
		c->agent->counters.destroy_errors++;
		log_write_err(LOG_LEVEL_WARNING, why, "clean up after container '%s', going on",
			      c->id);
	}
	loop_timer_free(c->deadline);
	c->deadline = NULL;
	if (loop_timer_new(c->agent->loop, clean, c, &c->deadline, &e) < 0) {
		log_write_err(LOG_LEVEL_ERROR, &e, "clean up after container '%s'", c->id);
		return;
	}
	loop_timer_set(c->deadline, delay < CLEAN_LAST_RETRY_MS ? delay : CLEAN_LAST_RETRY_MS);
}

static bool end_children(struct container *parent);

static void clean(void *arg)
{
	struct container *c = arg;
	char how[160];
	struct err e = { 0 };

	if (!end_children(c))
		(void)err_set(&e, EBUSY, "wait for the containers in container '%s'", c->id);
	if (e.code || cgroup_destroy(c->layout, c->id, CLEAN_WAIT_MS, &e) < 0) {
		clean_later(c, &e);
		return;
	}
	err_clear(&e);
	c->state = CONTAINER_GONE;
	if (images_are_used(c))
		images_release(c->agent, c->id);
	network_release(c);
	process_describe_end(c->pidfd, c->pid, how, sizeof(how));
	container_release(c);
	c->agent->counters.ended_containers++;
	c->ops->ended(c, how);
}

/* Those in its cgroup die with it in any case: their supervisors need not wonder why. */
static bool end_children(struct container *parent)
{
	static const struct verdict parent_ended = {
		MESOS__V1__TASK_STATE__TASK_KILLED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
		"the container that it was in ended",
	};
	struct container *c, *next;
	bool are_gone = true;

	/* One that is new has nothing in it: no other goes with it. */
	HASH_ITER(hh, parent->agent->containers, c, next) {
		if (c->parent != parent || c->state == CONTAINER_GONE)
			continue;
		if (c->state == CONTAINER_NEW) {
			container_refuse(c);
			c->ops->cancelled(c);
			continue;
		}
		container_end(c, &parent_ended);
		are_gone = false;
	}
	return are_gone;
}

/* The pidfd is readable: the supervisor is dead, what it supervised may still be dying. */
static void ended(int fd, void *arg)
{
	struct container *c = arg;

	(void)fd;
	loop_watch_free(c->watch);
	c->watch = NULL;
	if (c->stream)
		http_stream_end(TAKE_PTR(c->stream));
	c->state = CONTAINER_CLEANING;
	supervisor_expect_nothing(c);
	clean(c);
}

void container_end(struct container *c, const struct verdict *verdict)
{
	struct err e = { 0 };

	if (!container_is_alive(c))
		return;
	if (verdict && verdict->message && !c->verdict.message)
		c->verdict = *verdict;
	log_warning("kill the supervisor of container '%s' (pid %d)%s%s", c->id, (int)c->pid,
		    c->verdict.message ? ": " : "", c->verdict.message ? c->verdict.message : "");
	if (process_kill(c->pidfd, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "kill the supervisor of container '%s'", c->id);
}

void container_stop(struct container *c)
{
	/* A second request may shorten the grace period: it is passed on too. */
	c->is_kill_wanted = true;
	c->is_kill_sent = false;
	container_mark(c);
}

void container_started(struct container *c)
{
	c->has_started = true;
	sampler_begin(c->agent->sampler, c);
}

void container_expect_exit(struct container *c)
{
	static const struct verdict nothing;

	if (container_is_alive(c))
		supervisor_expect(c, EXIT_MS, &nothing);
}

void container_release(struct container *c)
{
	loop_watch_free(c->watch);
	c->watch = NULL;
	loop_timer_free(c->deadline);
	c->deadline = NULL;
	if (c->stream)
		http_stream_end(TAKE_PTR(c->stream));
	fd_close(&c->pidfd);
	free(c->confirms);
	c->confirms = NULL;
	c->n_confirms = c->cap_confirms = 0;
}

/* ---- the beginning ---- */

/* From here on the end is noticed, whoever causes it and whoever's child the process is. */
static int watch(struct container *c, struct err *e)
{
	int r = loop_watch_fd(c->agent->loop, c->pidfd, ended, c, &c->watch, e);

	if (r >= 0)
		c->state = CONTAINER_WAITING;
	return r;
}

/* On failure nothing runs and nothing is left. */
static int spawn(struct container *c, struct err *e)
{
	int r = spawn_supervisor(c, &c->pid, &c->pidfd, e);

	if (r < 0)
		return r;
	r = process_start_ticks(c->pid, &c->start_ticks, e);
	if (r >= 0)
		r = watch(c, e);
	if (r < 0) {
		struct err ignored = { 0 };

		(void)process_kill(c->pidfd, &ignored);
		process_reap(c->pidfd);
		container_release(c);
		spawn_undo(c);
		c->pid = 0;
	}
	return r;
}

/* Where nothing came of it, C may be gone afterwards. */
static void begin(struct container *c)
{
	static const struct verdict late = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REGISTRATION_TIMEOUT,
		"executor did not subscribe in time",
	};
	struct err e = { 0 };
	int r;

	if (c->is_kill_wanted) {
		container_refuse(c);
		c->ops->cancelled(c);
		return;
	}
	r = network_await(c, &e);
	if (r == 0)
		return;
	if (r < 0 || spawn(c, &e) < 0) {
		c->agent->counters.launch_errors++;
		log_write_err(LOG_LEVEL_WARNING, &e, "launch container '%s'", c->id);
		container_refuse(c);
		c->ops->failed(c, &e);
		return;
	}
	container_drop_launch(c);
	supervisor_expect(c, c->agent->flags.executor_registration_timeout, &late);
	if (c->ops->spawned(c, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "launch container '%s'", c->id);
}

/* The record is on disk if IS_SAFE, so whatever happens from here on is found again. */
static void proceed(void *arg, bool is_safe)
{
	struct container *c = arg;

	if (is_safe && c->state == CONTAINER_NEW && c->launch)
		begin(c);
	else
		supervisor_flush(c, is_safe);
}

void container_mark(struct container *c)
{
	todo_add(&c->agent->todo, &c->todo);
}

/* ---- after a restart of the agent ---- */

/* Where there is nothing to look for: it was never spawned, or the kernel is another one. */
static void set_recovery_verdict(struct container *c, bool is_this_boot)
{
	if (!c->pid)
		c->verdict = (struct verdict){
			status_lost_state(c->of, MESOS__V1__TASK_STATE__TASK_DROPPED),
			MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED,
			"agent was restarted before it launched the task",
		};
	else if (!is_this_boot)
		c->verdict = (struct verdict){
			status_lost_state(c->of, MESOS__V1__TASK_STATE__TASK_GONE),
			MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED,
			"node was booted again",
		};
}

int container_adopt(struct container *c, bool is_this_boot, struct err *e)
{
	struct verdict late = {
		status_lost_state(c->of, MESOS__V1__TASK_STATE__TASK_GONE),
		MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
		"executor did not come back to the restarted agent",
	};
	int r = -ESRCH;

	set_recovery_verdict(c, is_this_boot);
	if (!c->verdict.message)
		r = process_open(c->pid, c->start_ticks, e);
	if (r >= 0) {
		c->pidfd = r;
		r = watch(c, e);
		if (r < 0)
			return r;
		/* Whether it has what it is to run is told by its subscription. */
		c->needs_launch = true;
		if (c->has_ended)
			container_expect_exit(c);
		else
			supervisor_expect(c, RETURN_MS, &late);
		return 0;
	}
	err_clear(e);
	c->state = CONTAINER_CLEANING;
	clean(c);
	return 0;
}

/*
 * One can only be there if an agent died between the spawn and the commit of its pid: it was never
 * given anything to run, and its record, which has no pid, is settled as not launched.
 */
void containers_kill_strangers(struct agent *agent)
{
	int pids[AGENT_MAX_TASKS], n;

	n = process_list(agent->supervisors_fd, pids, ARRAY_SIZE(pids));
	for (int i = 0; i < n; i++) {
		/* Each leads a session, in which what it runs for networks is too. */
		pid_t leader = getsid(pids[i]);
		bool is_known = false;

		for (const struct container *c = agent->containers; c && !is_known; c = c->hh.next)
			is_known = c->pid == leader && container_is_alive(c);
		if (is_known)
			continue;
		log_warning("kill process %d: a supervisor of no container", pids[i]);
		process_kill_listed(agent->supervisors_fd, pids[i]);
	}
}

/* ---- life in memory ---- */

struct container *container_find(struct agent *agent, const char *id)
{
	struct container *c;

	HASH_FIND_STR(agent->containers, id, c);
	return c;
}

static void free_parts(struct container *c)
{
	container_release(c);
	container_drop_launch(c);
	resources_done(&c->resources);
	free(c->id);
	free(c->sandbox);
	free(c->framework);
	free(c->executor);
	if (c->layout_text) {
		free(c->layout_text);
		cgroup_layout_done(c->layout);
		free(c->layout);
	}
	free(c);
}

int container_new(struct agent *agent, const struct container_seed *seed, struct container **ret,
		  struct err *e)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c) {
		free(seed->sandbox_take);
		return err_set(e, ENOMEM, "make container '%s'", seed->id);
	}
	c->agent = agent;
	c->kind = seed->kind;
	c->ops = seed->ops;
	c->owner = seed->owner;
	c->parent = seed->parent;
	c->sandbox = seed->sandbox_take;
	c->layout = &agent->layout;
	c->has_own_limits = true;
	c->pidfd = -EBADF;
	c->todo.proceed = proceed;
	c->todo.arg = c;
	c->launched_wall_ms = clock_wall_ms();
	c->id = strdup(seed->id);
	c->framework = strdup(seed->framework);
	c->executor = strdup(seed->executor);
	if (c->id && c->framework && c->executor)
		HASH_ADD_KEYPTR(hh, agent->containers, c->id, strlen(c->id), c);
	if (!c->hh.tbl) {
		free_parts(c);
		return err_set(e, ENOMEM, "make container '%s'", seed->id);
	}
	*ret = c;
	return 0;
}

int container_nest(struct container *c, bool has_own_limits, struct err *e)
{
	struct cgroup_layout *layout = calloc(1, sizeof(*layout));
	int r = layout ? cgroup_layout_within(c->parent->layout, c->parent->id, has_own_limits,
					      layout, e) :
			 err_set(e, ENOMEM, "make container '%s'", c->id);

	if (r >= 0) {
		c->layout_text = cgroup_layout_format(layout);
		if (!c->layout_text)
			r = err_set(e, ENOMEM, "make container '%s'", c->id);
	}
	if (r < 0) {
		if (layout)
			cgroup_layout_done(layout);
		free(layout);
		return r;
	}
	c->layout = layout;
	c->has_own_limits = has_own_limits;
	return 0;
}

pid_t container_main(const struct container *c)
{
	struct cgroup cg = CGROUP_INIT;
	struct err ignored = { 0 };
	pid_t pid = 0;

	if (cgroup_open(c->layout, c->id, &cg, &ignored) >= 0)
		pid = process_first(cg.core_fd);
	cgroup_close(&cg);
	return pid;
}

static struct container *find_child(const struct container *parent)
{
	struct container *c = parent->agent->containers;

	while (c && c->parent != parent)
		c = c->hh.next;
	return c;
}

/* Looked for anew each time: an orphan takes along what was in it, whichever is next. */
static void release_children(const struct container *parent)
{
	struct container *c;

	while ((c = find_child(parent))) {
		c->parent = NULL;
		if (c->ops->orphaned)
			c->ops->orphaned(c);
	}
}

void container_forget(struct container *c)
{
	if (!c)
		return;
	release_children(c);
	if (c->state == CONTAINER_NEW)
		network_release(c);
	container_discharge(c);
	sampler_forget(c);
	todo_remove(&c->agent->todo, &c->todo);
	HASH_DEL(c->agent->containers, c);
	free_parts(c);
}
