#include "master_stub/marathon/records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/event/subscriptions.h"
#include "master_stub/marathon/instance/health_results.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/state.h"
#include "proto/tepui.pb-c.h"

static const char kind_app[] = "marathon-app";
static const char kind_version[] = "marathon-version";
static const char kind_instance[] = "marathon-instance";
static const char kind_deployment[] = "marathon-deployment";
static const char kind_ended[] = "marathon-ended";
static const char kind_framework[] = "marathon-framework";
static const char kind_node[] = "marathon-node";
static const char kind_subscription[] = "marathon-subscription";

enum { VERSION_KEY_SIZE = 256 };

/* ---- Writing ---- */

/* The buffer is the store's copy: nothing of ours is kept. */
int records_put(struct controller *c, const char *kind, const char *key,
		const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	AUTO_FREE uint8_t *data = malloc(size + 1);
	struct err e = { 0 };

	if (!data)
		return -ENOMEM;
	(void)protobuf_c_message_pack(message, data);
	return store_put(c->store, kind, key, data, size, &e);
}

void records_delete(struct controller *c, const char *kind, const char *key)
{
	struct err e = { 0 };

	if (store_delete(c->store, kind, key, &e) < 0)
		c->is_out_of_memory = true;
}

static void set_backoff(const struct controller *c, const struct entry *entry,
			Tepui__AppRecord *record)
{
	int64_t offset = controller_wall_ms(c) - c->now_ms;

	if (entry->backoff.failures == 0)
		return;
	record->has_failed_starts = true;
	record->failed_starts = entry->backoff.failures;
	record->has_backoff_delay_ms = true;
	record->backoff_delay_ms = (int64_t)entry->backoff.delay_ms;
	record->has_backoff_reference_wall_ms = true;
	record->backoff_reference_wall_ms = entry->backoff.reference_ms + offset;
	record->has_backoff_deadline_wall_ms = true;
	record->backoff_deadline_wall_ms = backoff_deadline(&entry->backoff) + offset;
}

static void set_faults(const struct controller *c, const struct entry *entry,
		       Tepui__NodeFaultRecord faults[NODE_FAULTS_KEPT],
		       Tepui__NodeFaultRecord *list[NODE_FAULTS_KEPT], Tepui__AppRecord *record)
{
	int64_t offset = controller_wall_ms(c) - c->now_ms;

	for (unsigned i = 0; i < entry->faults.n; i++) {
		const struct node_fault *fault = &entry->faults.list[i];

		tepui__node_fault_record__init(&faults[i]);
		faults[i].agent_id = fault->agent_id;
		faults[i].host = fault->host;
		faults[i].failures = fault->failures;
		faults[i].last_wall_ms = fault->last_ms + offset;
		list[i] = &faults[i];
	}
	record->n_node_faults = entry->faults.n;
	record->node_faults = list;
}

int records_put_app(struct controller *c, const struct entry *entry)
{
	Tepui__AppRecord record = TEPUI__APP_RECORD__INIT;
	Tepui__NodeFaultRecord faults[NODE_FAULTS_KEPT], *list[NODE_FAULTS_KEPT];
	AUTO_FREE char *failure = NULL, *end = NULL;

	if (entry->last_failure) {
		failure = json_dumps(entry->last_failure, JSON_COMPACT);
		if (!failure)
			return -ENOMEM;
		record.has_last_task_failure = true;
		record.last_task_failure = record_bytes(failure);
	}
	if (entry->last_end != entry->last_failure) {
		end = json_dumps(entry->last_end, JSON_COMPACT);
		if (!end)
			return -ENOMEM;
		record.has_last_end = true;
		record.last_end = record_bytes(end);
	}
	record.app_id = record_text(entry->id);
	record.version = record_text(entry->target->version);
	record.last_scaling_at = record_text(entry->target->last_scaling_at);
	record.last_config_change_at = record_text(entry->target->last_config_change_at);
	record.has_is_deleting = entry->is_deleting;
	record.is_deleting = entry->is_deleting;
	set_backoff(c, entry, &record);
	set_faults(c, entry, faults, list, &record);
	return records_put(c, kind_app, entry->id, &record.base);
}

static void version_key(const struct app *app, char ret[VERSION_KEY_SIZE])
{
	(void)snprintf(ret, VERSION_KEY_SIZE, "%s %s", app->id, app->version);
}

int records_put_version(struct controller *c, const struct app *app)
{
	Tepui__AppVersionRecord record = TEPUI__APP_VERSION_RECORD__INIT;
	json_t *json = app_to_json(app);
	AUTO_FREE char *definition = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char key[VERSION_KEY_SIZE];

	json_decref(json);
	if (!definition)
		return -ENOMEM;
	version_key(app, key);
	record.app_id = record_text(app->id);
	record.version = record_text(app->version);
	record.definition = record_bytes(definition);
	return records_put(c, kind_version, key, &record.base);
}

/* A task without checks takes a place as well. */
static size_t count_health_records(const struct instance_task *task)
{
	size_t n = json_array_size(instance_task_spec(task)->health_checks);

	return n > 0 ? n : 1;
}

/* Nodes tell of it when it changes: what was told last holds until then. */
static void fill_health_record(const struct health_result *result, Tepui__TaskHealthRecord *ret)
{
	ret->has_healthy = result->is_known;
	ret->healthy = result->is_healthy;
	ret->has_first_success_wall_ms = result->first_success_wall_ms != 0;
	ret->first_success_wall_ms = result->first_success_wall_ms;
	ret->has_last_success_wall_ms = result->last_success_wall_ms != 0;
	ret->last_success_wall_ms = result->last_success_wall_ms;
	ret->has_last_failure_wall_ms = result->last_failure_wall_ms != 0;
	ret->last_failure_wall_ms = result->last_failure_wall_ms;
}

struct health_records {
	size_t n;			/* 0: nothing is told of any task */
	Tepui__TaskHealthRecord *items, **list;
};

static int make_health_records(const struct instance *instance, struct health_records *ret)
{
	size_t n = 0, first = 0;
	bool is_told = false;

	*ret = (struct health_records){ 0 };
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		n += count_health_records(&instance->tasks[i]);
		is_told |= instance->tasks[i].n_results > 0;
	}
	if (!is_told)
		return 0;
	ret->items = calloc(n, sizeof(*ret->items));
	ret->list = calloc(n, sizeof(*ret->list));
	if (!ret->items || !ret->list)
		return -ENOMEM;
	for (; ret->n < n; ret->n++) {
		tepui__task_health_record__init(&ret->items[ret->n]);
		ret->list[ret->n] = &ret->items[ret->n];
	}
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		const struct instance_task *task = &instance->tasks[i];

		for (unsigned k = 0; k < task->n_results; k++)
			fill_health_record(&task->results[k], &ret->items[first + k]);
		first += count_health_records(task);
	}
	return 0;
}

static void health_records_done(struct health_records *records)
{
	free(records->items);
	free(records->list);
}

int records_put_instance(struct controller *c, const struct instance *instance)
{
	Tepui__InstanceRecord record = TEPUI__INSTANCE_RECORD__INIT;
	AUTO_FREE uint32_t *ports = calloc(instance->n_ports + 1, sizeof(*ports));
	AUTO_FREE char **ids = calloc(instance->n_tasks, sizeof(*ids));
	AUTO_FREE Mesos__V1__TaskState *task_states =
		calloc(instance->n_tasks, sizeof(*task_states));
	AUTO(health_records_done) struct health_records health;

	if (make_health_records(instance, &health) < 0 || !ports || !ids || !task_states)
		return -ENOMEM;
	for (unsigned i = 0; i < instance->n_tasks; i++) {
		ids[i] = instance->tasks[i].id;
		task_states[i] = instance->tasks[i].state;
	}
	for (unsigned i = 0; i < instance->n_ports; i++)
		ports[i] = instance->ports[i];
	record.instance_id = instance->id;
	record.app_id = record_text(instance->entry->id);
	record.version = record_text(instance->spec->version);
	record.n_task_ids = instance->n_tasks;
	record.task_ids = ids;
	record.agent_id = instance->agent_id;
	record.host = instance->host;
	record.n_ports = instance->n_ports;
	record.ports = ports;
	/* No states: nothing was heard of it yet. */
	record.n_task_states = instance->is_provisioned ? 0 : instance->n_tasks;
	record.task_states = task_states;
	record.n_task_health = health.n;
	record.task_health = health.list;
	record.has_staged_wall_ms = true;
	record.staged_wall_ms = instance->staged_wall_ms;
	record.has_started_wall_ms = instance->started_wall_ms != 0;
	record.started_wall_ms = instance->started_wall_ms;
	record.has_is_doomed = instance->is_doomed;
	record.is_doomed = instance->is_doomed;
	record.doom_reason = instance->doom_reason;
	record.has_is_broken = instance->is_broken;
	record.is_broken = instance->is_broken;
	record.has_is_leaving = instance->is_leaving;
	record.is_leaving = instance->is_leaving;
	record.has_unreachable_wall_ms = instance->unreachable_wall_ms != 0;
	record.unreachable_wall_ms = instance->unreachable_wall_ms;
	record.has_incarnation = true;
	record.incarnation = instance->residence ? instance->residence->incarnation : 1;
	return records_put(c, kind_instance, instance->id, &record.base);
}

int records_put_deployment(struct controller *c, const struct deployment *deployment)
{
	Tepui__DeploymentRecord record = TEPUI__DEPLOYMENT_RECORD__INIT;
	json_t *json = deployment_to_plan(deployment);
	AUTO_FREE char *plan = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!plan)
		return -ENOMEM;
	record.deployment_id = record_text(deployment->id);
	record.version = record_text(deployment->version);
	record.plan = record_bytes(plan);
	record.has_current_step = true;
	record.current_step = deployment->current;
	record.has_started_wall_ms = true;
	record.started_wall_ms = deployment->started_wall_ms;
	return records_put(c, kind_deployment, deployment->id, &record.base);
}

int records_put_ended(struct controller *c, const json_t *ended)
{
	Tepui__EndedDeploymentRecord record = TEPUI__ENDED_DEPLOYMENT_RECORD__INIT;
	AUTO_FREE char *view = json_dumps(ended, JSON_COMPACT);

	if (!view)
		return -ENOMEM;
	record.view = record_bytes(view);
	return records_put(c, kind_ended, json_string_value(json_object_get(ended, "id")), &record.base);
}

int records_put_framework(struct controller *c)
{
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

	id.value = c->framework_id;
	return records_put(c, kind_framework, "id", &id.base);
}

int records_put_node(struct controller *c, const struct node *node)
{
	return records_put(c, kind_node, node->id, &node->info->base);
}

int records_put_subscription(struct controller *c, const char *url)
{
	Tepui__SubscriptionRecord record = TEPUI__SUBSCRIPTION_RECORD__INIT;

	record.callback_url = record_text(url);
	return records_put(c, kind_subscription, url, &record.base);
}

void records_delete_subscription(struct controller *c, const char *url)
{
	records_delete(c, kind_subscription, url);
}

void records_delete_app(struct controller *c, const struct entry *entry)
{
	records_delete(c, kind_app, entry->id);
}

void records_delete_version(struct controller *c, const struct app *app)
{
	char key[VERSION_KEY_SIZE];

	version_key(app, key);
	records_delete(c, kind_version, key);
}

void records_delete_instance(struct controller *c, const struct instance *instance)
{
	records_delete(c, kind_instance, instance->id);
}

void records_delete_deployment(struct controller *c, const struct deployment *deployment)
{
	records_delete(c, kind_deployment, deployment->id);
}

void records_delete_ended(struct controller *c, const json_t *ended)
{
	records_delete(c, kind_ended, json_string_value(json_object_get(ended, "id")));
}

void records_delete_node(struct controller *c, const struct node *node)
{
	records_delete(c, kind_node, node->id);
}

/* ---- Reading ---- */

/* What the visitors of store_each() are given. */
struct load {
	struct controller *c;
	int64_t wall_ms;
};

static json_t *load_json(ProtobufCBinaryData data)
{
	return json_loadb((const char *)data.data, data.len, 0, NULL);
}

static int load_version_json(struct load *load, const Tepui__AppVersionRecord *record)
{
	struct controller *c = load->c;
	struct refusal refusal = { 0 };
	struct entry *entry = entry_find(c, record->app_id);
	struct app *app = NULL;
	json_t *json;
	int r;

	json = load_json(record->definition);
	r = app_from_stored(json, &app, &refusal);
	json_decref(json);
	if (r < 0)
		controller_explain(c, "leave out version %s of app '%s': its record is not valid",
				   record->version, record->app_id);
	refusal_done(&refusal);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!entry)
		r = entry_new(c, &app_kind, record->app_id, &entry);
	if (r == 0)
		r = entry_add_version(entry, app);
	app_unref(app);
	return r;
}

/* Versions come before apps: an app without its definition is nothing that could be run. */
static int load_version(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	Tepui__AppVersionRecord *record =
		tepui__app_version_record__unpack(NULL, size, data);
	int r = 0;

	if (record)
		r = load_version_json(arg, record);
	tepui__app_version_record__free_unpacked(record, NULL);
	return r < 0 ? err_set(e, -r, "load '%s'", key) : 0;
}

static void load_backoff(const struct load *load, const Tepui__AppRecord *record,
			 struct entry *entry)
{
	int64_t age = load->wall_ms - record->backoff_reference_wall_ms;

	if (!record->has_backoff_delay_ms || !record->has_backoff_reference_wall_ms)
		return;
	/* The wall clock may have been set meanwhile: no delay becomes longer by that. */
	age = age < 0 ? 0 : age;
	entry->backoff.failures = record->has_failed_starts ? record->failed_starts : 1;
	entry->backoff.delay_ms = (double)record->backoff_delay_ms;
	entry->backoff.reference_ms = load->c->now_ms - age;
}

static void load_faults(const struct load *load, const Tepui__AppRecord *record,
			struct entry *entry)
{
	for (size_t i = 0; i < record->n_node_faults; i++) {
		const Tepui__NodeFaultRecord *fault = record->node_faults[i];
		int64_t age = load->wall_ms - fault->last_wall_ms;

		if (node_faults_set(&entry->faults, fault->agent_id, fault->host, fault->failures,
				    load->c->now_ms - (age < 0 ? 0 : age)) < 0)
			load->c->is_out_of_memory = true;
	}
}

static void load_ends(const Tepui__AppRecord *record, struct entry *entry)
{
	if (record->has_last_task_failure)
		entry->last_failure = load_json(record->last_task_failure);
	entry->last_end = record->has_last_end ? load_json(record->last_end)
					       : json_incref(entry->last_failure);
}

static int load_app(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct load *load = arg;
	Tepui__AppRecord *record = tepui__app_record__unpack(NULL, size, data);
	struct entry *entry = record ? entry_find(load->c, record->app_id) : NULL;
	struct app *target = entry ? entry_version(entry, record->version) : NULL;

	(void)e;
	if (!target && entry && !TAILQ_EMPTY(&entry->versions))
		target = TAILQ_FIRST(&entry->versions)->app;
	if (target) {
		entry->target = app_ref(target);
		entry->is_deleting = record->is_deleting;
		load_backoff(load, record, entry);
		load_faults(load, record, entry);
		load_ends(record, entry);
	} else {
		controller_explain(load->c, "leave out app '%s': its definition is lost", key);
	}
	tepui__app_record__free_unpacked(record, NULL);
	return 0;
}

static int fill_health(const Tepui__TaskHealthRecord *record, unsigned index,
		       struct instance_task *task)
{
	struct health_result *result;

	if (!record->has_healthy)
		return 0;
	if (health_results_new(task) < 0)
		return -ENOMEM;
	if (index >= task->n_results)
		return 0;
	result = &task->results[index];
	result->is_known = true;
	result->is_healthy = record->healthy;
	result->first_success_wall_ms = record->first_success_wall_ms;
	result->last_success_wall_ms = record->last_success_wall_ms;
	result->last_failure_wall_ms = record->last_failure_wall_ms;
	return 0;
}

static int fill_tasks(struct load *load, const Tepui__InstanceRecord *record,
		      struct instance *instance)
{
	size_t first = 0;
	int r = 0;

	for (unsigned i = 0; i < instance->n_tasks && r == 0; i++) {
		struct instance_task *task = &instance->tasks[i];
		size_t n = count_health_records(task);

		if (i < record->n_task_states)
			task->state = record->task_states[i];
		for (size_t k = 0; k < n && first + k < record->n_task_health && r == 0; k++)
			r = fill_health(record->task_health[first + k], (unsigned)k, task);
		first += n;
		if (r == 0)
			r = instance_task_set_id(load->c, task, record->task_ids[i]);
	}
	instance_sum_up(instance);
	return r;
}

static int fill_instance(struct load *load, const Tepui__InstanceRecord *record,
			 struct instance *instance)
{
	instance->ports = calloc(record->n_ports + 1, sizeof(*instance->ports));
	if (!instance->ports || instance_set_place(instance, record->agent_id, record->host) < 0 ||
	    instance_set_text(&instance->doom_reason, record->doom_reason) < 0)
		return -ENOMEM;
	instance->n_ports = (unsigned)record->n_ports;
	for (unsigned i = 0; i < record->n_ports; i++)
		instance->ports[i] = (uint16_t)record->ports[i];
	instance->is_provisioned = record->n_task_states == 0;
	instance->staged_wall_ms = record->staged_wall_ms;
	instance->started_wall_ms = record->started_wall_ms;
	instance->launched_ms = load->c->now_ms;
	instance->is_doomed = record->is_doomed;
	instance->is_broken = record->is_broken;
	instance->is_leaving = record->is_leaving;
	instance->unreachable_wall_ms = record->unreachable_wall_ms;
	instance->unreachable_ms = load->c->now_ms;
	if (load->wall_ms > record->unreachable_wall_ms)
		instance->unreachable_ms -= load->wall_ms - record->unreachable_wall_ms;
	return 0;
}

static int load_instance(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct load *load = arg;
	Tepui__InstanceRecord *record = tepui__instance_record__unpack(NULL, size, data);
	struct entry *entry = record ? entry_find(load->c, record->app_id) : NULL;
	struct app *spec = entry ? entry_version(entry, record->version) : NULL;
	struct instance *instance;
	int r = 0;

	/* Without the app its task is unknown to us, and is killed when the agents tell of it. */
	if (!spec && entry)
		spec = entry->target;
	if (spec && record->n_task_ids == app_n_tasks(spec) && record->agent_id && record->host) {
		r = instance_new(load->c, entry, spec, record->instance_id,
				 (unsigned)record->n_task_ids, &instance);
		if (r == 0)
			r = fill_tasks(load, record, instance);
		if (r == 0)
			r = fill_instance(load, record, instance);
	}
	tepui__instance_record__free_unpacked(record, NULL);
	return r < 0 ? err_set(e, -r, "load instance '%s'", key) : 0;
}

/* What cannot be read is left out: its apps are then kept at their targets. */
static int load_deployment(void *arg, const char *key, const void *data, size_t size,
			   struct err *e)
{
	struct load *load = arg;
	Tepui__DeploymentRecord *record = tepui__deployment_record__unpack(NULL, size, data);
	struct deployment *deployment;
	json_t *plan = NULL;
	int r = 0;

	if (record)
		plan = load_json(record->plan);
	if (plan) {
		r = deployment_from_plan(plan, &deployment);
		if (r == 0) {
			(void)snprintf(deployment->id, sizeof(deployment->id), "%s",
				       record->deployment_id);
			(void)snprintf(deployment->version, sizeof(deployment->version), "%s",
				       record->version);
			deployment->current = record->current_step;
			deployment->started_wall_ms = record->started_wall_ms;
			deployment_attach(load->c, deployment);
		}
	}
	json_decref(plan);
	tepui__deployment_record__free_unpacked(record, NULL);
	if (r == -EINVAL)
		controller_explain(load->c, "leave out deployment '%s': its plan is not valid",
				   key);
	return r == -ENOMEM ? err_set(e, ENOMEM, "load deployment '%s'", key) : 0;
}

static int load_ended(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct load *load = arg;
	Tepui__EndedDeploymentRecord *record =
		tepui__ended_deployment_record__unpack(NULL, size, data);
	int r = record ? deployment_remember(load->c, load_json(record->view)) : -EINVAL;

	tepui__ended_deployment_record__free_unpacked(record, NULL);
	if (r == -EINVAL)
		controller_explain(load->c, "leave out how deployment '%s' ended: its record is not "
				   "valid", key);
	return r == -ENOMEM ? err_set(e, ENOMEM, "load the end of deployment '%s'", key) : 0;
}

static int load_framework(void *arg, const char *key, const void *data, size_t size,
			  struct err *e)
{
	struct load *load = arg;
	Mesos__V1__FrameworkID *id = mesos__v1__framework_id__unpack(NULL, size, data);
	int r = id ? instance_set_text(&load->c->framework_id, id->value) : 0;

	mesos__v1__framework_id__free_unpacked(id, NULL);
	return r < 0 ? err_set(e, ENOMEM, "load '%s'", key) : 0;
}

static int load_node(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct load *load = arg;
	Mesos__V1__AgentInfo *info = mesos__v1__agent_info__unpack(NULL, size, data);

	if (!info)
		return 0;
	if (nodes_add(load->c, key, info) < 0)
		return err_set(e, ENOMEM, "load agent '%s'", key);
	node_find(load->c, key)->is_stored = true;
	return 0;
}

/* An app whose record is lost has nothing to be run by. */
static void drop_entries_without_target(struct controller *c)
{
	struct entry *entry, *next;

	HASH_ITER(by_id, c->entries, entry, next) {
		if (!entry->target)
			entry_free(c, entry);
	}
}

static int load_subscription(void *arg, const char *key, const void *data, size_t size,
			     struct err *e)
{
	struct load *load = arg;
	Tepui__SubscriptionRecord *record = tepui__subscription_record__unpack(NULL, size, data);
	int r = record ? subscriptions_load(load->c, record->callback_url) : 0;

	tepui__subscription_record__free_unpacked(record, NULL);
	return r == -ENOMEM ? err_set(e, ENOMEM, "load '%s'", key) : 0;
}

int records_load(struct controller *c, long long now_ms, struct err *e)
{
	static const struct {
		const char *kind;
		store_record_fn *load;
	} order[] = {
		{ kind_framework, load_framework },   { kind_node, load_node },
		{ kind_subscription, load_subscription },
		{ kind_version, load_version },	      { kind_app, load_app },
		{ kind_instance, load_instance },     { kind_deployment, load_deployment },
		{ kind_ended, load_ended },
	};
	struct load load = { .c = c, .wall_ms = controller_wall_ms(c) };

	c->now_ms = now_ms;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int r = store_each(c->store, order[i].kind, order[i].load, &load, e);

		if (r < 0)
			return r;
		if (order[i].load != load_app)
			continue;
		/* What only changes still know of is held by them. */
		r = group_records_load(c, e);
		if (r < 0)
			return r;
		drop_entries_without_target(c);
		/* Like apps before their instances. */
		r = job_records_load(c, e);
		if (r == 0)
			r = residence_records_load(c, e);
		if (r < 0)
			return r;
	}
	return 0;
}
