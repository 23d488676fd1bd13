/* The /v2 REST surface: what its handlers share.  Private to this folder. */
#ifndef MASTER_STUB_MARATHON_REST_API_H
#define MASTER_STUB_MARATHON_REST_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "master_stub/marathon/controller.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/changes.h"
#include "net/http_server.h"

enum { API_ID_SIZE = 256, API_PEER_SIZE = 64 };

struct marathon_api {
	struct controller *controller;
	struct marathon_api_io io;
	struct event_streams *streams;
	int64_t started_ms, started_wall_ms;
	char leader[300];	/* "host:port" */
};

struct marathon_api *api_of(const struct http_request *req);

/* Each answers and consumes REQ; with the headers that every answer has. */
int marathon_reply(struct http_request *req, int status, json_t *body_take);
int marathon_refuse(struct http_request *req, struct refusal *refusal);
/*
 * Apply SET.  With ?dryRun=true nothing is done: REQ is answered with what would be.  Below 0: refused;
 * API_ANSWERED: it was a dry run.
 */
enum { API_ANSWERED = 1 };
int api_apply(struct http_request *req, struct change_set *set, struct change_result *ret,
	      struct refusal *refusal);
/* 409 when there is an app or a pod ID. */
int api_refuse_taken(const struct http_request *req, const char *id, struct refusal *refusal);
/* {"version", "deploymentId"}, and that something has changed. */
int api_reply_deployment(struct http_request *req, int status, const struct change_result *result);
struct entry;
int api_reply_app(struct http_request *req, const struct entry *entry);
/* The app of the path; NULL: there is none, as REFUSAL says. */
struct entry *api_find_app(const struct http_request *req, struct refusal *refusal);
/* What api_apply() came to: the refusal, such a body, or nothing more. */
int api_reply_change(struct http_request *req, int r, const struct change_result *result,
		     struct refusal *refusal);
void api_set_headers(struct http_request *req);
void api_changed(struct http_request *req);

/* The body as JSON; 400 in REFUSAL.  An empty body is NULL in *RET when OPTIONAL. */
int api_read_json(const struct http_request *req, json_t **ret, struct refusal *refusal);

/* The first path argument as an absolute id: the root without one. */
void api_path_id(const struct http_request *req, char ret_id[API_ID_SIZE]);

/* The client's address without its port; "unix:UID" as it is. */
void api_client_ip(const struct http_request *req, char ret_ip[API_PEER_SIZE]);

/* Handlers that api.c's table names. */
route_fn api_list_apps, api_create_app, api_put_apps, api_patch_apps;
route_fn api_get_app, api_put_app, api_patch_app, api_delete_app, api_restart_app;
route_fn api_list_versions, api_get_effective, api_get_version, api_get_autoscale;
route_fn api_list_app_tasks, api_kill_app_tasks, api_kill_app_task;
route_fn api_list_pods, api_create_pod, api_get_pod, api_put_pod, api_delete_pod;
route_fn api_list_tasks, api_delete_tasks;
route_fn api_list_deployments, api_get_deployment, api_cancel_deployment;
route_fn api_promote_deployment, api_pause_deployment, api_resume_deployment;
route_fn api_abort_deployment, api_weigh_deployment;
route_fn api_get_queue, api_reset_delay;
route_fn api_abdicate, api_use_plugin, api_help;
route_fn api_events, api_list_subscriptions, api_subscribe, api_unsubscribe;
route_fn api_get_info, api_get_leader, api_ping, api_get_plugins;
route_fn api_get_group, api_list_group_apps, api_list_group_versions, api_get_group_version;
route_fn api_create_group, api_put_group, api_patch_group, api_delete_group;
route_fn api_list_jobs, api_create_job, api_get_job, api_put_job, api_delete_job;
route_fn api_create_scheduled_job, api_put_scheduled_job;
route_fn api_list_schedules, api_create_schedule, api_get_schedule, api_put_schedule;
route_fn api_delete_schedule;
route_fn api_list_runs, api_start_run, api_get_run, api_stop_run, api_get_run_queue;
route_fn api_get_metronome, api_get_metronome_metrics;

/* events' streams, api_events.c */
int event_streams_new(struct controller *controller, struct event_streams **ret);
void event_streams_free(struct event_streams *streams);
void event_streams_send(struct event_streams *streams, const char *type, const json_t *event);
size_t event_streams_count(const struct event_streams *streams);
void event_streams_keepalive(struct event_streams *streams);

/* The embed parameters of the request (views.h). */
unsigned api_embeds(const struct http_request *req);
/* With what is embedded into groups: without any parameter apps, pods and groups are. */
unsigned api_group_embeds(const struct http_request *req);
/* Apps that the request's cmd, id and label select; 422 in REFUSAL. */
struct app_filter;
int app_filter_new(const struct http_request *req, struct app_filter **ret,
		   struct refusal *refusal);
void app_filter_free(struct app_filter *filter);
struct app;
bool app_filter_matches(const struct app_filter *filter, const struct app *app);

#endif
