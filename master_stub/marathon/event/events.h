/* What the controller tells on the event stream (reference/marathon.md 1.9). */
#ifndef MASTER_STUB_MARATHON_EVENT_EVENTS_H
#define MASTER_STUB_MARATHON_EVENT_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "proto/scheduler.pb-c.h"

struct app;
struct controller;
struct deployment;
struct entry;
struct instance;
struct instance_task;

/* Clients written for Marathon fail on types that they do not know: for those who name it alone. */
bool event_is_past_marathon(const char *type);

void event_status_update(struct controller *c, const struct instance_task *task,
			 const Mesos__V1__TaskStatus *status);
void event_instance_changed(struct controller *c, const struct instance *instance);
/* Its health became known or changed. */
void event_health_changed(struct controller *c, const struct instance_task *task);
/* INDEX: of the check. */
void event_failed_health_check(struct controller *c, const struct instance_task *task,
			       unsigned index);
void event_unhealthy_kill(struct controller *c, const struct instance_task *task,
			  const char *reason);
void event_unknown_terminated(struct controller *c, const Mesos__V1__TaskStatus *status);
/* TYPE: deployment_info, _step_success, _success, _failed; REASON NULL: none. */
void event_deployment(struct controller *c, const char *type, const struct deployment *deployment,
		      const char *reason);
/* Past Marathon: only readers that name their types are sent these. */
void event_launch_given_up(struct controller *c, const struct entry *entry, const char *reason);
/* Kills of unhealthy instances have stopped, for REASON; NULL: they go on. */
void event_unhealthy_kills(struct controller *c, const struct entry *entry, const char *reason);
void event_rollout(struct controller *c, const char *type, const struct deployment *deployment);
void event_autoscale_decision(struct controller *c, const char *app_id, const json_t *decision);
/* Of a run, or of a due time without one: STATUS is SKIPPED then. */
void event_job_run(struct controller *c, const char *job_id, const char *status,
		   const json_t *details);
void event_app_terminated(struct controller *c, const char *app_id);
/* One for each. */
void event_health_checks_added(struct controller *c, const struct app *app);
void event_health_check_removed(struct controller *c, const char *app_id);
void event_group_failed(struct controller *c, const char *group_id, const char *version,
			const char *reason);
void event_group_changed(struct controller *c, const char *group_id, const char *version);
void event_api_post(struct controller *c, const char *peer, const char *uri,
		    const struct app *app);
/* TYPE: pod_created_event, pod_updated_event, pod_deleted_event. */
void event_pod(struct controller *c, const char *type, const char *peer, const char *uri);
void event_registered(struct controller *c, const char *master);
void event_reregistered(struct controller *c, const char *master);
void event_disconnected(struct controller *c);
/* Only one that is text. */
void event_framework_message(struct controller *c, const Mesos__V1__Scheduler__Event__Message *message);
/* TYPE: subscribe_event, unsubscribe_event.  The event, a new reference; NULL: out of memory. */
json_t *event_subscription(struct controller *c, const char *type, const char *peer,
			   const char *url);
/* Readers of the event stream. */
void event_stream_attached(struct controller *c, const char *peer);
void event_stream_detached(struct controller *c, const char *peer);

#endif
