#include "agent/launched.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/launched_wait.h"
#include "agent/pods.h"
#include "agent/runtime_dir.h"
#include "agent/sandbox.h"
#include "agent/status.h"
#include "agent/trash.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "net/http_server.h"

enum { UUID_BYTES = 16 };

static const char store_kind[] = "container";

/* ---- the record ---- */

int launched_put(struct launched *l, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size;
	int r = pb_pack(&l->record->base, &data, &size, e);

	container_mark(l->container);
	return r < 0 ? r : store_put(l->container->agent->store, store_kind, l->record->id, data,
				     size, e);
}

static void put_or_log(struct launched *l)
{
	struct err e = { 0 };

	if (launched_put(l, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "container '%s'", l->record->id);
}

static void set_latest(struct launched *l, Mesos__V1__TaskStatus *status_take)
{
	struct container *c = l->container;

	if (l->record->latest)
		mesos__v1__task_status__free_unpacked(l->record->latest, NULL);
	l->record->latest = status_take;
	c->has_reported = true;
	log_info("container '%s': %s%s%s", c->id, status_state_name(status_take->state),
		 status_take->message ? ": " : "", status_take->message ? status_take->message : "");
}

/* An account of its end by the agent; what there is already stays. */
static void set_own_end(struct launched *l, Mesos__V1__TaskState state,
			Mesos__V1__TaskStatus__Reason reason, const char *message)
{
	struct agent *agent = l->container->agent;
	Mesos__V1__TaskStatus *status;

	if (l->record->latest && status_is_terminal(l->record->latest->state))
		return;
	status = status_new(l->record->task->task_id->value, agent_id(agent), state, reason,
			    message, &agent->rng);
	if (status)
		set_latest(l, status);
}

/* ---- what its container tells ---- */

static int on_check(const struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	if (strcmp(status->task_id->value, c->info->task_id->value) != 0 || !status->has_uuid ||
	    status->uuid.len != UUID_BYTES)
		return err_set(e, EINVAL, "update container '%s': not of it, or without a uuid",
			       c->id);
	return 0;
}

static bool on_knows(const struct container *c, const Mesos__V1__TaskStatus *status)
{
	return status_same_uuid(launched_of(c)->record->latest, status);
}

/* Its launch is answered: E says why it does not run. */
static void answer_launch(struct launched *l, const struct err *e)
{
	struct http_request *req = TAKE_PTR(l->launch);
	struct err refused = { 0 };
	char text[sizeof(e->msg) + 64];

	if (!req)
		return;
	if (!e) {
		http_reply(req, 200, NULL, NULL, 0);
		return;
	}
	(void)err_set(&refused, EINVAL, "%s", err_text(e, text, sizeof(text)));
	http_reply_error(req, &refused);
}

static int on_update(struct container *c, const Mesos__V1__TaskStatus *status, struct err *e)
{
	struct launched *l = launched_of(c);
	Mesos__V1__TaskStatus *copy = (Mesos__V1__TaskStatus *)pb_copy(&status->base);

	if (!copy)
		return err_set(e, ENOMEM, "update container '%s'", c->id);
	set_latest(l, copy);
	if (status_is_terminal(copy->state)) {
		c->has_ended = true;
		container_discharge(c);
		container_expect_exit(c);
	} else if (copy->state == MESOS__V1__TASK_STATE__TASK_RUNNING && !c->has_started) {
		container_started(c);
		answer_launch(l, NULL);
		if (l->ops && l->ops->started)
			l->ops->started(c);
	}
	return launched_put(l, e);
}

static int on_spawned(struct container *c, struct err *e)
{
	Tepui__ContainerRecord *record = launched_of(c)->record;

	if (!record->boot_id)
		record->boot_id = strdup(c->agent->node.boot_id);
	if (!record->boot_id)
		return err_set(e, ENOMEM, "launch container '%s'", c->id);
	record->has_pid = 1;
	record->pid = c->pid;
	record->has_start_ticks = 1;
	record->start_ticks = c->start_ticks;
	return launched_put(launched_of(c), e);
}

static Tepui__ExitRecord *read_exit(const struct launched *l)
{
	const struct container *c = l->container;
	Tepui__ExitRecord *record = runtime_dir_read_exit(c->agent->work_fd, c->id);

	if (record)
		return record;
	record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	tepui__exit_record__init(record);
	record->container_id = strdup(c->id);
	if (!record->container_id) {
		free(record);
		return NULL;
	}
	/* Whatever ended its supervisor ended it by force. */
	record->has_wait_status = c->pid != 0;
	record->wait_status = SIGKILL;
	return record;
}

/* Nothing is left of it, and the record says so: who waits is told after the commit. */
static void conclude(struct launched *l, const char *how)
{
	struct container *c = l->container;
	const struct verdict *verdict = &c->verdict;
	struct err why = { 0 };

	if (!l->record->exit)
		l->record->exit = read_exit(l);
	if (l->record->exit && l->record->exit->status &&
	    !(l->record->latest && status_is_terminal(l->record->latest->state)))
		set_latest(l, TAKE_PTR(l->record->exit->status));
	if (verdict->message)
		set_own_end(l, verdict->state, verdict->reason, verdict->message);
	else
		set_own_end(l, MESOS__V1__TASK_STATE__TASK_FAILED,
			    MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED, how);
	c->has_ended = true;
	container_discharge(c);
	put_or_log(l);
	(void)err_set(&why, EINVAL, "launch container '%s': %s", c->id,
		      l->record->latest && l->record->latest->message ?
			      l->record->latest->message : how);
	answer_launch(l, &why);
	launched_tell_waits(l);
	if (l->ops && l->ops->ended)
		l->ops->ended(c);
}

static void on_failed(struct container *c, const struct err *why)
{
	char text[sizeof(why->msg) + 64];
	struct launched *l = launched_of(c);

	set_own_end(l, MESOS__V1__TASK_STATE__TASK_FAILED,
		    MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED,
		    err_text(why, text, sizeof(text)));
	conclude(l, "");
}

static void on_cancelled(struct container *c)
{
	struct launched *l = launched_of(c);

	set_own_end(l, MESOS__V1__TASK_STATE__TASK_KILLED,
		    MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH,
		    "killed before it was launched");
	/* Otherwise its supervisor's end is waited for. */
	if (c->state == CONTAINER_GONE)
		conclude(l, "");
}

static void on_ended(struct container *c, const char *how)
{
	conclude(launched_of(c), how);
}

/* Its sandbox is in that of its parent, and goes with it. */
static void on_orphaned(struct container *c)
{
	launched_remove(launched_of(c));
}

static const struct container_ops container_ops = {
	.check = on_check,
	.knows = on_knows,
	.update = on_update,
	.spawned = on_spawned,
	.failed = on_failed,
	.cancelled = on_cancelled,
	.ended = on_ended,
	.orphaned = on_orphaned,
};

struct launched *launched_of(const struct container *c)
{
	return c->ops == &container_ops ? c->owner : NULL;
}

/* ---- life in memory ---- */

static char *sandbox_of(const struct agent *agent, const Tepui__ContainerRecord *record,
			const struct container *parent)
{
	char *path;

	if (record->kind == TEPUI__CONTAINER_RECORD__KIND__POD ?
	    asprintf(&path, "%s/slaves/%s/frameworks/%s/executors/%s/runs/%s", agent->work_dir,
		     agent_id(agent), record->framework->id->value,
		     record->executor->executor_id->value, record->id) < 0 :
	    parent ? asprintf(&path, "%s/containers/%s", parent->sandbox,
			      record->container_id->value) < 0 :
		     asprintf(&path, "%s/standalone/%s", agent->work_dir, record->id) < 0)
		return NULL;
	return path;
}

static enum container_kind kind_of(const Tepui__ContainerRecord *record)
{
	switch (record->kind) {
	case TEPUI__CONTAINER_RECORD__KIND__POD:
		return CONTAINER_POD;
	case TEPUI__CONTAINER_RECORD__KIND__NESTED:
		return CONTAINER_NESTED;
	case TEPUI__CONTAINER_RECORD__KIND__STANDALONE:
	case TEPUI__CONTAINER_RECORD__KIND__UNKNOWN:
	case _TEPUI__CONTAINER_RECORD__KIND_IS_INT_SIZE:
	default:
		return CONTAINER_STANDALONE;
	}
}

static void fill(struct container *c, const Tepui__ContainerRecord *record)
{
	const Mesos__V1__TaskStatus *latest = record->latest;

	c->info = record->task;
	c->of = record->framework;
	c->executor_id = record->executor ? record->executor->executor_id->value : NULL;
	c->pid = record->pid;
	c->start_ticks = record->start_ticks;
	c->has_first_id = record->has_first_id;
	c->first_id = record->first_id;
	c->kill_policy = record->kill_policy;
	c->is_kill_wanted = record->kill_requested;
	c->has_reported = latest;
	c->has_started = latest && latest->state == MESOS__V1__TASK_STATE__TASK_RUNNING;
	c->has_ended = record->exit || (latest && status_is_terminal(latest->state));
	if (record->has_launched_wall_ms)
		c->launched_wall_ms = record->launched_wall_ms;
}

/* Those in another container have a part of that one's. */
static int read_resources(struct container *c, const Tepui__ContainerRecord *record, struct err *e)
{
	const Mesos__V1__ExecutorInfo *executor = record->executor;

	if (c->kind == CONTAINER_NESTED)
		return 0;
	if (executor)
		return resources_from_messages(executor->resources, executor->n_resources,
					       &c->resources, e);
	return resources_from_messages(record->task->resources, record->task->n_resources,
				       &c->resources, e);
}

static bool shares_cgroups(const Mesos__V1__TaskInfo *info)
{
	const Mesos__V1__LinuxInfo *part = info->container ? info->container->linux_info : NULL;

	return !part || !part->has_share_cgroups || part->share_cgroups;
}

static void free_launched(struct launched *l)
{
	struct err e = { 0 };

	(void)err_set(&e, EINVAL, "launch container '%s': it was given up", l->record->id);
	answer_launch(l, &e);
	launched_drop_waits(l);
	if (l->container)
		l->container->agent->descriptions -= l->description;
	container_forget(l->container);
	tepui__container_record__free_unpacked(l->record, NULL);
	free(l);
}

/* Of a pod they become names of directories. */
static int check_ids(const Tepui__ContainerRecord *record, struct err *e)
{
	if (record->kind != TEPUI__CONTAINER_RECORD__KIND__POD ||
	    (record->framework->id && id_is_valid(record->framework->id->value) &&
	     record->executor && id_is_valid(record->executor->executor_id->value)))
		return 0;
	return err_set(e, EINVAL, "read pod '%s': its framework or executor has no valid id",
		       record->id);
}

static int make(struct launched *l, struct agent *agent, struct container *parent, struct err *e)
{
	const Tepui__ContainerRecord *record = l->record;
	struct container_seed seed = {
		.kind = kind_of(record), .ops = &container_ops, .owner = l, .id = record->id,
		.framework = CONTAINER_FRAMEWORK, .executor = record->id, .parent = parent,
	};
	int r = check_ids(record, e);

	if (r < 0)
		return r;
	seed.sandbox_take = sandbox_of(agent, record, parent);
	r = container_new(agent, &seed, &l->container, e);
	if (r < 0)
		return r;
	l->description = tepui__container_record__get_packed_size(record);
	agent->descriptions += l->description;
	fill(l->container, record);
	r = read_resources(l->container, record, e);
	return r < 0 || !parent ? r :
		container_nest(l->container, !shares_cgroups(record->task), e);
}

static int adopt(struct agent *agent, Tepui__ContainerRecord *record, struct container *parent,
		 struct launched **ret, struct err *e)
{
	struct launched *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		tepui__container_record__free_unpacked(record, NULL);
		return err_set(e, ENOMEM, "read a container");
	}
	l->record = record;
	if (record->kind == TEPUI__CONTAINER_RECORD__KIND__POD)
		l->ops = &pod_launched_ops;
	r = make(l, agent, parent, e);
	if (r < 0)
		free_launched(l);
	else
		*ret = l;
	return r;
}

/* ---- launch ---- */

/* v1 and v2 alike: what has limits of its own is beside, not among, its parent's processes. */
static int make_room(const struct container *c, struct err *e)
{
	return c->parent && c->has_own_limits ?
		       cgroup_divide(c->parent->layout, c->parent->id, e) : 0;
}

static int admit(struct launched *l, struct err *e)
{
	struct container *c = l->container;
	int r = admission_check_resources(c->agent, c->id, &c->resources, e);

	if (r >= 0)
		r = admission_describe(c, e);
	if (r >= 0)
		r = make_room(c, e);
	if (r >= 0)
		r = container_charge(c, e);
	if (r < 0)
		return r;
	l->record->has_first_id = c->has_first_id;
	l->record->first_id = c->first_id;
	c->needs_launch = true;
	return launched_put(l, e);
}

int launched_new(struct agent *agent, Tepui__ContainerRecord *record_take,
		 struct container *parent, struct launched **ret, struct err *e)
{
	struct launched *l;
	int r = admission_check_agent(agent, e);

	if (r < 0)
		(void)err_wrap(e, "launch container '%s'", record_take->id);
	else if (container_find(agent, record_take->id))
		r = err_set(e, EEXIST, "launch container '%s': it exists", record_take->id);
	if (r < 0) {
		tepui__container_record__free_unpacked(record_take, NULL);
		return r;
	}
	r = adopt(agent, record_take, parent, &l, e);
	if (r < 0)
		return r;
	r = admit(l, e);
	if (r < 0)
		free_launched(l);
	else
		*ret = l;
	return r;
}

/* ---- recovery ---- */

int launched_load(struct agent *agent, Tepui__ContainerRecord *record_take, struct err *e)
{
	const Mesos__V1__ContainerID *parent_id = record_take->container_id->parent;
	struct container *parent = parent_id ? launched_find(agent, parent_id) : NULL;
	struct launched *l;
	int r;

	/* It ended with its parent, and was to be forgotten with it. */
	if (parent_id && !parent) {
		(void)store_delete(agent->store, store_kind, record_take->id, e);
		r = err_set(e, ENOENT, "find container '%.200s'", parent_id->value);
		tepui__container_record__free_unpacked(record_take, NULL);
		return r;
	}
	r = adopt(agent, record_take, parent, &l, e);
	return r < 0 || l->container->has_ended ? r : container_charge(l->container, e);
}

static void settle(struct launched *l)
{
	struct container *c = l->container;
	const char *boot_id = l->record->boot_id;
	struct err e = { 0 };

	if (l->record->exit)
		c->state = CONTAINER_GONE;
	else if (container_adopt(c, boot_id && strcmp(boot_id, c->agent->node.boot_id) == 0,
				 &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "adopt container '%s'", c->id);
}

/* From C on. */
static struct container *find_to_settle(struct container *c, bool is_nested)
{
	while (c && (!launched_of(c) || is_nested != (c->parent != NULL)))
		c = c->hh.next;
	return c;
}

/* A pod may be forgotten as it is settled, and then what is in it; never another of its kind. */
void launched_settle(struct agent *agent, bool are_nested)
{
	struct container *c, *next;

	for (c = find_to_settle(agent->containers, are_nested); c; c = next) {
		next = find_to_settle(c->hh.next, are_nested);
		settle(launched_of(c));
	}
}

/* Parents are let go of first: nobody is orphaned, for everything goes on. */
void launched_free_all(struct agent *agent)
{
	struct container *c, *next;

	for (c = agent->containers; c; c = c->hh.next)
		c->parent = NULL;
	HASH_ITER(hh, agent->containers, c, next) {
		if (launched_of(c))
			free_launched(launched_of(c));
	}
}

/* ---- the end ---- */

int launched_kill(struct container *c, struct err *e)
{
	struct launched *l = launched_of(c);
	Mesos__V1__KillPolicy *policy = calloc(1, sizeof(*policy));
	Mesos__V1__DurationInfo *grace = calloc(1, sizeof(*grace));

	if (!policy || !grace) {
		free(policy);
		free(grace);
		return err_set(e, ENOMEM, "kill container '%s'", c->id);
	}
	mesos__v1__kill_policy__init(policy);
	mesos__v1__duration_info__init(grace);
	policy->grace_period = grace;
	if (l->record->kill_policy)
		mesos__v1__kill_policy__free_unpacked(l->record->kill_policy, NULL);
	l->record->kill_policy = policy;
	l->record->has_kill_requested = 1;
	l->record->kill_requested = 1;
	c->kill_policy = policy;
	container_stop(c);
	return launched_put(l, e);
}

static void throw_sandbox(const struct container *c)
{
	AUTO_FREE char *path = c->sandbox ? strdup(c->sandbox) : NULL;
	AUTO_CLOSE int parent = -EBADF;
	struct err e = { 0 };
	char *slash = path ? strrchr(path, '/') : NULL;
	int r;

	if (!slash)
		return;
	*slash = '\0';
	r = parent = sandbox_open_host(c->agent, path, O_PATH);
	if (r < 0 && r != -ENOENT)
		(void)err_set(&e, -r, "open '%s'", path);
	if (r >= 0)
		r = trash_throw(c->agent->trash, parent, slash + 1, &e);
	if (r < 0 && r != -ENOENT)
		log_write_err(LOG_LEVEL_WARNING, &e, "remove the sandbox of container '%s'", c->id);
}

void launched_remove(struct launched *l)
{
	struct container *c = l->container;
	struct err e = { 0 };

	/* That of a pod is what people look into, and age removes it. */
	if (c->kind != CONTAINER_POD)
		throw_sandbox(c);
	runtime_dir_remove(c->agent->work_fd, c->id);
	if (store_delete(c->agent->store, store_kind, l->record->id, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "forget container '%s'", c->id);
	free_launched(l);
}
