#include "agent/task_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/executor.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/log.h"
#include "lib/pb_json.h"

/* In the container of EXECUTOR, or in one of its own. */
static Tepui__TaskRecord *new_record(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
				     const Mesos__V1__TaskInfo *info,
				     const struct executor *executor)
{
	Tepui__TaskRecord *record = malloc(sizeof(*record));
	char container_id[ID_UUID_SIZE];

	if (!record)
		return NULL;
	tepui__task_record__init(record);
	id_uuid(&agent->rng, container_id);
	record->container_id = strdup(executor ? executor->container->id : container_id);
	record->framework = (Mesos__V1__FrameworkInfo *)pb_copy(&framework->base);
	record->task = (Mesos__V1__TaskInfo *)pb_copy(&info->base);
	record->state = MESOS__V1__TASK_STATE__TASK_STAGING;
	record->has_launched_wall_ms = 1;
	record->launched_wall_ms = clock_wall_ms();
	if (record->container_id && record->framework && record->task)
		return record;
	tepui__task_record__free_unpacked(record, NULL);
	return NULL;
}

int task_refuse(struct task *task, const struct verdict *refusal, const struct err *why,
		struct err *e)
{
	char text[sizeof(why->msg) + 64];

	log_write_err(LOG_LEVEL_WARNING, why, "refuse task '%s'", task_id(task));
	task->agent->counters.refused_launches++;
	task->todo.is_volatile = task->agent->is_disk_bad;
	if (!task->executor)
		container_refuse(task->container);
	else if (!task->container->is_charged)
		executor_refuse(task->executor);
	return updates_add_own(task, refusal->state, refusal->reason,
			       err_text(why, text, sizeof(text)), e);
}

/* Charged before the commit: the next task of the same turn must see what is left. */
static int admit(struct task *task, struct err *e)
{
	struct verdict refusal;
	struct err why = { 0 };
	int r;

	if (admission_check(task, &refusal, &why) < 0)
		return task_refuse(task, &refusal, &why, e);
	if (task->executor) {
		r = executor_charge(task, e);
		if (r >= 0 && !task->container->is_charged)
			r = executor_admit(task->executor, e);
		return r < 0 ? r : task_put(task, e);
	}
	task->record->has_first_id = task->container->has_first_id;
	task->record->first_id = task->container->first_id;
	task->container->needs_launch = true;
	r = container_charge(task->container, e);
	return r < 0 ? r : task_put(task, e);
}

static int get_executor(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
			const Mesos__V1__TaskInfo *info, struct executor **ret, struct err *e)
{
	*ret = executor_find(agent, framework->id->value, info->executor->executor_id->value);
	return *ret ? 0 : executor_new(agent, framework, info->executor, ret, e);
}

int task_new_member(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		    const Mesos__V1__TaskInfo *info, const char *pod_id, const char *group_id,
		    struct task **ret, struct err *e)
{
	Tepui__TaskRecord *record = new_record(agent, framework, info, NULL);

	if (record) {
		record->pod_id = strdup(pod_id ? pod_id : "");
		record->group = strdup(group_id);
	}
	if (!record || !record->pod_id || !record->group) {
		if (record)
			tepui__task_record__free_unpacked(record, NULL);
		return err_set(e, ENOMEM, "launch task '%s'", info->task_id->value);
	}
	return task_new(agent, record, ret, e);
}

/* GROUP: the same for all that belong together; NULL: it is alone. */
static int launch(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
		  const Mesos__V1__TaskInfo *info, const char *group,
		  const struct executor *executor, struct err *e)
{
	Tepui__TaskRecord *record = new_record(agent, framework, info, executor);
	const char *id = info->task_id->value;
	struct task *task;
	int r;

	if (!record)
		return err_set(e, ENOMEM, "launch task '%s'", id);
	if (group && !(record->group = strdup(group))) {
		tepui__task_record__free_unpacked(record, NULL);
		return err_set(e, ENOMEM, "launch task '%s'", id);
	}
	r = task_new(agent, record, &task, e);
	if (r < 0)
		return r;
	r = admit(task, e);
	if (r < 0)
		task_free(task);
	return r;
}

static int run(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
	       const Mesos__V1__TaskInfo *info, const char *group, struct err *e)
{
	const char *id = info->task_id->value;
	struct executor *executor = NULL;
	int r = 0;

	if (framework->id && task_find(agent, framework->id->value, id)) {
		log_info("ignore the launch of task '%s': it is here already", id);
		return 0;
	}
	if (framework->id && task_was_here(agent, framework->id->value, id)) {
		log_warning("ignore the launch of task '%s': it has run here and ended", id);
		agent->counters.refused_launches++;
		return 0;
	}
	if (info->executor && framework->id)
		r = get_executor(agent, framework, info, &executor, e);
	if (r < 0)
		return r;
	r = launch(agent, framework, info, group, executor, e);
	if (executor)
		executor_forget_unused(executor);
	return r;
}

int task_run(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
	     const Mesos__V1__TaskInfo *info, struct err *e)
{
	return run(agent, framework, info, NULL, e);
}

static struct task *find_live(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group,
			      size_t i)
{
	struct task *task = task_find(agent, group->framework->id->value,
				      group->tasks[i]->task_id->value);

	return task && !task_has_ended(task) ? task : NULL;
}

bool task_group_is_known(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group)
{
	const char *framework_id = group->framework->id->value;

	for (size_t i = 0; i < group->n_tasks; i++) {
		const char *id = group->tasks[i]->task_id->value;

		if (!task_find(agent, framework_id, id) && !task_was_here(agent, framework_id, id))
			continue;
		log_info("ignore the launch of the group of task '%s': it is here already, or was",
			 id);
		return true;
	}
	return false;
}

int task_run_group(struct agent *agent, const Tepui__AgentEvent__RunTaskGroup *group, struct err *e)
{
	char id[ID_UUID_SIZE];
	bool is_whole = true;
	int r = 0;

	if (task_group_is_known(agent, group))
		return 0;
	id_uuid(&agent->rng, id);
	for (size_t i = 0; i < group->n_tasks && r >= 0; i++)
		r = run(agent, group->framework, group->tasks[i], id, e);
	for (size_t i = 0; i < group->n_tasks; i++)
		is_whole = is_whole && find_live(agent, group, i);
	/* Nothing has been launched yet: what is killed now never is. */
	for (size_t i = 0; !is_whole && r >= 0 && i < group->n_tasks; i++) {
		struct task *task = find_live(agent, group, i);

		r = task ? task_kill(task, NULL, e) : 0;
	}
	return r;
}
