#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/api.h"
#include "agent/container.h"
#include "agent/executor.h"
#include "agent/history.h"
#include "agent/persistent.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/view.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/version.h"
#include "net/http_server.h"

/* ---- pieces ---- */

static json_t *message_view(const ProtobufCMessage *message)
{
	struct err ignored = { 0 };
	json_t *view;

	return message && pb_to_json(message, &view, &ignored) >= 0 ? view : NULL;
}

/* Set KEY unless there is nothing to say. */
static void set_message(json_t *object, const char *key, const ProtobufCMessage *message)
{
	json_t *view = message_view(message);

	if (view)
		json_object_set_new(object, key, view);
}

static json_t *attributes_view(const struct node *node)
{
	json_t *view = json_object();

	for (size_t i = 0; view && i < node->n_attributes; i++) {
		const Mesos__V1__Attribute *a = node->attributes[i];

		if (a->text)
			json_object_set_new(view, a->name, json_string(a->text->value));
		else if (a->scalar)
			json_object_set_new(view, a->name, json_real(a->scalar->value));
		else
			set_message(view, a->name, a->ranges ? &a->ranges->base : NULL);
	}
	return view;
}

/* ---- tasks and executors ---- */

static json_t *status_view(const Mesos__V1__TaskStatus *status)
{
	json_t *view = json_pack("{s:s}", "state", status_state_name(status->state));

	if (!view)
		return NULL;
	if (status->has_timestamp)
		json_object_set_new(view, "timestamp", json_real(status->timestamp));
	if (status->has_healthy)
		json_object_set_new(view, "healthy", json_boolean(status->healthy));
	if (status->message)
		json_object_set_new(view, "message", json_string(status->message));
	set_message(view, "labels", status->labels ? &status->labels->base : NULL);
	set_message(view, "container_status",
		    status->container_status ? &status->container_status->base : NULL);
	return view;
}

static json_t *resources_view(Mesos__V1__Resource *const *messages, size_t n)
{
	struct resources resources = { 0 };
	struct err ignored = { 0 };
	json_t *view = resources_from_messages(messages, n, &resources, &ignored) < 0 ?
			       json_object() : resources_to_json(&resources);

	resources_done(&resources);
	return view;
}

static json_t *task_json(const Mesos__V1__Task *task)
{
	json_t *view, *statuses = json_array();

	for (size_t i = 0; i < task->n_statuses; i++)
		json_array_append_new(statuses, status_view(task->statuses[i]));
	view = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}",
			 "id", task->task_id->value, "name", task->name,
			 "framework_id", task->framework_id->value,
			 "executor_id", task->executor_id ? task->executor_id->value : "",
			 "slave_id", task->agent_id->value,
			 "state", status_state_name(task->state), "resources",
			 resources_view(task->resources, task->n_resources), "statuses", statuses);
	if (!view)
		return NULL;
	if (task->user)
		json_object_set_new(view, "user", json_string(task->user));
	set_message(view, "labels", task->labels ? &task->labels->base : NULL);
	set_message(view, "discovery", task->discovery ? &task->discovery->base : NULL);
	set_message(view, "container", task->container ? &task->container->base : NULL);
	set_message(view, "health_check", task->health_check ? &task->health_check->base : NULL);
	return view;
}

static json_t *executor_json(const Mesos__V1__ExecutorInfo *info, const char *container_id,
			     const char *sandbox)
{
	json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:[], s:[]}",
				 "id", info->executor_id->value,
				 "name", info->name ? info->name : "",
				 "source", info->source ? info->source : "",
				 "container", container_id, "directory", sandbox ? sandbox : "",
				 "type", view_is_custom(info) ? "CUSTOM" : "DEFAULT",
				 "tasks", "queued_tasks", "completed_tasks");

	if (view)
		set_message(view, "labels", info->labels ? &info->labels->base : NULL);
	return view;
}

/* ---- frameworks ---- */

/* A tree that grows by what is met: each framework and each container once. */
struct frameworks {
	json_t *live, *completed;	/* lists, as they are shown */
	json_t *by_id, *by_container;
};

static json_t *framework_view(const Mesos__V1__FrameworkInfo *info)
{
	json_t *roles = json_array(), *view;

	for (size_t i = 0; roles && i < info->n_roles; i++)
		json_array_append_new(roles, json_string(info->roles[i]));
	view = json_pack("{s:s, s:s, s:s, s:f, s:b, s:s, s:o, s:[], s:[]}",
			 "id", info->id->value, "name", info->name, "user", info->user,
			 "failover_timeout", info->failover_timeout, "checkpoint", 1,
			 "hostname", info->hostname ? info->hostname : "", "roles", roles,
			 "executors", "completed_executors");
	if (view && info->principal)
		json_object_set_new(view, "principal", json_string(info->principal));
	return view;
}

/* Those that run something come first, so that the others have nothing any more. */
static json_t *framework_in(struct frameworks *all, const Mesos__V1__FrameworkInfo *info,
			    json_t *list)
{
	json_t *view = json_object_get(all->by_id, info->id->value);

	if (!view) {
		view = framework_view(info);
		json_object_set_new(all->by_id, info->id->value, view);
		json_array_append(list, view);
	}
	return view;
}

static json_t *new_executor(struct frameworks *all, json_t *framework, const char *list,
			    const Mesos__V1__ExecutorInfo *info, const char *container_id,
			    const char *sandbox, json_t *resources_take)
{
	json_t *view = executor_json(info, container_id, sandbox);

	json_object_set_new(view, "resources", resources_take);
	json_object_set_new(all->by_container, container_id, view);
	json_array_append(json_object_get(framework, list), view);
	return view;
}

static json_t *add_executor(struct frameworks *all, const struct executor *x)
{
	const struct container *c = x->container;
	json_t *view = json_object_get(all->by_container, c->id);

	if (view)
		return view;
	return new_executor(all, framework_in(all, x->record->framework, all->live),
			    x->has_exited ? "completed_executors" : "executors",
			    x->record->executor, c->id, c->sandbox,
			    resources_to_json(&c->resources));
}

static json_t *add_command(struct frameworks *all, const struct task *task)
{
	struct view_executor executor;

	return new_executor(all, framework_in(all, task->record->framework, all->live),
			    task_has_ended(task) ? "completed_executors" : "executors",
			    view_executor(task, &executor), task->record->container_id,
			    task->container->sandbox, resources_to_json(task_resources(task)));
}

static void add_task(struct frameworks *all, const struct task *task)
{
	const char *list = task_has_ended(task) ? "completed_tasks" :
			   task->executor && !task->is_launch_sent ? "queued_tasks" : "tasks";
	json_t *executor = task->executor ? add_executor(all, task->executor) :
					    add_command(all, task);
	struct view_task view;

	view_task(task, &view);
	json_array_append_new(json_object_get(executor, list), task_json(&view.task));
}

static void add_past_task(struct frameworks *all, const struct past_task *past)
{
	json_t *framework = framework_in(all, past->framework, all->completed);
	json_t *executor = json_object_get(all->by_container, past->container_id);

	if (!executor)
		executor = new_executor(all, framework, "completed_executors", past->executor,
					past->container_id, past->sandbox,
					resources_view(past->task->resources,
						       past->task->n_resources));
	json_array_append_new(json_object_get(executor, "completed_tasks"), task_json(past->task));
}

static void view_frameworks(const struct agent *agent, struct frameworks *ret)
{
	const struct past_task *past;
	const struct executor *x;

	*ret = (struct frameworks){ json_array(), json_array(), json_object(), json_object() };
	TAILQ_FOREACH(x, &agent->custom, link)
		(void)add_executor(ret, x);
	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		/* It is remembered already, and only waits for its container's end. */
		if (!task->is_acknowledged)
			add_task(ret, task);
	}
	TAILQ_FOREACH(past, &agent->history.tasks, link)
		add_past_task(ret, past);
	json_decref(ret->by_id);
	json_decref(ret->by_container);
}

int api_state(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	struct frameworks frameworks;
	struct err degraded = { 0 };
	AUTO_FREE char *pid = NULL;
	json_t *view;

	view_frameworks(agent, &frameworks);
	if (asprintf(&pid, "slave(1)@%s", agent->endpoint) < 0)
		pid = NULL;
	view = json_pack("{s:s, s:{s:s}, s:f, s:s, s:s, s:s, s:[s, s, s, s], s:o, s:o, s:o, s:o,"
			 " s:o, s:o, s:o}",
			 "version", TEPUI_MESOS_VERSION, "tepui", "version", TEPUI_VERSION,
			 "start_time", (double)agent->started_wall_ms / 1000.0,
			 "id", agent_id(agent) ? agent_id(agent) : "", "pid", pid ? pid : "",
			 "hostname", agent->node.hostname,
			 "capabilities", "MULTI_ROLE", "HIERARCHICAL_ROLE",
			 "RESERVATION_REFINEMENT", "AGENT_OPERATION_FEEDBACK",
			 "resources", resources_to_json(&agent->node.total), "reserved_resources",
			 resources_reserved_to_json(&agent->node.total),
			 "unreserved_resources", resources_unreserved_to_json(&agent->node.total),
			 "attributes", attributes_view(&agent->node),
			 "flags", agent_flags_to_json(&agent->flags),
			 "frameworks", frameworks.live, "completed_frameworks",
			 frameworks.completed);
	if (view) {
		json_object_set_new(view, "volumes", persistent_view(agent));
		json_object_set_new(view, "reserved_resources_full",
				    resources_reserved_full_to_json(&agent->node.total));
		json_object_set_new(view, "unreserved_resources_allocated",
				    resources_unreserved_to_json(&agent->used));
		json_object_set_new(view, "reserved_resources_allocated",
				    resources_reserved_to_json(&agent->used));
		json_object_set_new(view, "master_hostname", json_string(agent->flags.master));
		set_message(view, "drain_config", agent->self->drain ? &agent->self->drain->base : NULL);
		if (admission_check_agent(agent, &degraded) < 0)
			json_object_set_new(view, "degraded", json_string(degraded.msg));
	}
	return api_reply(req, view, e);
}
