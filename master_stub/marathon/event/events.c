#include "master_stub/marathon/event/events.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/event/subscriptions.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

bool event_is_past_marathon(const char *type)
{
	static const char *const types[] = {
		"app_launch_given_up_event",
		"autoscale_decision_event",
		"deployment_awaits_promotion_event",
		"deployment_canary_weight_event",
		"deployment_promoted_event",
		"deployment_paused_event",
		"deployment_resumed_event",
		"job_run_event",
		"unhealthy_kills_stopped_event",
		"unhealthy_kills_resumed_event",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i], type) == 0)
			return true;
	}
	return false;
}

/* Takes EVENT; one that memory does not suffice for is not sent. */
static void emit(struct controller *c, const char *type, json_t *event)
{
	char now[CLOCK_TEXT_SIZE];

	if (!event || !c->io.event) {
		json_decref(event);
		return;
	}
	clock_format(controller_wall_ms(c), now);
	if (json_object_set_new(event, "eventType", json_string(type)) == 0 &&
	    json_object_set_new(event, "timestamp", json_string(now)) == 0) {
		c->io.event(c->io.arg, type, event);
		if (!event_is_past_marathon(type))
			subscriptions_event(c, event);
	}
	json_decref(event);
}

/* Marathon's clients look up the app that an event names: tasks of jobs are not told of. */
static void emit_of(struct controller *c, const struct instance *instance, const char *type,
		    json_t *event)
{
	if (instance->entry->kind->is_app)
		emit(c, type, event);
	else
		json_decref(event);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void event_status_update(struct controller *c, const struct instance_task *task,
			 const Mesos__V1__TaskStatus *status)
{
	const struct instance *instance = task->instance;
	json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s}", "slaveId",
				  or_empty(instance->agent_id), "taskId", task->id,
				  "taskStatus", instance_state_name(status->state), "message",
				  or_empty(status->message), "appId", instance->entry->id, "host",
				  or_empty(instance->host), "ipAddresses",
				  instance_addresses_view(instance), "ports",
				  task_ports_view(task), "version",
				  instance->spec->version);

	emit_of(c, instance, "status_update_event", event);
}

void event_instance_changed(struct controller *c, const struct instance *instance)
{
	emit_of(c, instance, "instance_changed_event",
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "instanceId", instance->id,
			  "condition", instance_condition(instance), "runSpecId",
			  instance->entry->id, "agentId", or_empty(instance->agent_id), "host",
			  or_empty(instance->host), "runSpecVersion", instance->spec->version));
}

/* Old clients know the first of them, new ones the second. */
void event_health_changed(struct controller *c, const struct instance_task *task)
{
	const struct instance *instance = task->instance;
	json_t *healthy = instance->has_health ? json_boolean(instance->is_healthy) : json_null();

	emit(c, "health_status_changed_event",
	     json_pack("{s:s, s:s, s:s, s:s, s:b}", "appId", instance->entry->id, "instanceId",
		       instance->id, "taskId", task->id, "version",
		       instance->spec->version, "alive", instance->is_healthy));
	emit(c, "instance_health_changed_event",
	     json_pack("{s:s, s:s, s:o, s:s}", "instanceId", instance->id, "runSpecId",
		       instance->entry->id, "healthy", healthy, "runSpecVersion",
		       instance->spec->version));
}

void event_failed_health_check(struct controller *c, const struct instance_task *task,
			       unsigned index)
{
	const struct instance *instance = task->instance;

	emit(c, "failed_health_check_event",
	     json_pack("{s:s, s:s, s:O?}", "appId", instance->entry->id, "taskId", instance->id,
		       "healthCheck",
		       json_array_get(instance_task_spec(task)->health_checks, index)));
}

void event_unhealthy_kill(struct controller *c, const struct instance_task *task,
			  const char *reason)
{
	const struct instance *instance = task->instance;

	emit(c, "unhealthy_instance_kill_event",
	     json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "appId", instance->entry->id,
		       "taskId", task->id, "instanceId", instance->id, "version",
		       instance->spec->version, "reason", or_empty(reason), "host",
		       or_empty(instance->host), "slaveId", or_empty(instance->agent_id)));
}

void event_unknown_terminated(struct controller *c, const Mesos__V1__TaskStatus *status)
{
	char app[192], instance[256];

	task_id_split(status->task_id->value, app, sizeof(app), instance, sizeof(instance));
	emit(c, "unknown_instance_terminated_event",
	     json_pack("{s:s, s:s, s:s}", "instanceId", instance, "runSpecId", app, "condition",
		       instance_state_name(status->state)));
}

static json_t *current_step(const json_t *view)
{
	json_t *actions = json_deep_copy(json_object_get(view, "currentActions")), *action;
	size_t i;

	json_array_foreach(actions, i, action)
		(void)json_object_del(action, "readinessCheckResults");
	return json_pack("{s:o}", "actions", actions);
}

/* Only the light form of the plan: the full one, with all groups, grew to megabytes. */
void event_deployment(struct controller *c, const char *type, const struct deployment *deployment,
		      const char *reason)
{
	json_t *view = deployment_view(c, deployment);
	json_t *plan = json_pack("{s:s, s:s, s:O?}", "id", deployment->id, "version",
				 deployment->version, "steps", json_object_get(view, "steps"));
	json_t *event;

	if (deployment->current < deployment->n_steps && !reason)
		event = json_pack("{s:o, s:o}", "plan", plan, "currentStep", current_step(view));
	else
		event = json_pack("{s:s, s:o, s:s*}", "id", deployment->id, "plan", plan, "reason",
				  reason);
	json_decref(view);
	emit(c, type, event);
}

void event_launch_given_up(struct controller *c, const struct entry *entry, const char *reason)
{
	emit(c, "app_launch_given_up_event",
	     json_pack("{s:s, s:s, s:i, s:s}", "appId", entry->id, "version",
		       entry->target->version, "failedStarts", (int)entry->backoff.failures,
		       "reason", or_empty(reason)));
}

void event_unhealthy_kills(struct controller *c, const struct entry *entry, const char *reason)
{
	emit(c, reason ? "unhealthy_kills_stopped_event" : "unhealthy_kills_resumed_event",
	     json_pack("{s:s, s:s*}", "appId", entry->id, "reason", reason));
}

void event_rollout(struct controller *c, const char *type, const struct deployment *deployment)
{
	json_t *view = deployment_view(c, deployment);

	emit(c, type, json_pack("{s:s, s:s, s:O?}", "id", deployment->id, "version",
				deployment->version, "canaries",
				json_object_get(view, "canaries")));
	json_decref(view);
}

/* EVENT (taken) with the members of MORE (borrowed) that it has not. */
static void emit_with(struct controller *c, const char *type, json_t *event, const json_t *more)
{
	json_t *copy = json_deep_copy(more);

	if (json_object_update_missing(event, copy) < 0) {
		json_decref(event);
		event = NULL;
	}
	json_decref(copy);
	emit(c, type, event);
}

void event_autoscale_decision(struct controller *c, const char *app_id, const json_t *decision)
{
	emit_with(c, "autoscale_decision_event", json_pack("{s:s}", "appId", app_id), decision);
}

void event_job_run(struct controller *c, const char *job_id, const char *status,
		   const json_t *details)
{
	emit_with(c, "job_run_event", json_pack("{s:s, s:s}", "jobId", job_id, "status", status),
		  details);
}

void event_app_terminated(struct controller *c, const char *app_id)
{
	emit(c, "app_terminated_event", json_pack("{s:s}", "appId", app_id));
}

void event_health_checks_added(struct controller *c, const struct app *app)
{
	size_t i;
	json_t *check;

	json_array_foreach(app->health_checks, i, check)
		emit(c, "add_health_check_event",
		     json_pack("{s:s, s:O, s:s}", "appId", app->id, "healthCheck", check, "version",
			       app->version));
}

void event_health_check_removed(struct controller *c, const char *app_id)
{
	emit(c, "remove_health_check_event", json_pack("{s:s}", "appId", app_id));
}

void event_group_failed(struct controller *c, const char *group_id, const char *version,
			const char *reason)
{
	emit(c, "group_change_failed",
	     json_pack("{s:s, s:s, s:s}", "groupId", group_id, "version", version, "reason",
		       reason));
}

void event_group_changed(struct controller *c, const char *group_id, const char *version)
{
	emit(c, "group_change_success",
	     json_pack("{s:s, s:s}", "groupId", group_id, "version", version));
}

void event_api_post(struct controller *c, const char *peer, const char *uri,
		    const struct app *app)
{
	emit(c, "api_post_event",
	     json_pack("{s:s, s:s, s:o}", "clientIp", or_empty(peer), "uri", or_empty(uri),
		       "appDefinition", app_to_json(app)));
}

void event_pod(struct controller *c, const char *type, const char *peer, const char *uri)
{
	emit(c, type, json_pack("{s:s, s:s}", "clientIp", or_empty(peer), "uri", or_empty(uri)));
}

void event_registered(struct controller *c, const char *master)
{
	emit(c, "scheduler_registered_event",
	     json_pack("{s:s, s:s}", "frameworkId", or_empty(c->framework_id), "master", master));
}

void event_disconnected(struct controller *c)
{
	emit(c, "scheduler_disconnected_event", json_object());
}

void event_reregistered(struct controller *c, const char *master)
{
	emit(c, "scheduler_reregistered_event", json_pack("{s:s}", "master", master));
}

void event_framework_message(struct controller *c, const Mesos__V1__Scheduler__Event__Message *message)
{
	emit(c, "framework_message_event",
	     json_pack("{s:s, s:s, s:s%}", "executorId", message->executor_id->value, "slaveId",
		       message->agent_id->value, "message", (const char *)message->data.data,
		       message->data.len));
}

json_t *event_subscription(struct controller *c, const char *type, const char *peer,
			   const char *url)
{
	json_t *event = json_pack("{s:s, s:s}", "clientIp", peer, "callbackUrl", url);

	emit(c, type, json_incref(event));
	return event;
}

void event_stream_attached(struct controller *c, const char *peer)
{
	emit(c, "event_stream_attached", json_pack("{s:s}", "remoteAddress", peer));
}

void event_stream_detached(struct controller *c, const char *peer)
{
	emit(c, "event_stream_detached", json_pack("{s:s}", "remoteAddress", peer));
}
