/* The legacy endpoints' form of objects, with the names of reference/mesos.md 3.6. */
#include "master_stub/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "master_stub/core.h"
#include "master_stub/framework.h"
#include "master_stub/history.h"
#include "master_stub/registry.h"
#include "master_stub/task.h"

static void write_message(struct json_out *out, const ProtobufCMessage *message)
{
	struct err lost = { 0 };

	if (pb_write_json(message, out, &lost) < 0)
		json_out_null(out);
}

static void write_text(struct json_out *out, const char *key, const char *text)
{
	json_out_key(out, key);
	json_out_string(out, text ? text : "");
}

static void write_bool(struct json_out *out, const char *key, bool value)
{
	json_out_key(out, key);
	json_out_bool(out, value);
}

static void write_real(struct json_out *out, const char *key, double value)
{
	json_out_key(out, key);
	json_out_real(out, value);
}

/* In seconds; 0 for what never came. */
static void write_time(struct json_out *out, const char *key, const Mesos__V1__TimeInfo *time)
{
	write_real(out, key, time ? (double)(time->nanoseconds / 1000000) / 1000 : 0);
}

static void write_enum(struct json_out *out, const ProtobufCEnumDescriptor *d, int value)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(d, value);

	json_out_string(out, known ? known->name : "UNKNOWN");
}

/* ---- resources ---- */

/* What it is reserved for now, or NULL. */
static const char *role_of(const Mesos__V1__Resource *resource)
{
	if (resource->n_reservations > 0)
		return resource->reservations[resource->n_reservations - 1]->role;
	return resource->role && strcmp(resource->role, "*") != 0 ? resource->role : NULL;
}

enum share { SHARE_ALL, SHARE_UNRESERVED, SHARE_ROLE };

/* Which of some resources are meant. */
struct choice {
	enum share share;
	const char *role;
};

static bool is_chosen(const struct choice *choice, const Mesos__V1__Resource *resource)
{
	const char *role = choice->share == SHARE_ALL ? NULL : role_of(resource);

	return choice->share == SHARE_ALL || (choice->share == SHARE_UNRESERVED && !role) ||
	       (choice->share == SHARE_ROLE && role && strcmp(role, choice->role) == 0);
}

static double sum_of(const char *name, Mesos__V1__Resource *const *items, size_t n,
		     const struct choice *choice)
{
	int64_t sum = 0, value;

	for (size_t i = 0; i < n; i++) {
		if (items[i]->scalar && strcmp(items[i]->name, name) == 0 &&
		    is_chosen(choice, items[i]) &&
		    resources_scalar_from_double(items[i]->scalar->value, &value) == 0)
			sum += value;
	}
	return resources_scalar_to_double(sum);
}

/* "[31000-31999, 33000-33000]" */
static void write_ranges(struct json_out *out, const char *name,
			 Mesos__V1__Resource *const *items, size_t n, const struct choice *choice)
{
	struct json_out text = { 0 };
	char part[64];
	int size;

	for (size_t i = 0; i < n; i++) {
		const Mesos__V1__Value__Ranges *ranges = items[i]->ranges;

		if (!ranges || strcmp(items[i]->name, name) != 0 || !is_chosen(choice, items[i]))
			continue;
		for (size_t j = 0; j < ranges->n_range; j++) {
			size = snprintf(part, sizeof(part), "%s%" PRIu64 "-%" PRIu64,
					text.size > 0 ? ", " : "[", ranges->range[j]->begin,
					ranges->range[j]->end);
			json_out_raw(&text, part, (size_t)size);
		}
	}
	if (text.size > 0) {
		json_out_raw(&text, "]", 2);
		json_out_key(out, name);
		json_out_string(out, text.data);
	}
	json_out_done(&text);
}

static void write_resources(struct json_out *out, const char *key,
			    Mesos__V1__Resource *const *items, size_t n,
			    const struct choice *choice)
{
	json_out_key(out, key);
	json_out_open(out, '{');
	for (int kind = 0; kind < N_RESOURCE_KINDS; kind++)
		write_real(out, resource_names[kind],
			   sum_of(resource_names[kind], items, n, choice));
	write_ranges(out, "ports", items, n, choice);
	json_out_close(out, '}');
}

static void write_all(struct json_out *out, const char *key, Mesos__V1__Resource *const *items,
		      size_t n)
{
	const struct choice all = { .share = SHARE_ALL };

	write_resources(out, key, items, n, &all);
}

static void write_full(struct json_out *out, const char *key, Mesos__V1__Resource *const *items,
		       size_t n, const struct choice *choice)
{
	json_out_key(out, key);
	json_out_open(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (is_chosen(choice, items[i]))
			write_message(out, &items[i]->base);
	}
	json_out_close(out, ']');
}

typedef void write_share_fn(struct json_out *out, const char *key,
			    Mesos__V1__Resource *const *items, size_t n,
			    const struct choice *choice);

/* An object by role; each role is written where it comes first. */
static void write_by_role(struct json_out *out, const char *key,
			  Mesos__V1__Resource *const *items, size_t n, write_share_fn *write)
{
	json_out_key(out, key);
	json_out_open(out, '{');
	for (size_t i = 0; i < n; i++) {
		const struct choice choice = { .share = SHARE_ROLE, .role = role_of(items[i]) };
		size_t j = 0;

		while (choice.role && j < i && !is_chosen(&choice, items[j]))
			j++;
		if (choice.role && j == i)
			write(out, choice.role, items, n, &choice);
	}
	json_out_close(out, '}');
}

/* ---- tasks ---- */

static void write_labels(struct json_out *out, const Mesos__V1__Labels *labels)
{
	if (!labels)
		return;
	json_out_key(out, "labels");
	json_out_open(out, '[');
	for (size_t i = 0; i < labels->n_labels; i++)
		write_message(out, &labels->labels[i]->base);
	json_out_close(out, ']');
}

static void write_status(struct json_out *out, const Mesos__V1__TaskStatus *status)
{
	json_out_open(out, '{');
	json_out_key(out, "state");
	write_enum(out, &mesos__v1__task_state__descriptor, (int)status->state);
	write_real(out, "timestamp", status->timestamp);
	write_labels(out, status->labels);
	if (status->container_status) {
		json_out_key(out, "container_status");
		write_message(out, &status->container_status->base);
	}
	if (status->has_healthy)
		write_bool(out, "healthy", status->healthy);
	json_out_close(out, '}');
}

static void write_optional(struct json_out *out, const char *key, const ProtobufCMessage *message)
{
	if (!message)
		return;
	json_out_key(out, key);
	write_message(out, message);
}

static const char *allocated_to(Mesos__V1__Resource *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (items[i]->allocation_info && items[i]->allocation_info->role)
			return items[i]->allocation_info->role;
	}
	return NULL;
}

void task_view_write(struct json_out *out, const struct task_view *view)
{
	const Mesos__V1__Task *task = &view->message;
	const char *role = allocated_to(task->resources, task->n_resources);

	write_text(out, "id", task->task_id->value);
	write_text(out, "name", task->name);
	write_text(out, "framework_id", task->framework_id->value);
	write_text(out, "executor_id", task->executor_id ? task->executor_id->value : "");
	write_text(out, "slave_id", task->agent_id->value);
	json_out_key(out, "state");
	write_enum(out, &mesos__v1__task_state__descriptor, (int)task->state);
	write_all(out, "resources", task->resources, task->n_resources);
	if (task->n_limits > 0) {
		json_out_key(out, "limits");
		json_out_open(out, '{');
		for (size_t i = 0; i < task->n_limits; i++)
			write_real(out, task->limits[i]->key ? task->limits[i]->key : "",
				   task->limits[i]->value ? task->limits[i]->value->value : 0);
		json_out_close(out, '}');
	}
	if (role)
		write_text(out, "role", role);
	json_out_key(out, "statuses");
	json_out_open(out, '[');
	for (size_t i = 0; i < task->n_statuses; i++)
		write_status(out, task->statuses[i]);
	json_out_close(out, ']');
	if (task->user)
		write_text(out, "user", task->user);
	write_labels(out, task->labels);
	write_optional(out, "discovery", task->discovery ? &task->discovery->base : NULL);
	write_optional(out, "container", task->container ? &task->container->base : NULL);
	write_optional(out, "health_check", task->health_check ? &task->health_check->base : NULL);
}

/* ---- agents ---- */

static void write_attribute(struct json_out *out, const Mesos__V1__Attribute *attribute)
{
	json_out_key(out, attribute->name);
	if (attribute->text)
		json_out_string(out, attribute->text->value);
	else if (attribute->scalar)
		json_out_real(out, attribute->scalar->value);
	else if (attribute->ranges)
		write_message(out, &attribute->ranges->base);
	else if (attribute->set)
		write_message(out, &attribute->set->base);
	else
		json_out_null(out);
}

static void write_attributes(struct json_out *out, const Mesos__V1__AgentInfo *info)
{
	json_out_key(out, "attributes");
	json_out_open(out, '{');
	for (size_t i = 0; i < info->n_attributes; i++)
		write_attribute(out, info->attributes[i]);
	json_out_close(out, '}');
}

static void write_agent_times(struct json_out *out, const struct agent_view *view)
{
	const struct agent *agent = view->agent;

	write_time(out, "registered_time", view->message.registered_time);
	if (view->message.reregistered_time)
		write_time(out, "reregistered_time", view->message.reregistered_time);
	if (agent->state == AGENT_UNREACHABLE)
		write_real(out, "unreachable_time", (double)agent->unreachable_wall_ms / 1000);
	if (!view->message.drain_info)
		return;
	write_optional(out, "drain_info", &view->message.drain_info->base);
	if (view->message.estimated_drain_start_time)
		write_time(out, "estimated_drain_start_time_seconds",
			   view->message.estimated_drain_start_time);
}

/* What /slaves and /state-summary have in common. */
static void write_agent(struct json_out *out, const struct agent_view *view)
{
	const Mesos__V1__Master__Response__GetAgents__Agent *message = &view->message;
	const Mesos__V1__AgentInfo *info = message->agent_info;
	const struct agent *agent = view->agent;

	write_text(out, "id", agent->id);
	write_text(out, "hostname", info->hostname);
	json_out_key(out, "port");
	json_out_int(out, info->port);
	write_text(out, "pid", message->pid);
	write_attributes(out, info);
	write_all(out, "resources", message->total_resources, message->n_total_resources);
	write_all(out, "used_resources", message->allocated_resources,
		  message->n_allocated_resources);
	write_all(out, "offered_resources", message->offered_resources,
		  message->n_offered_resources);
	write_by_role(out, "reserved_resources", message->total_resources,
		      message->n_total_resources, write_resources);
	write_resources(out, "unreserved_resources", message->total_resources,
			message->n_total_resources,
			&(struct choice){ .share = SHARE_UNRESERVED });
	write_bool(out, "active", message->active);
	write_bool(out, "deactivated", message->deactivated);
	write_text(out, "version", message->version);
	json_out_key(out, "capabilities");
	json_out_open(out, '[');
	for (size_t i = 0; i < message->n_capabilities; i++)
		write_enum(out, &mesos__v1__agent_info__capability__type__descriptor,
			   (int)message->capabilities[i]->type);
	json_out_close(out, ']');
	write_optional(out, "domain", info->domain ? &info->domain->base : NULL);
	write_agent_times(out, view);
	/* Ours. */
	write_text(out, "state", registry_state_name(agent->state));
	if (agent->degraded)
		write_text(out, "degraded", agent->degraded);
}

static size_t count_live_tasks(const struct agent *agent)
{
	const struct task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &agent->tasks, on_agent)
		n += !master_task_is_ended(task->state);
	return n;
}

void agent_view_write(struct json_out *out, const struct agent_view *view)
{
	const Mesos__V1__Master__Response__GetAgents__Agent *message = &view->message;
	const struct choice all = { .share = SHARE_ALL };

	write_agent(out, view);
	write_by_role(out, "reserved_resources_full", message->total_resources,
		      message->n_total_resources, write_full);
	write_full(out, "unreserved_resources_full", message->total_resources,
		   message->n_total_resources, &(struct choice){ .share = SHARE_UNRESERVED });
	write_full(out, "used_resources_full", message->allocated_resources,
		   message->n_allocated_resources, &all);
	write_full(out, "offered_resources_full", message->offered_resources,
		   message->n_offered_resources, &all);
	json_out_key(out, "tasks");
	json_out_int(out, (int64_t)count_live_tasks(view->agent));
}

/* ---- frameworks ---- */

static void write_capabilities(struct json_out *out, const Mesos__V1__FrameworkInfo *info)
{
	json_out_key(out, "capabilities");
	json_out_open(out, '[');
	for (size_t i = 0; i < info->n_capabilities; i++)
		write_enum(out, &mesos__v1__framework_info__capability__type__descriptor,
			   (int)info->capabilities[i]->type);
	json_out_close(out, ']');
}

static void write_roles(struct json_out *out, const struct framework *framework)
{
	const struct framework_role *role;

	if (!framework_is_capable(framework,
				  MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE))
		write_text(out, "role", framework->info->role);
	json_out_key(out, "roles");
	json_out_open(out, '[');
	SLIST_FOREACH(role, &framework->roles, next) {
		if (!role->is_left)
			json_out_string(out, role->name);
	}
	json_out_close(out, ']');
}

static void write_offer(struct json_out *out, const Mesos__V1__Offer *offer)
{
	json_out_open(out, '{');
	write_text(out, "id", offer->id->value);
	write_text(out, "framework_id", offer->framework_id->value);
	write_text(out, "slave_id", offer->agent_id->value);
	write_all(out, "resources", offer->resources, offer->n_resources);
	json_out_close(out, '}');
}

static void write_framework(struct json_out *out, const struct framework_view *view)
{
	const Mesos__V1__Master__Response__GetFrameworks__Framework *message = &view->message;
	const Mesos__V1__FrameworkInfo *info = message->framework_info;

	write_text(out, "id", view->framework->id);
	write_text(out, "name", info->name);
	write_all(out, "used_resources", message->allocated_resources,
		  message->n_allocated_resources);
	write_all(out, "offered_resources", message->offered_resources,
		  message->n_offered_resources);
	write_capabilities(out, info);
	write_text(out, "hostname", info->hostname);
	write_text(out, "webui_url", info->webui_url);
	write_bool(out, "active", message->active);
	write_bool(out, "connected", message->connected);
	write_bool(out, "recovered", message->recovered);
}

void framework_view_write(struct json_out *out, const struct framework_view *view)
{
	const Mesos__V1__Master__Response__GetFrameworks__Framework *message = &view->message;
	const Mesos__V1__FrameworkInfo *info = message->framework_info;

	write_framework(out, view);
	write_text(out, "user", info->user);
	write_real(out, "failover_timeout", info->failover_timeout);
	write_bool(out, "checkpoint", info->checkpoint);
	write_time(out, "registered_time", message->registered_time);
	write_time(out, "unregistered_time", message->unregistered_time);
	if (message->reregistered_time)
		write_time(out, "reregistered_time", message->reregistered_time);
	if (info->principal)
		write_text(out, "principal", info->principal);
	write_all(out, "resources", message->allocated_resources, message->n_allocated_resources);
	write_roles(out, view->framework);
	write_labels(out, info->labels);
	write_optional(out, "offer_constraints",
		       message->offer_constraints ? &message->offer_constraints->base : NULL);
	json_out_key(out, "offers");
	json_out_open(out, '[');
	for (size_t i = 0; i < message->n_offers; i++)
		write_offer(out, message->offers[i]);
	json_out_close(out, ']');
}

/* ---- executors ---- */

void executor_view_write(struct json_out *out, const struct executor_view *view)
{
	const Mesos__V1__ExecutorInfo *info = view->info;

	write_text(out, "executor_id", info->executor_id->value);
	write_text(out, "name", info->name);
	if (info->framework_id)
		write_text(out, "framework_id", info->framework_id->value);
	write_text(out, "slave_id", view->message.agent_id->value);
	write_text(out, "source", info->source);
	write_all(out, "resources", info->resources, info->n_resources);
	write_optional(out, "command", info->command ? &info->command->base : NULL);
	write_labels(out, info->labels);
}

/* ---- summaries ---- */

/* Tasks by state, of those states that /state-summary has. */
static void write_counts(struct json_out *out, const size_t counts[N_TASK_STATES])
{
	static const Mesos__V1__TaskState states[] = {
		MESOS__V1__TASK_STATE__TASK_STAGING, MESOS__V1__TASK_STATE__TASK_STARTING,
		MESOS__V1__TASK_STATE__TASK_RUNNING, MESOS__V1__TASK_STATE__TASK_KILLING,
		MESOS__V1__TASK_STATE__TASK_FINISHED, MESOS__V1__TASK_STATE__TASK_KILLED,
		MESOS__V1__TASK_STATE__TASK_FAILED, MESOS__V1__TASK_STATE__TASK_LOST,
		MESOS__V1__TASK_STATE__TASK_ERROR, MESOS__V1__TASK_STATE__TASK_UNREACHABLE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		json_out_key(out, master_task_state_name(states[i]));
		json_out_int(out, (int64_t)counts[states[i]]);
	}
}

static void count_task(size_t counts[N_TASK_STATES], const struct task *task)
{
	counts[task->is_unreachable ? MESOS__V1__TASK_STATE__TASK_UNREACHABLE : task->state]++;
}

void agent_view_write_summary(struct json_out *out, const struct agent_view *view)
{
	size_t counts[N_TASK_STATES] = { 0 };
	const struct task *task;

	TAILQ_FOREACH(task, &view->agent->tasks, on_agent)
		count_task(counts, task);
	write_agent(out, view);
	write_counts(out, counts);
}

void framework_view_write_summary(struct json_out *out, const struct framework_view *view)
{
	size_t counts[N_TASK_STATES] = { 0 };
	const struct ended_task *ended;
	const struct task *task;

	for (task = view->framework->tasks; task; task = task->hh.next)
		count_task(counts, task);
	/* What has ended and is acknowledged counts as long as it is remembered. */
	TAILQ_FOREACH(ended, &view->framework->ended, of_framework)
		counts[ended->state]++;
	write_framework(out, view);
	write_counts(out, counts);
}
