#include "agent/pods.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/drain.h"
#include "agent/launched.h"
#include "agent/master_link.h"
#include "agent/resize.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/task_run.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/pb_json.h"

typedef Tepui__AgentEvent__RunTaskGroup Group;

/* ---- who is in it ---- */

static bool is_of_pod(const struct task *task, const char *pod_id)
{
	return task->record->pod_id && strcmp(task->record->pod_id, pod_id) == 0;
}

static bool is_of_group(const struct task *task, const struct task *other)
{
	return task != other && is_of_pod(task, other->record->pod_id) &&
	       strcmp(task->record->group, other->record->group) == 0;
}

static bool has_members(const struct agent *agent, const char *pod_id)
{
	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		if (is_of_pod(task, pod_id) && !task_has_ended(task))
			return true;
	}
	return false;
}

static struct container *find_pod(const struct agent *agent, const char *framework_id,
				  const char *id)
{
	for (struct container *c = agent->containers; c; c = c->hh.next) {
		if (c->kind == CONTAINER_POD && strcmp(c->executor_id, id) == 0 &&
		    strcmp(c->of->id->value, framework_id) == 0)
			return c;
	}
	return NULL;
}

struct container *pods_next(const struct agent *agent, const struct container *c)
{
	struct container *next = c ? c->hh.next : agent->containers;

	while (next && (next->kind != CONTAINER_POD || next->state == CONTAINER_GONE))
		next = next->hh.next;
	return next;
}

/* ---- the end ---- */

static void stop(struct container *pod)
{
	struct err e = { 0 };

	if (!pod->is_kill_wanted && launched_kill(pod, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "end pod '%s'", pod->id);
}

static bool is_to_follow(const struct task *task)
{
	return !task->record->kill_requested && task->container->state != CONTAINER_GONE;
}

static void kill_member(struct task *task)
{
	struct err e = { 0 };

	if (task_kill(task, NULL, &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "kill task '%s' with its group", task_id(task));
}

void pods_task_ended(struct task *task)
{
	struct agent *agent = task->agent;
	struct container *pod = container_find(agent, task->record->pod_id);

	if (task_state(task) != MESOS__V1__TASK_STATE__TASK_FINISHED) {
		for (struct task *other = agent->tasks; other; other = other->hh.next) {
			if (is_of_group(other, task) && is_to_follow(other))
				kill_member(other);
		}
	}
	if (pod && !has_members(agent, pod->id))
		stop(pod);
}

bool pods_shut_down(struct agent *agent, const char *framework_id, const char *id)
{
	struct container *pod = find_pod(agent, framework_id, id);

	for (struct task *task = agent->tasks; pod && task; task = task->hh.next) {
		if (is_of_pod(task, pod->id))
			kill_member(task);
	}
	return pod;
}

void pods_settle(struct agent *agent)
{
	for (struct container *c = pods_next(agent, NULL); c; c = pods_next(agent, c)) {
		if (!has_members(agent, c->id))
			stop(c);
	}
}

/* ---- what the holder has ---- */

/* What its cgroup has, in the form of a task: the executor's share and those of the members. */
struct amounts {
	Mesos__V1__Resource resources[2], *resource_list[2];
	Mesos__V1__Value__Scalar requests[2], limits[2];
	Mesos__V1__TaskInfo__LimitsEntry entries[2], *entry_list[2];
};

static double sum_of(Mesos__V1__Resource *const *resources, size_t n, const char *name)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(resources[i]->name, name) == 0 && resources[i]->scalar)
			sum += resources[i]->scalar->value;
	}
	return sum;
}

/* Infinity where it has no bound. */
static double limit_of(const Mesos__V1__TaskInfo *task, const char *name, double request)
{
	for (size_t i = 0; i < task->n_limits; i++) {
		if (task->limits[i]->key && task->limits[i]->value &&
		    strcmp(task->limits[i]->key, name) == 0)
			return task->limits[i]->value->value;
	}
	return request;
}

static void begin_amounts(struct amounts *a, const Mesos__V1__ExecutorInfo *executor)
{
	static char mem[] = "mem", cpus[] = "cpus";
	char *const names[] = { mem, cpus };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		mesos__v1__value__scalar__init(&a->requests[i]);
		mesos__v1__value__scalar__init(&a->limits[i]);
		a->requests[i].value = a->limits[i].value =
			sum_of(executor->resources, executor->n_resources, names[i]);
		mesos__v1__resource__init(&a->resources[i]);
		a->resources[i].name = names[i];
		a->resources[i].type = MESOS__V1__VALUE__TYPE__SCALAR;
		a->resources[i].scalar = &a->requests[i];
		a->resource_list[i] = &a->resources[i];
		mesos__v1__task_info__limits_entry__init(&a->entries[i]);
		a->entries[i].key = names[i];
		a->entries[i].value = &a->limits[i];
		a->entry_list[i] = &a->entries[i];
	}
}

static void add_amounts(struct amounts *a, const Mesos__V1__TaskInfo *task)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->resources); i++) {
		const char *name = a->resources[i].name;
		double request = sum_of(task->resources, task->n_resources, name);

		a->requests[i].value += request;
		a->limits[i].value += limit_of(task, name, request);
	}
}

/* Borrowed.  Each member is held to what it has of cpus: all together only where requests are. */
static void set_amounts(const struct agent *agent, struct amounts *a, Mesos__V1__TaskInfo *task)
{
	task->resources = a->resource_list;
	task->n_resources = ARRAY_SIZE(a->resource_list);
	task->limits = a->entry_list;
	task->n_limits = agent->flags.cfs_quota ? 2 : 1;
}

/* Of a pod that others are in than before: on disk with what they change. */
static int renew_amounts(struct container *pod, struct err *e)
{
	struct launched *l = launched_of(pod);
	Mesos__V1__TaskInfo info = *l->record->task, *copy;
	struct amounts amounts;

	begin_amounts(&amounts, l->record->executor);
	for (const struct task *task = pod->agent->tasks; task; task = task->hh.next) {
		if (is_of_pod(task, pod->id) && !task_has_ended(task))
			add_amounts(&amounts, task->record->task);
	}
	set_amounts(pod->agent, &amounts, &info);
	copy = (Mesos__V1__TaskInfo *)pb_copy(&info.base);
	if (!copy)
		return err_set(e, ENOMEM, "describe pod '%s'", pod->id);
	mesos__v1__task_info__free_unpacked(l->record->task, NULL);
	pod->info = l->record->task = copy;
	return launched_put(l, e);
}

/* ---- what its container tells ---- */

/* The pod is there: what its members are to be joined with, too. */
static int prepare_member(struct task *task, struct err *e)
{
	struct container *c = task->container;
	int r;

	container_drop_launch(c);
	r = admission_describe(c, e);
	if (r >= 0 && c->has_own_limits)
		r = cgroup_divide(c->parent->layout, c->parent->id, e);
	if (r >= 0)
		container_mark(c);
	return r;
}

static void fail_member(struct task *task, const char *message)
{
	struct err e = { 0 };

	container_refuse(task->container);
	if (updates_add_own(task, MESOS__V1__TASK_STATE__TASK_FAILED,
			    MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED, message,
			    &e) < 0)
		log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(task));
}

static bool awaits_pod(const struct task *task, const struct container *pod)
{
	return task->container->parent == pod && task->container->state == CONTAINER_NEW &&
	       !task_has_ended(task);
}

/* It runs, with room for all who wait for it. */
static void on_started(struct container *pod)
{
	struct err e = { 0 };

	if (container_resize(pod, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "resize pod '%s'", pod->id);
	for (struct task *task = pod->agent->tasks; task; task = task->hh.next) {
		char text[sizeof(((struct err *)NULL)->msg) + 64];
		struct err why = { 0 };

		if (awaits_pod(task, pod) && prepare_member(task, &why) < 0)
			fail_member(task, err_text(&why, text, sizeof(text)));
	}
}

/* One that is away finds it missing in the next subscription. */
static void tell_exit(const struct container *pod)
{
	const Tepui__ContainerRecord *record = launched_of(pod)->record;
	const int32_t status = 0;
	struct err e = { 0 };

	if (master_link_executor_exited(pod->agent->link, record->framework, record->executor,
					&status, &e) < 0)
		log_write_err(LOG_LEVEL_WARNING, &e, "tell the end of pod '%s'", pod->id);
}

static void on_ended(struct container *pod)
{
	struct launched *l = launched_of(pod);
	const Mesos__V1__TaskStatus *latest = l->record->latest;

	for (struct task *task = pod->agent->tasks; task; task = task->hh.next) {
		if (awaits_pod(task, pod))
			fail_member(task, latest && latest->message ? latest->message :
								      "its pod was not launched");
	}
	tell_exit(pod);
	launched_remove(l);
}

const struct launched_ops pod_launched_ops = { .started = on_started, .ended = on_ended };

/* ---- launch: the holder ---- */

/* It waits for nothing and takes nothing. */
static void describe_holder(Mesos__V1__TaskInfo *task, Mesos__V1__CommandInfo *command)
{
	static char sleep_path[] = "/bin/sleep", sleep_name[] = "sleep", forever[] = "infinity";
	static char *arguments[] = { sleep_name, forever };

	command->has_shell = 1;
	command->shell = 0;
	command->value = sleep_path;
	command->arguments = arguments;
	command->n_arguments = ARRAY_SIZE(arguments);
	task->command = command;
}

/* Those of the whole pod. */
static void describe_networks(Mesos__V1__TaskInfo *task, Mesos__V1__ContainerInfo *container,
			      const Mesos__V1__ContainerInfo *of_executor)
{
	if (!of_executor || of_executor->n_network_infos == 0)
		return;
	container->type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
	container->network_infos = of_executor->network_infos;
	container->n_network_infos = of_executor->n_network_infos;
	task->container = container;
}

/* A deep copy of what is put together here; NULL when memory is out. */
static Tepui__ContainerRecord *make_record(struct agent *agent, const Group *group)
{
	Tepui__ContainerRecord record = TEPUI__CONTAINER_RECORD__INIT;
	Mesos__V1__ContainerID container_id = MESOS__V1__CONTAINER_ID__INIT;
	Mesos__V1__TaskInfo task = MESOS__V1__TASK_INFO__INIT;
	Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
	Mesos__V1__ContainerInfo container = MESOS__V1__CONTAINER_INFO__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	char id[ID_UUID_SIZE];
	struct amounts amounts;

	id_uuid(&agent->rng, id);
	container_id.value = id;
	task_id.value = id;
	task.name = id;
	task.task_id = &task_id;
	task.agent_id = group->tasks[0]->agent_id;
	describe_holder(&task, &command);
	describe_networks(&task, &container, group->executor->container);
	begin_amounts(&amounts, group->executor);
	for (size_t i = 0; i < group->n_tasks; i++)
		add_amounts(&amounts, group->tasks[i]);
	set_amounts(agent, &amounts, &task);
	record.id = id;
	record.kind = TEPUI__CONTAINER_RECORD__KIND__POD;
	record.container_id = &container_id;
	record.framework = group->framework;
	record.executor = group->executor;
	record.task = &task;
	record.has_launched_wall_ms = 1;
	record.launched_wall_ms = clock_wall_ms();
	return (Tepui__ContainerRecord *)pb_copy(&record.base);
}

static int launch_pod(struct agent *agent, const Group *group, struct container **ret,
		      struct err *e)
{
	const char *id = group->executor->executor_id->value;
	Tepui__ContainerRecord *record;
	struct launched *l;
	int r;

	record = make_record(agent, group);
	if (!record)
		return err_set(e, ENOMEM, "launch executor '%s'", id);
	r = launched_new(agent, record, NULL, &l, e);
	if (r >= 0)
		*ret = l->container;
	return r;
}

/* ---- launch: the members ---- */

/* Also of those that are refused: they are told of.  On failure there are none. */
static int adopt_members(struct agent *agent, const Group *group, const char *pod_id,
			 struct task **members, struct err *e)
{
	char group_id[ID_UUID_SIZE];
	int r = 0;

	id_uuid(&agent->rng, group_id);
	for (size_t i = 0; i < group->n_tasks && r >= 0; i++)
		r = task_new_member(agent, group->framework, group->tasks[i], pod_id, group_id,
				    &members[i], e);
	for (size_t i = 0; i < group->n_tasks && r < 0; i++) {
		if (members[i])
			task_free(members[i]);
	}
	return r;
}

/* Charged one by one, so that the next sees what is left. */
static int admit_members(struct agent *agent, struct task **members, size_t n, struct err *e)
{
	int r = admission_check_known(agent, e);

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct container *c = members[i]->container;

		r = admission_check_resources(agent, task_id(members[i]), &c->resources, e);
		if (r >= 0)
			r = admission_describe(c, e);
		if (r >= 0)
			r = container_charge(c, e);
		/* It is described anew when the pod runs. */
		container_drop_launch(c);
		c->needs_launch = true;
	}
	for (size_t i = 0; i < n && r >= 0; i++) {
		members[i]->record->has_first_id = members[i]->container->has_first_id;
		members[i]->record->first_id = members[i]->container->first_id;
		r = task_put(members[i], e);
	}
	return r;
}

/* Whose fault it is: the group's, its executor's, or that of the place and time. */
static Mesos__V1__TaskStatus__Reason reason_of(const struct agent *agent, const struct err *why)
{
	if (drain_is_on(agent))
		return MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING;
	switch (why->code) {
	case EINVAL:
	case ENOTSUP:
	case EPERM:
	case E2BIG:
		return MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID;
	case EBUSY:
		return MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED;
	default:
		return MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN;
	}
}

static void refuse_members(const struct agent *agent, const Group *group, struct task **members,
			   const struct err *why)
{
	struct verdict refusal = { .reason = reason_of(agent, why) };

	refusal.state = refusal.reason ==
			MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID ?
		MESOS__V1__TASK_STATE__TASK_ERROR :
		status_lost_state(group->framework, MESOS__V1__TASK_STATE__TASK_DROPPED);
	/* All before the first is told of: none is killed for the end of another. */
	for (size_t i = 0; i < group->n_tasks; i++)
		container_refuse(members[i]->container);
	for (size_t i = 0; i < group->n_tasks; i++) {
		struct err e = { 0 };

		if (task_refuse(members[i], &refusal, why, &e) < 0)
			log_write_err(LOG_LEVEL_ERROR, &e, "task '%s'", task_id(members[i]));
	}
}

/* One that another group launched, if it is not on its way out. */
static int check_pod(const struct container *pod, struct err *e)
{
	if (!pod->is_kill_wanted && !pod->has_ended &&
	    (pod->state == CONTAINER_NEW || container_is_alive(pod)))
		return 0;
	return err_set(e, EBUSY, "executor '%s' is terminating", pod->executor_id);
}

/* The one that is there, or one that is made for it: then that is *ret_made, too. */
static int get_pod(struct agent *agent, const Group *group, struct container **ret,
		   struct container **ret_made, struct err *e)
{
	struct container *pod = find_pod(agent, group->framework->id->value,
					 group->executor->executor_id->value);
	int r;

	if (drain_is_on(agent))
		return err_set(e, ESHUTDOWN, "launch executor '%s': the agent is draining",
			       group->executor->executor_id->value);
	r = pod ? check_pod(pod, e) : launch_pod(agent, group, ret_made, e);
	if (r >= 0)
		*ret = pod ? pod : *ret_made;
	return r;
}

/* The members are admitted: they begin now, or when it does. */
static int join(struct container *pod, struct err *e)
{
	int r = renew_amounts(pod, e);

	if (r < 0 || !pod->has_started)
		return r < 0 ? r : container_resize(pod, e);
	on_started(pod);
	return 0;
}

int pods_run(struct agent *agent, const Group *group, struct err *e)
{
	AUTO_FREE struct task **members = calloc(group->n_tasks, sizeof(struct task *));
	struct container *made = NULL, *pod = NULL;
	struct err why = { 0 };
	int r;

	if (!group->framework->id || group->n_tasks == 0)
		return err_set(e, EINVAL, "run a group of %zu tasks", group->n_tasks);
	if (!members)
		return err_set(e, ENOMEM, "run a group of %zu tasks", group->n_tasks);
	if (task_group_is_known(agent, group))
		return 0;
	r = get_pod(agent, group, &pod, &made, &why);
	if (adopt_members(agent, group, pod ? pod->id : NULL, members, e) < 0) {
		if (made)
			launched_remove(launched_of(made));
		return -e->code;
	}
	if (r >= 0)
		r = admit_members(agent, members, group->n_tasks, &why);
	if (r >= 0 && !made)
		r = join(pod, &why);
	if (r >= 0)
		return 0;
	if (made)
		launched_remove(launched_of(made));
	refuse_members(agent, group, members, &why);
	return 0;
}
