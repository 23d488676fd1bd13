/* A controller with a master of paper: offers, updates and time are driven by the test. */
#ifndef TESTS_UNIT_CONTROLLER_WORLD_H
#define TESTS_UNIT_CONTROLLER_WORLD_H

#include <errno.h>
#include <math.h>
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
#include "lib/json_source.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/changes.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

enum { MAX_TASKS = 4096, MAX_FETCHES = 256, WALL_AT_START = 1600000000 };

/* What the paper master was asked to launch; a task of a group with the executor of that. */
struct paper_task {
	Mesos__V1__TaskInfo *info;
	bool is_killed, is_over, is_healthy;
	int weight;		/* told with it or by a call since; 1: none was */
};

struct scheduler {
	scheduler_event_fn *event;
	void *arg;
	struct paper_task tasks[MAX_TASKS];
	unsigned n_tasks, n_kills, n_declines, n_revives, n_suppresses, n_acks, n_reconciles;
	unsigned n_weighs;
	unsigned n_explicit;	/* tasks asked for in the last RECONCILE */
	bool refuses_launch, refuses_framework;
	char framework_id[64];
	char subscribed_as[64];
	char roles[256], asked_for[64];	/* that it is in, "*,dev"; the last one that was revived */
	const char *refuses_role;
	/* What is to be done with an operation that launches nothing. */
	void (*change)(const Mesos__V1__Offer__Operation *operation);
};

/* What the controller asked some server for and is not answered yet. */
struct paper_fetch {
	uint64_t id;
	int64_t timeout_ms;
	char url[256];
};

struct world {
	struct scheduler scheduler;
	struct store *store;
	struct rng rng;
	struct controller *controller;
	int64_t now_ms, wall_offset_ms;
	unsigned n_offers;
	struct paper_fetch fetches[MAX_FETCHES];
	unsigned n_fetches, n_asked;	/* pending, and ever */
	char events[65536];	/* their types, one a line */
	const char *mesos_role;	/* NULL: the default */
};

static struct world world;

/* ---- The master of paper ---- */

static int paper_set_roles(struct scheduler *s, const Mesos__V1__FrameworkInfo *info, struct err *e)
{
	char roles[sizeof(s->roles)] = "";
	size_t used = 0;

	for (size_t i = 0; i < info->n_roles; i++) {
		if (s->refuses_role && strcmp(info->roles[i], s->refuses_role) == 0)
			return err_set(e, EINVAL, "Roles { %s } are not present in the master's"
				       " --roles", info->roles[i]);
		used += (size_t)snprintf(roles + used, sizeof(roles) - used, "%s%s", i ? "," : "",
					 info->roles[i]);
		assert_true(used < sizeof(roles));
	}
	memcpy(s->roles, roles, sizeof(roles));
	return 0;
}

int scheduler_subscribe(struct master *master,
			const Mesos__V1__Scheduler__Call__Subscribe *subscribe,
			scheduler_event_fn *event, void *arg, int64_t now_ms,
			struct scheduler **ret, struct err *e)
{
	const Mesos__V1__FrameworkInfo *info = subscribe->framework_info;
	struct scheduler *s = &world.scheduler;

	(void)master;
	(void)now_ms;
	(void)snprintf(s->subscribed_as, sizeof(s->subscribed_as), "%s",
		       info->id ? info->id->value : "");
	if (s->refuses_framework && info->id)
		return err_set(e, EPERM, "Framework has been removed");
	if (info->id)
		(void)snprintf(s->framework_id, sizeof(s->framework_id), "%s", info->id->value);
	else
		(void)snprintf(s->framework_id, sizeof(s->framework_id), "framework-1");
	s->event = event;
	s->arg = arg;
	*ret = s;
	return paper_set_roles(s, info, e);
}

static struct paper_task *paper_find(const char *task_id)
{
	for (unsigned i = 0; i < world.scheduler.n_tasks; i++) {
		if (strcmp(world.scheduler.tasks[i].info->task_id->value, task_id) == 0)
			return &world.scheduler.tasks[i];
	}
	return NULL;
}

static int paper_weight(const Mesos__V1__TaskInfo *info)
{
	const Mesos__V1__Labels *labels = info->discovery ? info->discovery->labels : NULL;

	for (size_t i = 0; labels && i < labels->n_labels; i++) {
		if (strcmp(labels->labels[i]->key, "weight") == 0)
			return atoi(labels->labels[i]->value);
	}
	return 1;
}

static void paper_launch(struct scheduler *s, Mesos__V1__TaskInfo *const *infos, size_t n,
			 const Mesos__V1__ExecutorInfo *executor)
{
	for (size_t i = 0; i < n; i++) {
		struct paper_task *task = &s->tasks[s->n_tasks++];
		Mesos__V1__TaskInfo info = *infos[i];

		assert_true(s->n_tasks < MAX_TASKS);
		/* The intent is recorded before the call. */
		assert_true(store_is_dirty(world.store));
		info.executor = (Mesos__V1__ExecutorInfo *)(uintptr_t)executor;
		task->info = (Mesos__V1__TaskInfo *)pb_copy(&info.base);
		assert_non_null(task->info);
		task->weight = paper_weight(&info);
	}
}

static int paper_accept(struct scheduler *s, const Mesos__V1__Scheduler__Call__Accept *accept,
			struct err *e)
{
	if (s->refuses_launch)
		return err_set(e, EINVAL, "refused by the test");
	for (size_t i = 0; i < accept->n_operations; i++) {
		const Mesos__V1__Offer__Operation__Launch *launch = accept->operations[i]->launch;
		const Mesos__V1__Offer__Operation__LaunchGroup *group =
			accept->operations[i]->launch_group;

		if (launch)
			paper_launch(s, launch->task_infos, launch->n_task_infos, NULL);
		else if (!group)
			s->change(accept->operations[i]);
		else
			paper_launch(s, group->task_group->tasks, group->task_group->n_tasks,
				     group->executor);
	}
	return 0;
}

int scheduler_call(struct scheduler *s, const Mesos__V1__Scheduler__Call *call, int64_t now_ms,
		   struct err *e)
{
	(void)now_ms;
	if (call->accept)
		return paper_accept(s, call->accept, e);
	if (call->update_framework)
		return paper_set_roles(s, call->update_framework->framework_info, e);
	if (call->revive)
		(void)snprintf(s->asked_for, sizeof(s->asked_for), "%s", call->revive->roles[0]);
	if (call->kill) {
		struct paper_task *task = paper_find(call->kill->task_id->value);

		s->n_kills++;
		if (task)
			task->is_killed = true;
	}
	if (call->weigh) {
		struct paper_task *task = paper_find(call->weigh->task_id->value);

		assert_non_null(task);
		s->n_weighs++;
		task->weight = (int)call->weigh->weight;
	}
	if (call->reconcile)
		s->n_explicit = (unsigned)call->reconcile->n_tasks;
	s->n_declines += call->decline != NULL;
	s->n_acks += call->acknowledge != NULL;
	s->n_reconciles += call->reconcile != NULL;
	s->n_revives += call->type == MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE;
	s->n_suppresses += call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUPPRESS;
	return 0;
}

void scheduler_disconnect(struct scheduler *s, int64_t now_ms)
{
	(void)s;
	(void)now_ms;
}

const char *scheduler_framework_id(const struct scheduler *s)
{
	return s->framework_id;
}

/* ---- Servers of paper ---- */

static int paper_fetch(void *arg, uint64_t id, const struct controller_fetch *what)
{
	struct paper_fetch *fetch = &world.fetches[world.n_fetches++];

	(void)arg;
	assert_true(world.n_fetches < MAX_FETCHES);
	world.n_asked++;
	fetch->id = id;
	fetch->timeout_ms = what->timeout_ms;
	(void)snprintf(fetch->url, sizeof(fetch->url), "%s://%s:%u%s",
		       what->is_tls ? "https" : "http", what->host, what->port, what->path);
	return 0;
}

static void paper_fetch_cancel(void *arg, uint64_t id)
{
	(void)arg;
	for (unsigned i = 0; i < world.n_fetches; i++) {
		if (world.fetches[i].id != id)
			continue;
		world.fetches[i] = world.fetches[--world.n_fetches];
		return;
	}
	fail_msg("cancelled what was not asked");
}

/* Is somebody asked, and not answered yet, whose URL has PART in it? */
static inline struct paper_fetch *find_fetch(const char *part)
{
	for (unsigned i = 0; i < world.n_fetches; i++) {
		if (strstr(world.fetches[i].url, part))
			return &world.fetches[i];
	}
	return NULL;
}

static inline void turn(void);

/* The first one whose URL has PART in it; STATUS 0: there is no answer, BODY says why. */
static inline void answer_fetch(const char *part, int status, const char *body)
{
	struct controller_answer answer = {
		.status = status, .content_type = "text/plain; charset=utf-8", .body = body,
		.size = strlen(body), .error = status ? NULL : body,
	};
	const struct paper_fetch *fetch = find_fetch(part);
	uint64_t id;

	if (!fetch)
		fail_msg("nobody asks for '%s'", part);
	id = fetch->id;
	paper_fetch_cancel(NULL, id);
	controller_fetched(world.controller, id, &answer, world.now_ms);
	turn();
}

/* ---- The world ---- */

static void on_event(void *arg, const char *type, const json_t *event)
{
	size_t used = strlen(world.events);

	(void)arg;
	assert_string_equal(json_string_value(json_object_get(event, "eventType")), type);
	assert_non_null(json_object_get(event, "timestamp"));
	if (used + strlen(type) + 2 < sizeof(world.events))
		(void)sprintf(world.events + used, "%s\n", type);
}

static int64_t wall_now(void *arg)
{
	(void)arg;
	return (int64_t)WALL_AT_START * 1000 + world.now_ms + world.wall_offset_ms;
}

static inline unsigned count_events(const char *type)
{
	unsigned n = 0;
	char line[80];

	(void)snprintf(line, sizeof(line), "%s\n", type);
	for (const char *p = world.events; (p = strstr(p, line)); p++)
		n += p == world.events || p[-1] == '\n';
	return n;
}

static inline void turn(void)
{
	struct err e = { 0 };

	controller_turn(world.controller, world.now_ms);
	assert_int_equal(store_commit(world.store, &e), 0);
}

static inline void say_subscribed(void)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Subscribed subscribed =
		MESOS__V1__SCHEDULER__EVENT__SUBSCRIBED__INIT;
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

	id.value = world.scheduler.framework_id;
	subscribed.framework_id = &id;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED;
	event.subscribed = &subscribed;
	world.scheduler.event(world.scheduler.arg, &event);
	turn();
}

static inline void start_controller(void)
{
	static const struct controller_io io = {
		.event = on_event, .wall_ms = wall_now, .fetch = paper_fetch,
		.fetch_cancel = paper_fetch_cancel,
	};
	struct controller_options options = controller_default_options;
	struct err e = { 0 };

	if (world.mesos_role)
		options.mesos_role = world.mesos_role;
	assert_int_equal(controller_new(&options, &io, world.store, &world.rng,
					NULL, world.now_ms, &world.controller, &e), 0);
	turn();
	if (world.scheduler.event)
		say_subscribed();
}

static inline int world_setup(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&world, 0, sizeof(world));
	world.now_ms = 1000000;
	rng_seed(&world.rng, 42);
	assert_int_equal(store_open_memory(&world.store, &e), 0);
	start_controller();
	return 0;
}

static inline int world_teardown(void **state)
{
	(void)state;
	controller_free(world.controller);
	store_close(world.store);
	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		mesos__v1__task_info__free_unpacked(world.scheduler.tasks[i].info, NULL);
	return 0;
}

/* The process ends and another one takes its store; the tasks go on. */
static inline void restart_controller(void)
{
	controller_free(world.controller);
	world.n_fetches = 0;
	world.events[0] = '\0';
	world.scheduler.event = NULL;
	start_controller();
}

static inline void wait_ms(int64_t ms)
{
	world.now_ms += ms;
	turn();
}

static inline void offer_what(const char *role, const char *agent, const char *hostname,
			      const struct resources *what, const char *rack)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Offers offers = MESOS__V1__SCHEDULER__EVENT__OFFERS__INIT;
	Mesos__V1__Offer offer = MESOS__V1__OFFER__INIT, *list[] = { &offer };
	Mesos__V1__Resource__AllocationInfo allocation =
		MESOS__V1__RESOURCE__ALLOCATION_INFO__INIT;
	Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT;
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__Attribute attribute = MESOS__V1__ATTRIBUTE__INIT, *attributes[] = { &attribute };
	Mesos__V1__Value__Text text = MESOS__V1__VALUE__TEXT__INIT;
	Mesos__V1__URL url = MESOS__V1__URL__INIT;
	Mesos__V1__Address address = MESOS__V1__ADDRESS__INIT;
	char offer_id[32], name[] = "rack", scheme[] = "http";

	assert_int_equal(resources_to_messages(what, role, &offer.resources, &offer.n_resources),
			 0);
	(void)snprintf(offer_id, sizeof(offer_id), "offer-%u", world.n_offers++);
	id.value = offer_id;
	agent_id.value = (char *)(uintptr_t)agent;
	framework_id.value = world.scheduler.framework_id;
	allocation.role = (char *)(uintptr_t)role;
	offer.allocation_info = &allocation;
	offer.id = &id;
	offer.agent_id = &agent_id;
	offer.framework_id = &framework_id;
	offer.hostname = (char *)(uintptr_t)hostname;
	address.hostname = offer.hostname;
	address.port = 5051;
	url.scheme = scheme;
	url.address = &address;
	offer.url = &url;
	if (rack) {
		attribute.name = name;
		attribute.type = MESOS__V1__VALUE__TYPE__TEXT;
		text.value = (char *)(uintptr_t)rack;
		attribute.text = &text;
		offer.n_attributes = 1;
		offer.attributes = attributes;
	}
	offers.n_offers = 1;
	offers.offers = list;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS;
	event.offers = &offers;
	world.scheduler.event(world.scheduler.arg, &event);
	turn();
	resources_messages_free(offer.resources, offer.n_resources);
}

static inline void offer_to(const char *role, const char *agent, const char *hostname,
			    const char *resources, const char *rack)
{
	struct resources r = { 0 };
	struct err e = { 0 };

	assert_int_equal(resources_parse(resources, &r, &e), 0);
	offer_what(role, agent, hostname, &r, rack);
	resources_done(&r);
}

static inline void offer_from(const char *agent, const char *hostname, const char *resources,
			      const char *rack)
{
	offer_to("*", agent, hostname, resources, rack);
}

static inline void offer(void)
{
	offer_from("agent-1", "node-1", "cpus:64;mem:65536;disk:100000;ports:[31000-32000]", NULL);
}

enum { UNKNOWN_HEALTH = -1 };

/* One of several checks of a task, as its node tells of it. */
struct told_check {
	int healthy;
	unsigned failures;
};

static inline void say_checks(const char *task_id, Mesos__V1__TaskState state, int healthy,
			      const char *message, int reason, const struct told_check *checks,
			      size_t n_checks)
{
	Mesos__V1__HealthCheckStatus told[16], *list[16];
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Update update = MESOS__V1__SCHEDULER__EVENT__UPDATE__INIT;
	Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
	Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
	struct paper_task *task = paper_find(task_id);
	uint8_t uuid[16] = "0123456789abcde";
	char agent[] = "agent-1";

	id.value = (char *)(uintptr_t)task_id;
	agent_id.value = task ? task->info->agent_id->value : agent;
	status.task_id = &id;
	status.agent_id = &agent_id;
	status.state = state;
	status.message = (char *)(uintptr_t)message;
	status.has_healthy = healthy != UNKNOWN_HEALTH;
	status.healthy = healthy == 1;
	status.has_reason = reason >= 0;
	status.reason = reason >= 0 ? (Mesos__V1__TaskStatus__Reason)reason : 0;
	/* What reconciliation tells has no uuid and needs no acknowledgement. */
	status.has_uuid = reason != MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION;
	status.uuid = (ProtobufCBinaryData){ .len = sizeof(uuid), .data = uuid };
	assert_true(n_checks <= ARRAY_SIZE(told));
	for (size_t i = 0; i < n_checks; i++) {
		mesos__v1__health_check_status__init(&told[i]);
		told[i].has_healthy = checks[i].healthy != UNKNOWN_HEALTH;
		told[i].healthy = checks[i].healthy == 1;
		told[i].has_consecutive_failures = true;
		told[i].consecutive_failures = checks[i].failures;
		list[i] = &told[i];
	}
	status.n_health_checks = n_checks;
	status.health_checks = list;
	update.status = &status;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE;
	event.update = &update;
	if (task && instance_state_is_terminal(state))
		task->is_over = true;
	world.scheduler.event(world.scheduler.arg, &event);
	turn();
}

static inline void say_full(const char *task_id, Mesos__V1__TaskState state, int healthy,
			    const char *message, int reason)
{
	say_checks(task_id, state, healthy, message, reason, NULL, 0);
}

static inline void say(const struct paper_task *task, Mesos__V1__TaskState state, int healthy)
{
	say_full(task->info->task_id->value, state, healthy, "said by the test", -1);
}

static inline struct paper_task *task_at(unsigned i)
{
	assert_true(i < world.scheduler.n_tasks);
	return &world.scheduler.tasks[i];
}

/* Every task that is not over runs (HEALTHY or without health); every killed one ends. */
static inline void let_it_be(int healthy)
{
	for (unsigned i = 0; i < world.scheduler.n_tasks; i++) {
		struct paper_task *task = task_at(i);

		if (task->is_over)
			continue;
		if (task->is_killed)
			say(task, MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH);
		else
			say(task, MESOS__V1__TASK_STATE__TASK_RUNNING, healthy);
	}
}

static inline unsigned count_alive_tasks(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		n += !task_at(i)->is_over;
	return n;
}

/* ---- Changes ---- */

static struct change_result last_result;
static struct refusal last_refusal;

/* What SOURCE writes; it is released. */
static inline json_t *read_source(struct json_source *source)
{
	struct json_out *out = source->out(source->arg);
	json_t *value;

	while (source->step(source->arg))
		;
	value = json_loadb(out->data, out->size, 0, NULL);
	source->free(source->arg);
	assert_non_null(value);
	return value;
}

/* The status of the refusal; 0 when it was taken. */
static inline int apply(const char *definition, const char *restart_or_delete, bool force)
{
	struct change_set set = { .force = force };
	json_t *document = definition ? json_loads(definition, 0, NULL) : NULL;
	struct change *change;
	int r = 0;

	refusal_done(&last_refusal);
	if (definition) {
		const struct entry *entry;
		const char *id = json_string_value(json_object_get(document, "id"));
		struct app *app = NULL;

		entry = id ? entry_find_live(world.controller, id) : NULL;
		if (pod_is_document(document))
			r = pod_parse(document, NULL, NULL, &app, &last_refusal);
		else if (entry)
			r = app_parse_update(entry->target, document, NULL, &app, &last_refusal);
		else
			r = app_parse(document, NULL, NULL, &app, &last_refusal);
		if (r == 0)
			change_set_app(&set, app->id)->app = app;
	} else {
		change = change_set_app(&set, restart_or_delete + (restart_or_delete[0] == '!'));
		change->is_restart = restart_or_delete[0] == '!';
	}
	if (r == 0)
		r = changes_apply(world.controller, &set, world.now_ms, &last_result,
				  &last_refusal);
	json_decref(document);
	change_set_done(&set);
	turn();
	r = r < 0 ? last_refusal.status : 0;
	refusal_done(&last_refusal);
	return r;
}

static inline void post(const char *definition)
{
	assert_int_equal(apply(definition, NULL, false), 0);
}

static inline const struct entry *app(const char *id)
{
	return entry_find(world.controller, id);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
