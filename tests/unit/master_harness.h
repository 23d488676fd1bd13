/* A master core in a test: agents and frameworks driven by hand, what they are told kept in lists.
 */
#ifndef TESTS_UNIT_MASTER_HARNESS_H
#define TESTS_UNIT_MASTER_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/pb_json.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/listing.h"
#include "master_stub/master.h"
#include "master_stub/scheduler.h"
#include "proto/tepui.pb-c.h"

enum { MAX_KEPT = 512 };

struct fake_agent {
	char id[256];
	Tepui__AgentEvent *events[MAX_KEPT];
	size_t n_events;
	size_t queued;			/* bytes that it does not read */
	bool is_closed;
};

struct fake_framework {
	struct cluster *cluster;
	struct scheduler *scheduler;
	char id[256];
	Mesos__V1__Scheduler__Event *events[MAX_KEPT];
	size_t n_events;
	/* Called for every event, if set. */
	void (*on_event)(struct fake_framework *framework,
			 const Mesos__V1__Scheduler__Event *event);
};

struct cluster {
	struct master *master;
	struct store *store;
	struct rng rng;
	struct master_options options;
	int64_t now_ms, wall_ms;
	char explained[4096];		/* the last sentence */
	char explained_all[16384];	/* all of them, as far as there is room */
};

static void harness_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	struct fake_agent *agent = stream;

	(void)arg;
	assert_true(agent->n_events < MAX_KEPT);
	assert_false(agent->is_closed);
	agent->events[agent->n_events++] = (Tepui__AgentEvent *)pb_copy(&event->base);
}

static size_t harness_agent_queued(void *arg, void *stream)
{
	const struct fake_agent *agent = stream;

	(void)arg;
	return agent->queued;
}

static void harness_agent_close(void *arg, void *stream)
{
	struct fake_agent *agent = stream;

	(void)arg;
	agent->is_closed = true;
}

static void harness_explain(void *arg, const char *sentence)
{
	struct cluster *cluster = arg;

	size_t used = strlen(cluster->explained_all);

	snprintf(cluster->explained, sizeof(cluster->explained), "%s", sentence);
	snprintf(cluster->explained_all + used, sizeof(cluster->explained_all) - used, "%s\n",
		 sentence);
}

static int64_t harness_wall_ms(void *arg)
{
	const struct cluster *cluster = arg;

	return cluster->wall_ms;
}

static inline void cluster_start(struct cluster *cluster)
{
	struct master_io io = {
		.agent_event = harness_agent_event, .agent_queued = harness_agent_queued,
		.agent_close = harness_agent_close,
		.explain = harness_explain, .wall_ms = harness_wall_ms, .arg = cluster,
	};
	struct err e = { 0 };

	assert_int_equal(master_new(&cluster->options, &io, cluster->store, &cluster->rng,
				    cluster->now_ms, &cluster->master, &e), 0);
	assert_int_equal(store_commit(cluster->store, &e), 0);
}

static inline struct cluster *cluster_new(void)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	struct err e = { 0 };

	assert_non_null(cluster);
	cluster->options = master_default_options;
	cluster->now_ms = 1000000;
	cluster->wall_ms = 1600000000000;
	rng_seed(&cluster->rng, 42);
	assert_int_equal(store_open_memory(&cluster->store, &e), 0);
	cluster_start(cluster);
	return cluster;
}

/* The process ends and starts again with what was committed. */
static inline void cluster_restart(struct cluster *cluster)
{
	struct err e = { 0 };

	assert_int_equal(store_commit(cluster->store, &e), 0);
	master_free(cluster->master);
	cluster_start(cluster);
}

static inline void cluster_free(struct cluster *cluster)
{
	master_free(cluster->master);
	store_close(cluster->store);
	free(cluster);
}

static inline void cluster_turn(struct cluster *cluster)
{
	struct err e = { 0 };

	master_turn(cluster->master, cluster->now_ms);
	assert_int_equal(store_commit(cluster->store, &e), 0);
}

static inline void cluster_wait(struct cluster *cluster, int64_t millis)
{
	cluster->now_ms += millis;
	cluster->wall_ms += millis;
	cluster_turn(cluster);
}

/* What TYPE lists, all at once; a new reference. */
static inline json_t *cluster_list(struct cluster *cluster, const struct listing_type *type,
				   const struct listing_query *query)
{
	struct listing *listing;
	struct err e = { 0 };
	json_t *json;

	assert_int_equal(listing_new(cluster->master, type, query, &listing, &e), 0);
	while (listing_step(listing))
		;
	json = json_loadb(listing_out(listing)->data, listing_out(listing)->size, 0, NULL);
	assert_non_null(json);
	listing_free(listing);
	return json;
}

/* Of a metric that there is. */
static inline double cluster_metric(const struct cluster *cluster, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline double cluster_metric(const struct cluster *cluster, const char *fmt, ...)
{
	json_t *all = master_metrics_json(cluster->master, cluster->now_ms);
	char name[512];
	double value;
	va_list ap;

	va_start(ap, fmt);
	assert_true((size_t)vsnprintf(name, sizeof(name), fmt, ap) < sizeof(name));
	va_end(ap);
	if (!json_is_number(json_object_get(all, name)))
		fail_msg("there is no '%s'", name);
	value = json_number_value(json_object_get(all, name));
	json_decref(all);
	return value;
}

/* ---- agents ---- */

static inline void agent_forget(struct fake_agent *agent)
{
	for (size_t i = 0; i < agent->n_events; i++)
		tepui__agent_event__free_unpacked(agent->events[i], NULL);
	agent->n_events = 0;
}

static inline const Tepui__AgentEvent *agent_find(const struct fake_agent *agent,
						  Tepui__AgentEvent__Type type)
{
	for (size_t i = agent->n_events; i > 0; i--) {
		if (agent->events[i - 1]->type == type)
			return agent->events[i - 1];
	}
	return NULL;
}

static inline size_t agent_count(const struct fake_agent *agent, Tepui__AgentEvent__Type type)
{
	size_t n = 0;

	for (size_t i = 0; i < agent->n_events; i++)
		n += agent->events[i]->type == type;
	return n;
}

/* Messages are written as JSON: shorter, and the converter is tested along. */
static inline ProtobufCMessage *message(const ProtobufCMessageDescriptor *descriptor,
					const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline ProtobufCMessage *message(const ProtobufCMessageDescriptor *descriptor,
					const char *fmt, ...)
{
	char text[16384];
	ProtobufCMessage *result = NULL;
	struct err e = { 0 };
	json_t *json;
	va_list ap;

	va_start(ap, fmt);
	assert_true((size_t)vsnprintf(text, sizeof(text), fmt, ap) < sizeof(text));
	va_end(ap);
	json = json_loads(text, 0, NULL);
	if (!json)
		fail_msg("not JSON: %s", text);
	if (pb_from_json(descriptor, json, &result, &e) < 0)
		fail_msg("%s: %s", e.msg, text);
	json_decref(json);
	return result;
}

#define RESOURCES_JSON                                                                             \
	"[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":%g}},"                      \
	"{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":%g}},"                        \
	"{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":%d,\"end\":%d}" \
	"]}}]"

struct subscribe {
	const char *id, *boot_id, *hostname, *tasks, *master_id, *degraded;
	const char *resources;		/* in the place of cpus and mem */
	const char *more;		/* members of the call's body, with a comma before each */
	int port;
	double cpus, mem;
	long long dialed_boot_ms;	/* 0: not told */
};

static inline int agent_try_subscribe(struct cluster *cluster, struct fake_agent *agent,
				      struct subscribe s, struct err *e)
{
	char id[300] = "", master_id[300] = "", degraded[300] = "", resources[512];
	char dialed[64] = "";
	Tepui__AgentCall *call;
	const Tepui__AgentEvent *event;
	int r;

	if (s.id)
		snprintf(id, sizeof(id), "\"id\":{\"value\":\"%s\"},", s.id);
	if (s.master_id)
		snprintf(master_id, sizeof(master_id), ",\"master_id\":\"%s\"", s.master_id);
	if (s.degraded)
		snprintf(degraded, sizeof(degraded), ",\"degraded\":\"%s\"", s.degraded);
	if (s.dialed_boot_ms)
		snprintf(dialed, sizeof(dialed), ",\"dialed_boot_ms\":%lld", s.dialed_boot_ms);
	snprintf(resources, sizeof(resources), RESOURCES_JSON, s.cpus ? s.cpus : 4,
		 s.mem ? s.mem : 1024, 31000, 31099);
	call = (Tepui__AgentCall *)message(
		&tepui__agent_call__descriptor,
		"{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"agent_info\":{%s\"hostname\":\"%s\","
		"\"port\":%d,\"resources\":%s,"
		"\"attributes\":[{\"name\":\"rack\",\"type\":\"TEXT\",\"text\":{\"value\":\"r1\"}}]"
		"},"
		"\"boot_id\":\"%s\",\"version\":\"0.1.0\"%s%s,\"tasks\":[%s]%s}%s}",
		id, s.hostname ? s.hostname : "node", s.port ? s.port : 5051,
		s.resources ? s.resources : resources, s.boot_id ? s.boot_id : "boot", master_id,
		dialed, s.tasks ? s.tasks : "", s.more ? s.more : "", degraded);
	agent->is_closed = false;
	r = master_agent_subscribe(cluster->master, call, agent, cluster->now_ms, e);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	event = agent_find(agent, TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED);
	if (r >= 0)
		snprintf(agent->id, sizeof(agent->id), "%s", event->subscribed->agent_id->value);
	return r;
}

static inline void agent_subscribe(struct cluster *cluster, struct fake_agent *agent,
				   struct subscribe s)
{
	struct err e = { 0 };

	if (agent_try_subscribe(cluster, agent, s, &e) < 0)
		fail_msg("%s", e.msg);
	cluster_turn(cluster);
}

/* MORE: members of the call after the others, with a comma before each. */
static inline int agent_heartbeat_with(struct cluster *cluster, const struct fake_agent *agent,
				       const char *more)
{
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"HEARTBEAT\",\"agent_id\":{\"value\":\"%s\"}%s}", agent->id, more);
	struct err e = { 0 };
	int r = master_agent_call(cluster->master, call, cluster->now_ms, &e);

	protobuf_c_message_free_unpacked(&call->base, NULL);
	return r;
}

static inline int agent_heartbeat(struct cluster *cluster, const struct fake_agent *agent)
{
	return agent_heartbeat_with(cluster, agent, "");
}

/* Base64 of sixteen equal bytes. */
#define UUID_A "QUFBQUFBQUFBQUFBQUFBQQ=="
#define UUID_B "QkJCQkJCQkJCQkJCQkJCQg=="

static inline void agent_update_by(struct cluster *cluster, const struct fake_agent *agent,
				   const char *source, const char *framework_id,
				   const char *task_id, const char *state, const char *uuid,
				   const char *latest)
{
	char latest_json[100] = "";
	Tepui__AgentCall *call;
	struct err e = { 0 };

	if (latest)
		snprintf(latest_json, sizeof(latest_json), ",\"latest_state\":\"%s\"", latest);
	call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"UPDATE\",\"agent_id\":{\"value\":\"%s\"},\"update\":{"
		"\"framework_id\":{\"value\":\"%s\"},\"status\":{\"task_id\":{\"value\":\"%s\"},"
		"\"state\":\"%s\",\"uuid\":\"%s\",\"agent_id\":{\"value\":\"%s\"},"
		"\"source\":\"%s\",\"healthy\":true}%s}}",
		agent->id, framework_id, task_id, state, uuid, agent->id, source, latest_json);
	assert_int_equal(master_agent_call(cluster->master, call, cluster->now_ms, &e), 0);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	cluster_turn(cluster);
}

static inline void agent_update(struct cluster *cluster, const struct fake_agent *agent,
				const char *framework_id, const char *task_id, const char *state,
				const char *uuid, const char *latest)
{
	agent_update_by(cluster, agent, "SOURCE_EXECUTOR", framework_id, task_id, state, uuid,
			latest);
}

/* ---- frameworks ---- */

static void harness_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct fake_framework *framework = arg;

	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR)
		framework->scheduler = NULL;
	assert_true(framework->n_events < MAX_KEPT);
	framework->events[framework->n_events++] =
		(Mesos__V1__Scheduler__Event *)pb_copy(&event->base);
	if (framework->on_event)
		framework->on_event(framework, event);
}

static inline void framework_forget(struct fake_framework *framework)
{
	for (size_t i = 0; i < framework->n_events; i++)
		mesos__v1__scheduler__event__free_unpacked(framework->events[i], NULL);
	framework->n_events = 0;
}

static inline const Mesos__V1__Scheduler__Event *
framework_last(const struct fake_framework *framework, Mesos__V1__Scheduler__Event__Type type)
{
	for (size_t i = framework->n_events; i > 0; i--) {
		if (framework->events[i - 1]->type == type)
			return framework->events[i - 1];
	}
	return NULL;
}

static inline size_t framework_count(const struct fake_framework *framework,
				     Mesos__V1__Scheduler__Event__Type type)
{
	size_t n = 0;

	for (size_t i = 0; i < framework->n_events; i++)
		n += framework->events[i]->type == type;
	return n;
}

static inline const Mesos__V1__Offer *framework_offer(const struct fake_framework *framework)
{
	const Mesos__V1__Scheduler__Event *event =
		framework_last(framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);

	return event ? event->offers->offers[0] : NULL;
}

static inline const Mesos__V1__TaskStatus *framework_status(const struct fake_framework *framework)
{
	const Mesos__V1__Scheduler__Event *event =
		framework_last(framework, MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE);

	return event ? event->update->status : NULL;
}

static inline int framework_try_subscribe(struct cluster *cluster, struct fake_framework *framework,
					  const char *info_json, struct err *e)
{
	Mesos__V1__Scheduler__Call__Subscribe *subscribe = (Mesos__V1__Scheduler__Call__Subscribe *)
		message(&mesos__v1__scheduler__call__subscribe__descriptor,
			"{\"framework_info\":%s}", info_json);
	int r;

	framework->cluster = cluster;
	r = scheduler_subscribe(cluster->master, subscribe, harness_event, framework, cluster->now_ms,
				&framework->scheduler, e);
	if (r == 0)
		snprintf(framework->id, sizeof(framework->id), "%s",
			 scheduler_framework_id(framework->scheduler));
	protobuf_c_message_free_unpacked(&subscribe->base, NULL);
	return r;
}

#define PARTITION_AWARE "\"capabilities\":[{\"type\":\"PARTITION_AWARE\"}]"
#define FRAMEWORK \
	"{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100," PARTITION_AWARE "}"

static inline void framework_subscribe(struct cluster *cluster, struct fake_framework *framework,
				       const char *info_json)
{
	struct err e = { 0 };

	if (framework_try_subscribe(cluster, framework, info_json, &e) < 0)
		fail_msg("%s", e.msg);
	cluster_turn(cluster);
}

static inline int framework_call(struct fake_framework *framework, struct err *e, const char *fmt,
				 ...) __attribute__((format(printf, 3, 4)));

/* FMT is what stands in the call beside the framework's id. */
static inline int framework_call(struct fake_framework *framework, struct err *e, const char *fmt,
				 ...)
{
	char text[12000];
	Mesos__V1__Scheduler__Call *call;
	struct err own = { 0 };
	va_list ap;
	int r;

	va_start(ap, fmt);
	assert_true((size_t)vsnprintf(text, sizeof(text), fmt, ap) < sizeof(text));
	va_end(ap);
	call = (Mesos__V1__Scheduler__Call *)message(&mesos__v1__scheduler__call__descriptor,
		"{\"framework_id\":{\"value\":\"%s\"},%s}", framework->id, text);
	r = scheduler_call(framework->scheduler, call, framework->cluster->now_ms, e ? e : &own);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	if (r < 0 && !e)
		fail_msg("%s", own.msg);
	return r;
}

#define TASK_JSON \
	"{\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"}," \
	"\"command\":{\"value\":\"true\"},\"resources\":" RESOURCES_JSON "}"

/* One task of so much on the framework's last offer. */
static inline void framework_launch(struct fake_framework *framework, const char *task_id,
				    double cpus, double mem, int port)
{
	const Mesos__V1__Offer *offer = framework_offer(framework);

	assert_non_null(offer);
	framework_call(framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":["
		       "{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[" TASK_JSON "]}}]}",
		       offer->id->value, task_id, offer->agent_id->value, cpus, mem, port, port);
	cluster_turn(framework->cluster);
}

static inline void framework_acknowledge(struct fake_framework *framework, const char *agent_id,
					 const char *task_id, const char *uuid)
{
	framework_call(framework, NULL,
		"\"type\":\"ACKNOWLEDGE\",\"acknowledge\":{\"agent_id\":{\"value\":\"%s\"},"
		"\"task_id\":{\"value\":\"%s\"},\"uuid\":\"%s\"}", agent_id, task_id, uuid);
	cluster_turn(framework->cluster);
}

static inline double scalar_of(Mesos__V1__Resource *const *resources, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(resources[i]->name, name) == 0)
			return resources[i]->scalar->value;
	}
	return 0;
}

#endif
