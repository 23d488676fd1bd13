/* What /v2 shows: JSON views of apps, tasks, deployments and the queue.  All new references. */
#ifndef MASTER_STUB_MARATHON_VIEW_VIEWS_H
#define MASTER_STUB_MARATHON_VIEW_VIEWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct app;
struct controller;
struct entry;
struct instance;
struct instance_task;
struct json_source;

enum embed {
	EMBED_COUNTS = 1,
	EMBED_DEPLOYMENTS = 2,
	EMBED_TASKS = 4,
	EMBED_FAILURE = 8,
	EMBED_STATS = 16,
	EMBED_READINESS = 32,
	EMBED_LEGACY = 256,	/* what 1.4 showed, too */
	/* Into groups: */
	EMBED_APPS = 64,
	EMBED_GROUPS = 128,
	EMBED_PODS = 512,
};

json_t *app_view(const struct controller *c, const struct entry *entry, unsigned embeds);
json_t *app_deployments_view(const struct entry *entry);

/* The definition as clients see it: an app's, or a pod's, which has no versionInfo. */
json_t *spec_view(const struct app *spec);

/* The pod's status, with all of its instances; one of them; and what is answered when one is killed. */
json_t *pod_status_view(const struct controller *c, const struct entry *entry);
json_t *pod_instance_status_view(const struct instance *instance);
json_t *pod_instance_view(const struct instance *instance);

json_t *task_view(const struct controller *c, const struct instance *instance);
json_t *tasks_view(const struct controller *c, const struct entry *entry);
json_t *task_ports_view(const struct instance_task *task);
json_t *instance_volumes_view(const struct instance *instance);
/* Where it is, by network: [{"name", "addresses"}]; and all of those: [{"ipAddress", "protocol"}]. */
json_t *instance_networks_view(const struct instance *instance);
json_t *instance_addresses_view(const struct instance *instance);

/* The service ports of APP that others have, too: [{"port", "app"}]; NULL: none. */
json_t *app_port_conflicts_view(const struct controller *c, const struct app *app);
/* The newest offers that did not do; and each node that has offered, with what it lacks. */
enum { QUEUE_EMBED_OFFERS = 1, QUEUE_EMBED_NODES = 2 };
json_t *queue_view(const struct controller *c, unsigned embeds);
json_t *deployments_view(const struct controller *c);
json_t *info_view(const struct controller *c);
/*
 * The group ID with what is below it, now or when VERSION was made, an app at a time.  -ENOENT: there is
 * none; -ENOMEM.
 */
int group_source(const struct controller *c, const char *id, unsigned embeds,
		 struct json_source *ret);
int group_version_source(const struct controller *c, const char *id, const char *version,
			 unsigned embeds, struct json_source *ret);
/* The versions of everything at which the group was there, newest first; NULL when it is not. */
json_t *group_versions_view(const struct controller *c, const char *id);

/* "a_b.instance-<uuid>._app.1" as app "/a/b" and instance "a_b.instance-<uuid>". */
void task_id_split(const char *task_id, char *ret_app, size_t app_size, char *ret_instance,
		   size_t instance_size);

#endif
