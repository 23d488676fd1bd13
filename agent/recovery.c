#include "agent/recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/dynamic_reservations.h"
#include "agent/images.h"
#include "agent/launched.h"
#include "agent/master_link.h"
#include "agent/network.h"
#include "agent/operations.h"
#include "agent/persistent.h"
#include "agent/pods.h"
#include "agent/runtime_dir.h"
#include "agent/task.h"
#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/store.h"

enum { DESTROY_ORPHAN_MS = 2000 };

static int load_self(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct agent *agent = arg;
	Tepui__AgentRecord *record = tepui__agent_record__unpack(NULL, size, data);

	(void)key;
	(void)e;
	if (!record) {
		log_error("skip the record of this agent: it cannot be read");
		agent->counters.recovery_errors++;
		return 0;
	}
	tepui__agent_record__free_unpacked(agent->self, NULL);
	agent->self = record;
	return 0;
}

/* A lost record is not lost for the master: it finds the task missing at the registration. */
static int load_task(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct agent *agent = arg;
	Tepui__TaskRecord *record = tepui__task_record__unpack(NULL, size, data);
	struct err why = { 0 };
	struct task *task;
	int r = -EINVAL;

	(void)e;
	if (record)
		r = task_adopt(agent, record, &task, &why);
	else
		(void)err_set(&why, EINVAL, "read the record");
	if (r >= 0)
		return 0;
	agent->counters.recovery_errors++;
	log_write_err(LOG_LEVEL_ERROR, &why, "skip task '%s'", key);
	return 0;
}

/* Those in another one come when that is known, and others before all that may be in them. */
static int load_container(struct agent *agent, const char *key, const void *data, size_t size,
			  bool is_nested)
{
	Tepui__ContainerRecord *record = tepui__container_record__unpack(NULL, size, data);
	struct err why = { 0 };
	int r;

	if (record && is_nested != (record->container_id->parent != NULL)) {
		tepui__container_record__free_unpacked(record, NULL);
		return 0;
	}
	r = record ? launched_load(agent, record, &why) :
		     err_set(&why, EINVAL, "read the record");
	if (r >= 0)
		return 0;
	agent->counters.recovery_errors++;
	log_write_err(LOG_LEVEL_ERROR, &why, "skip container '%s'", key);
	return 0;
}

static int load_outer(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	(void)e;
	return load_container(arg, key, data, size, false);
}

static int load_nested(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	(void)e;
	return load_container(arg, key, data, size, true);
}

/* What a container that nobody knows had of an image is given back. */
static int keep_or_release(void *arg, const char *container_id)
{
	if (container_find(arg, container_id))
		return 1;
	images_release(arg, container_id);
	return 0;
}

/* Here waiting is right: nobody is served yet, and a container without a record must not go on. */
static void destroy_orphans(struct agent *agent)
{
	struct err e = { 0 };
	char **names;

	if (cgroup_list(&agent->layout, &names, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "look for containers of no task");
		return;
	}
	for (size_t i = 0; names[i]; i++) {
		if (!container_find(agent, names[i])) {
			log_warning("destroy container '%s': it belongs to no task", names[i]);
			if (cgroup_destroy(&agent->layout, names[i], DESTROY_ORPHAN_MS, &e) < 0) {
				log_write_err(LOG_LEVEL_ERROR, &e, "container '%s'", names[i]);
				err_clear(&e);
			}
		}
		free(names[i]);
	}
	free(names);
}

/* The next one is taken first, because a task that is settled for good frees itself. */
static void settle_tasks(struct agent *agent)
{
	struct task *task, *next;
	struct err e = { 0 };

	HASH_ITER(hh, agent->tasks, task, next) {
		if (task_settle(task, &e) < 0) {
			log_write_err(LOG_LEVEL_ERROR, &e, "adopt the container of task '%s'",
				      task_id(task));
			err_clear(&e);
		}
	}
}

static unsigned count_waiting(const struct agent *agent)
{
	unsigned n = 0;

	for (const struct container *c = agent->containers; c; c = c->hh.next)
		n += c->state == CONTAINER_WAITING;
	return n + executors_count_away(agent);
}

/* Its turn calls recovery_check(). */
static void on_timer(void *arg)
{
	(void)arg;
}

int recovery_run(struct agent *agent, struct err *e)
{
	int r;

	agent->is_recovering = true;
	r = store_each(agent->store, "agent", load_self, agent, e);
	if (r >= 0)
		r = dynamic_reservations_load(agent, e);
	if (r >= 0)
		r = persistent_load(agent, e);
	if (r >= 0)
		r = agent_describe(agent, agent_id(agent), e);
	if (r >= 0)
		r = operations_load(agent, e);
	if (r >= 0)
		r = networks_load(agent->networks, e);
	if (r >= 0)
		r = executors_load(agent, e);
	if (r >= 0)
		r = store_each(agent->store, "container", load_outer, agent, e);
	if (r >= 0)
		r = store_each(agent->store, "task", load_task, agent, e);
	if (r >= 0)
		r = store_each(agent->store, "container", load_nested, agent, e);
	if (r < 0)
		return r;
	agent->counters.recovery_errors += store_corrupt_records(agent->store);
	persistent_settle(agent);
	/* What is in another one first: who ends takes along what is in it. */
	launched_settle(agent, true);
	settle_tasks(agent);
	executors_settle(agent);
	launched_settle(agent, false);
	pods_settle(agent);
	/* Supervisors first: one that is alive takes its container apart when that is killed. */
	containers_kill_strangers(agent);
	destroy_orphans(agent);
	networks_settle(agent->networks);
	runtime_dirs_sweep(agent->work_fd, keep_or_release, agent);
	log_info("recovered %u tasks, %u of them with a living executor, %llu errors",
		 HASH_COUNT(agent->tasks), count_waiting(agent),
		 (unsigned long long)agent->counters.recovery_errors);
	r = loop_timer_new(agent->loop, on_timer, agent, &agent->recovery_timer, e);
	if (r >= 0)
		loop_timer_set(agent->recovery_timer,
			       agent->flags.executor_reregistration_timeout);
	return r;
}

void recovery_check(struct agent *agent)
{
	int64_t passed = clock_boot_ms() - agent->started_boot_ms;
	unsigned waiting;

	if (!agent->is_recovering)
		return;
	waiting = count_waiting(agent);
	/* The timer may come a little before the clock agrees. */
	if (waiting && passed + 5 < agent->flags.executor_reregistration_timeout)
		return;
	if (waiting)
		log_warning("register although %u executors are not back", waiting);
	agent->is_recovering = false;
	agent->counters.recovery_ms = passed;
	master_link_start(agent->link);
}
