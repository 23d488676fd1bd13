#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/api.h"
#include "agent/persistent.h"
#include "agent/status.h"
#include "agent/task.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/version.h"
#include "net/http_server.h"

enum { MAX_REMEMBERED = 150 };

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

static json_t *task_view(const struct task *task)
{
	const Mesos__V1__TaskInfo *info = task->record->task;
	const Mesos__V1__TaskStatus *latest = task->record->latest;
	json_t *view;

	view = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}",
			 "id", task_id(task), "name", info->name,
			 "framework_id", task_framework_id(task), "executor_id",
			 task->executor ? task_executor_id(task) : "",
			 "slave_id", agent_id(task->agent) ? agent_id(task->agent) : "",
			 "state", status_state_name(task_state(task)),
			 "resources", resources_to_json(task_resources(task)),
			 "statuses", json_array());
	if (!view)
		return NULL;
	if (latest)
		json_array_append_new(json_object_get(view, "statuses"), status_view(latest));
	if (info->command && info->command->user)
		json_object_set_new(view, "user", json_string(info->command->user));
	set_message(view, "labels", info->labels ? &info->labels->base : NULL);
	set_message(view, "discovery", info->discovery ? &info->discovery->base : NULL);
	set_message(view, "container", info->container ? &info->container->base : NULL);
	set_message(view, "health_check", info->health_check ? &info->health_check->base : NULL);
	return view;
}

static json_t *executor_row(const struct container *c, const char *name, const char *type)
{
	const char *id = executor_shown_id(c);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:[], s:[], s:[]}",
			 "id", id, "name", name, "source", id, "container", c->id,
			 "directory", c->sandbox ? c->sandbox : "", "type", type,
			 "resources", resources_to_json(&c->resources), "tasks", "queued_tasks",
			 "completed_tasks");
}

static json_t *command_row(const struct task *task)
{
	const Mesos__V1__CommandInfo *command = task->record->task->command;
	AUTO_FREE char *name = NULL;

	if (asprintf(&name, "Command Executor (Task: %s) (Command: sh -c '%.200s')", task_id(task),
		     command && command->value ? command->value : "") < 0)
		name = NULL;
	return executor_row(task->container, name ? name : "", "DEFAULT");
}

static json_t *custom_row(const struct executor *x)
{
	const char *name = x->record->executor->name;

	return executor_row(x->container, name ? name : "", "CUSTOM");
}

static void add_task(json_t *row, const struct task *task)
{
	const char *list = task_has_ended(task) ? "completed_tasks" :
			   task->executor && !task->is_launch_sent ? "queued_tasks" : "tasks";

	json_array_append_new(json_object_get(row, list), task_view(task));
}

json_t *api_executor_view(const struct task *task)
{
	json_t *row = task->executor ? custom_row(task->executor) : command_row(task);

	add_task(row, task);
	return row;
}

void api_remember(struct task *task)
{
	struct agent *agent = task->agent;
	json_t *row;

	if (!agent->completed)
		agent->completed = json_array();
	row = json_pack("{s:s, s:o}", "framework_id", task_framework_id(task), "executor",
			api_executor_view(task));
	if (json_array_append_new(agent->completed, row) < 0)
		return;
	if (json_array_size(agent->completed) > MAX_REMEMBERED)
		json_array_remove(agent->completed, 0);
}

/* ---- frameworks ---- */

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

/* A framework of which only ended tasks are left is known by its id. */
static json_t *find_framework(json_t *by_id, const char *id, const Mesos__V1__FrameworkInfo *info)
{
	json_t *view = json_object_get(by_id, id);

	if (!view) {
		view = info ? framework_view(info) :
			      json_pack("{s:s, s:s, s:[], s:[]}", "id", id, "name", "", "executors",
					"completed_executors");
		json_object_set_new(by_id, id, view);
	}
	return view;
}

/* With all of its tasks. */
static void add_custom(json_t *by_id, const struct executor *x)
{
	json_t *view = find_framework(by_id, executor_framework_id(x), x->record->framework);
	json_t *row = custom_row(x);
	const struct task *task;

	TAILQ_FOREACH(task, &x->tasks, of_executor)
		add_task(row, task);
	json_array_append_new(json_object_get(view, x->has_exited ? "completed_executors" :
					      "executors"), row);
}

/* Ended tasks that nobody has acknowledged yet stand with those that are only remembered. */
static json_t *frameworks_view(const struct agent *agent)
{
	json_t *by_id = json_object(), *list = json_array(), *row, *view;
	const struct executor *x;
	const char *id;
	size_t i;

	TAILQ_FOREACH(x, &agent->custom, link)
		add_custom(by_id, x);
	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		/* It was remembered then, and only waits for its executor's end. */
		if (task->is_acknowledged || task->executor)
			continue;
		view = find_framework(by_id, task_framework_id(task), task->record->framework);
		json_array_append_new(json_object_get(view, task_has_ended(task) ?
						      "completed_executors" : "executors"),
				      api_executor_view(task));
	}
	json_array_foreach(agent->completed, i, row) {
		id = json_string_value(json_object_get(row, "framework_id"));
		view = find_framework(by_id, id ? id : "", NULL);
		json_array_append(json_object_get(view, "completed_executors"),
				  json_object_get(row, "executor"));
	}
	json_object_foreach(by_id, id, view)
		json_array_append(list, view);
	json_decref(by_id);
	return list;
}

int api_state(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	struct err degraded = { 0 };
	AUTO_FREE char *pid = NULL;
	json_t *view;

	if (asprintf(&pid, "slave(1)@%s", agent->endpoint) < 0)
		pid = NULL;
	view = json_pack("{s:s, s:{s:s}, s:f, s:s, s:s, s:s, s:[s, s], s:o, s:o, s:o, s:o, s:o,"
			 " s:o, s:[]}",
			 "version", TEPUI_MESOS_VERSION, "tepui", "version", TEPUI_VERSION,
			 "start_time", (double)agent->started_wall_ms / 1000.0,
			 "id", agent_id(agent) ? agent_id(agent) : "", "pid", pid ? pid : "",
			 "hostname", agent->node.hostname,
			 "capabilities", "MULTI_ROLE", "HIERARCHICAL_ROLE",
			 "resources", resources_to_json(&agent->node.total), "reserved_resources",
			 resources_reserved_to_json(&agent->node.total),
			 "unreserved_resources", resources_unreserved_to_json(&agent->node.total),
			 "attributes", attributes_view(&agent->node),
			 "flags", agent_flags_to_json(&agent->flags),
			 "frameworks", frameworks_view(agent), "completed_frameworks");
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
