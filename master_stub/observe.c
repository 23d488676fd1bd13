#include "master_stub/observe.h"

#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/master.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"
#include "master_stub/view.h"

typedef Mesos__V1__Master__Event Event;

void master_set_observed(struct master *master, bool is_observed)
{
	master->is_observed = is_observed;
}

static void tell(struct master *master, Event *event, Mesos__V1__Master__Event__Type type)
{
	event->has_type = true;
	event->type = type;
	master->io.operator_event(master->io.arg, event);
}

/* ---- tasks ---- */

void observe_task_added(const struct task *task)
{
	struct master *master = task->framework->master;
	Event event = MESOS__V1__MASTER__EVENT__INIT;
	Mesos__V1__Master__Event__TaskAdded body = MESOS__V1__MASTER__EVENT__TASK_ADDED__INIT;
	struct task_view view;

	if (!master->is_observed)
		return;
	if (task_view_init(&view, task) == 0) {
		body.task = &view.message;
		event.task_added = &body;
		tell(master, &event, MESOS__V1__MASTER__EVENT__TYPE__TASK_ADDED);
	}
	task_view_done(&view);
}

void observe_task_updated(const struct task *task)
{
	struct master *master = task->framework->master;
	Event event = MESOS__V1__MASTER__EVENT__INIT;
	Mesos__V1__Master__Event__TaskUpdated body = MESOS__V1__MASTER__EVENT__TASK_UPDATED__INIT;
	Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
	struct task_view view;

	if (!master->is_observed)
		return;
	if (task_view_init(&view, task) == 0) {
		if (view.status)
			status = *view.status;
		/* The master may know better than what was told last. */
		status.task_id = &view.id;
		status.agent_id = &view.agent_id;
		status.state = body.state = view.message.state;
		body.framework_id = &view.framework_id;
		body.status = &status;
		event.task_updated = &body;
		tell(master, &event, MESOS__V1__MASTER__EVENT__TYPE__TASK_UPDATED);
	}
	task_view_done(&view);
}

/* ---- agents ---- */

void observe_agent_added(const struct agent *agent)
{
	Event event = MESOS__V1__MASTER__EVENT__INIT;
	Mesos__V1__Master__Event__AgentAdded body = MESOS__V1__MASTER__EVENT__AGENT_ADDED__INIT;
	struct agent_view view;

	if (!agent->master->is_observed)
		return;
	if (agent_view_init(&view, agent, true) == 0) {
		body.agent = &view.message;
		event.agent_added = &body;
		tell(agent->master, &event, MESOS__V1__MASTER__EVENT__TYPE__AGENT_ADDED);
	}
	agent_view_done(&view);
}

void observe_agent_removed(const struct agent *agent)
{
	Event event = MESOS__V1__MASTER__EVENT__INIT;
	Mesos__V1__Master__Event__AgentRemoved body =
		MESOS__V1__MASTER__EVENT__AGENT_REMOVED__INIT;

	if (!agent->master->is_observed)
		return;
	body.agent_id = agent->info->id;
	event.agent_removed = &body;
	tell(agent->master, &event, MESOS__V1__MASTER__EVENT__TYPE__AGENT_REMOVED);
}

/* ---- frameworks: without what they have and are offered ---- */

/* ADDED and UPDATED differ by the name of the field alone. */
static void tell_framework(const struct framework *framework, Mesos__V1__Master__Event__Type type)
{
	Event event = MESOS__V1__MASTER__EVENT__INIT;
	Mesos__V1__Master__Event__FrameworkAdded added =
		MESOS__V1__MASTER__EVENT__FRAMEWORK_ADDED__INIT;
	Mesos__V1__Master__Event__FrameworkUpdated updated =
		MESOS__V1__MASTER__EVENT__FRAMEWORK_UPDATED__INIT;
	struct framework_view view;

	if (!framework->master->is_observed)
		return;
	(void)framework_view_init(&view, framework, false);
	added.framework = updated.framework = &view.message;
	if (type == MESOS__V1__MASTER__EVENT__TYPE__FRAMEWORK_ADDED)
		event.framework_added = &added;
	else
		event.framework_updated = &updated;
	tell(framework->master, &event, type);
	framework_view_done(&view);
}

void observe_framework_added(const struct framework *framework)
{
	tell_framework(framework, MESOS__V1__MASTER__EVENT__TYPE__FRAMEWORK_ADDED);
}

void observe_framework_updated(const struct framework *framework)
{
	tell_framework(framework, MESOS__V1__MASTER__EVENT__TYPE__FRAMEWORK_UPDATED);
}

void observe_framework_removed(const struct framework *framework)
{
	Event event = MESOS__V1__MASTER__EVENT__INIT;
	Mesos__V1__Master__Event__FrameworkRemoved body =
		MESOS__V1__MASTER__EVENT__FRAMEWORK_REMOVED__INIT;

	if (!framework->master->is_observed)
		return;
	body.framework_info = framework->info;
	event.framework_removed = &body;
	tell(framework->master, &event, MESOS__V1__MASTER__EVENT__TYPE__FRAMEWORK_REMOVED);
}
