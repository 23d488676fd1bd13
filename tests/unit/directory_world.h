/* A master whose agents take its directory, and what they make of it. */
#ifndef TESTS_UNIT_DIRECTORY_WORLD_H
#define TESTS_UNIT_DIRECTORY_WORLD_H

#include "tests/directory_mirror.h"
#include "tests/unit/master_harness.h"

struct taker {
	struct fake_agent agent;
	struct mirror mirror;
	size_t n_seen;			/* of its events */
};

struct scene {
	struct cluster *cluster;
	struct taker a, b;
	struct fake_framework framework;
};

#define TAKES(address) ",\"takes_directory\":true,\"address\":\"" address "\""

/* What it was told since is taken over; a new stream begins with SUBSCRIBED. */
static inline void read_events(struct taker *taker)
{
	for (; taker->n_seen < taker->agent.n_events; taker->n_seen++) {
		const Tepui__AgentEvent *event = taker->agent.events[taker->n_seen];

		if (event->subscribed)
			mirror_begin(&taker->mirror);
		if (event->directory)
			mirror_apply(&taker->mirror, event->directory);
		assert_false(taker->mirror.is_broken);
	}
}

static inline void apply(struct scene *s, struct taker *taker)
{
	Tepui__AgentCall *call;
	struct err e = { 0 };

	read_events(taker);
	call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"DIRECTORY_APPLIED\",\"agent_id\":{\"value\":\"%s\"},"
		"\"directory_generation\":%llu}", taker->agent.id,
		(unsigned long long)taker->mirror.generation);
	assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms, &e), 0);
	pb_free(&call->base);
	cluster_turn(s->cluster);
}

static inline void join(struct scene *s, struct taker *taker, const char *id, const char *hostname,
		 const char *more, const char *tasks)
{
	agent_subscribe(s->cluster, &taker->agent, (struct subscribe){
		.id = id, .hostname = hostname, .more = more, .tasks = tasks });
	read_events(taker);
}

static inline struct scene *begin(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->cluster = cluster_new();
	join(s, &s->a, NULL, "node-a", TAKES("10.0.0.1"), NULL);
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	return s;
}

static inline void end(struct scene *s)
{
	struct taker *takers[] = { &s->a, &s->b };

	for (size_t i = 0; i < ARRAY_SIZE(takers); i++) {
		agent_forget(&takers[i]->agent);
		mirror_done(&takers[i]->mirror);
	}
	framework_forget(&s->framework);
	cluster_free(s->cluster);
	free(s);
}

#define LABEL(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\"}"
#define WEB LABEL("VIP_0", "/web:80")

/* The last one of the agent's. */
static inline const Mesos__V1__Offer *offer_of(const struct fake_framework *framework,
					       const char *agent_id)
{
	const Mesos__V1__Offer *last = NULL;

	for (size_t i = 0; i < framework->n_events; i++) {
		const Mesos__V1__Scheduler__Event__Offers *offers = framework->events[i]->offers;

		for (size_t k = 0; offers && k < offers->n_offers; k++) {
			if (strcmp(offers->offers[k]->agent_id->value, agent_id) == 0)
				last = offers->offers[k];
		}
	}
	return last;
}

/*
 * One task at PORT, with LABELS of that port (JSON, without brackets); WHAT is run, and MORE members of
 * it.
 */
static inline void launch_with(struct fake_framework *framework, const struct taker *taker,
			       const char *task_id, int port, const char *labels, const char *what,
			       const char *more)
{
	const Mesos__V1__Offer *offer = offer_of(framework, taker->agent.id);
	char resources[512];

	assert_non_null(offer);
	snprintf(resources, sizeof(resources), RESOURCES_JSON, 0.1, 10.0, port, port);
	framework_call(framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"filters\":{\"refuse_seconds\":0},\"operations\":[{\"type\":\"LAUNCH\","
		       "\"launch\":{\"task_infos\":[{\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},"
		       "\"agent_id\":{\"value\":\"%s\"}%s,"
		       "\"resources\":%s,\"discovery\":{\"visibility\":\"CLUSTER\",\"name\":\"web\","
		       "\"ports\":{\"ports\":[{\"number\":%d,\"name\":\"http\",\"protocol\":\"tcp\","
		       "\"labels\":{\"labels\":[%s]}}]}}%s}]}}]}",
		       offer->id->value, task_id, offer->agent_id->value, what, resources, port,
		       labels, more);
	cluster_turn(framework->cluster);
	cluster_wait(framework->cluster, 2000);
}

static inline void launch_on(struct fake_framework *framework, const struct taker *taker,
			     const char *task_id, int port, const char *labels, const char *more)
{
	launch_with(framework, taker, task_id, port, labels, ",\"command\":{\"value\":\"true\"}",
		    more);
}

static inline void launch(struct scene *s, const char *task_id, int port, const char *labels)
{
	launch_on(&s->framework, &s->a, task_id, port, labels, "");
	read_events(&s->a);
}

/* A task that an agent brings, of FRAMEWORK; TYPE is for message(). */
#define BROUGHT "{\"framework\":{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100," \
	PARTITION_AWARE ",\"id\":{\"value\":\"%s\"}},\"state\":\"TASK_RUNNING\",\"task\":{" \
	"\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"}," \
	"\"command\":{\"value\":\"true\"},\"resources\":[],\"discovery\":{\"visibility\":\"CLUSTER\"," \
	"\"name\":\"web\",\"ports\":{\"ports\":[{\"number\":31000,\"name\":\"http\"," \
	"\"protocol\":\"tcp\",\"labels\":{\"labels\":[%s]}}]}}}," \
	"\"status\":{\"task_id\":{\"value\":\"%s\"},\"state\":\"TASK_RUNNING\",\"healthy\":true}}"

/* It comes back with TASK_ID of FRAMEWORK (NULL: without), behind LABELS. */
static inline void rejoin_with(struct scene *s, struct taker *taker, const char *hostname,
			       const struct fake_framework *framework, const char *task_id,
			       const char *labels)
{
	char tasks[2048] = "", id[256];

	master_agent_lost(s->cluster->master, &taker->agent, s->cluster->now_ms);
	snprintf(id, sizeof(id), "%s", taker->agent.id);
	if (task_id)
		snprintf(tasks, sizeof(tasks), BROUGHT, framework->id, task_id, id, labels,
			 task_id);
	join(s, taker, id, hostname, TAKES("10.0.0.1"), tasks);
}

static inline void rejoin(struct scene *s, struct taker *taker, const char *hostname,
			  const char *task_id, const char *labels)
{
	rejoin_with(s, taker, hostname, &s->framework, task_id, labels);
}

static inline void say(struct scene *s, struct taker *taker, struct fake_framework *framework,
		const char *task_id, const char *state, const char *more)
{
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"UPDATE\",\"agent_id\":{\"value\":\"%s\"},\"update\":{"
		"\"framework_id\":{\"value\":\"%s\"},\"status\":{\"task_id\":{\"value\":\"%s\"},"
		"\"state\":\"%s\",\"uuid\":\"" UUID_A "\"%s}}}",
		taker->agent.id, framework->id, task_id, state, more);
	struct err e = { 0 };

	assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms, &e), 0);
	pb_free(&call->base);
	cluster_turn(s->cluster);
	read_events(taker);
}

static inline void run(struct scene *s, const char *task_id)
{
	say(s, &s->a, &s->framework, task_id, "TASK_RUNNING", "");
}

static inline const Tepui__Endpoint *endpoint_of(const struct taker *taker,
					  const struct fake_framework *framework, const char *task_id)
{
	char key[600];

	snprintf(key, sizeof(key), "%s/%s", framework->id, task_id);
	return mirror_endpoint(&taker->mirror, key);
}

static inline const Tepui__Endpoint *endpoint(const struct scene *s, const char *task_id)
{
	return endpoint_of(&s->a, &s->framework, task_id);
}

static inline const Tepui__Service *service(const struct scene *s, const char *key)
{
	return mirror_service(&s->a.mirror, key);
}

static inline void kill_task(struct scene *s, const char *task_id)
{
	framework_call(&s->framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"%s\"}}", task_id);
	cluster_turn(s->cluster);
	read_events(&s->a);
}

static inline size_t count_kills(const struct taker *taker)
{
	return agent_count(&taker->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK);
}

#endif
