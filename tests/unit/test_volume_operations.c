/* CREATE and DESTROY in the master's core: what they change, whom they tell, why they are dropped. */
#include <errno.h>

#include "tests/unit/master_harness.h"

#define STATIC "\"reservations\":[{\"type\":\"STATIC\",\"role\":\"db\"}]"
#define SCALAR(name, value) "{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}"
#define VOLUME(id, size) SCALAR("disk", size) "," STATIC ",\"disk\":{\"persistence\":{\"id\":\"" id "\"}," \
	"\"volume\":{\"mode\":\"RW\",\"container_path\":\"data\"}}}"
#define NODE(more) "[" SCALAR("cpus", "4") "}," SCALAR("mem", "1024") "}," SCALAR("disk", "100") "," STATIC "}" more "]"
#define CREATE(volumes) "{\"type\":\"CREATE\",\"create\":{\"volumes\":[" volumes "]}}"
#define DESTROY(volumes) "{\"type\":\"DESTROY\",\"destroy\":{\"volumes\":[" volumes "]}}"
#define DB "{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100,\"roles\":[\"db\"],\"capabilities\":[" \
	"{\"type\":\"MULTI_ROLE\"},{\"type\":\"RESERVATION_REFINEMENT\"}]}"

struct world {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
};

static void begin(struct world *w)
{
	*w = (struct world){ .cluster = cluster_new() };
	agent_subscribe(w->cluster, &w->agent, (struct subscribe){ .resources = NODE("") });
	framework_subscribe(w->cluster, &w->framework, DB);
	assert_non_null(framework_offer(&w->framework));
}

static void done(struct world *w)
{
	agent_forget(&w->agent);
	framework_forget(&w->framework);
	cluster_free(w->cluster);
}

static void accept_offer(struct world *w, const char *operations)
{
	framework_call(&w->framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":[%s],\"filters\":{\"refuse_seconds\":3600}}",
		       framework_offer(&w->framework)->id->value, operations);
	cluster_turn(w->cluster);
}

/* MiB of the volume ID in the last offer; of the disk beside volumes without one; -1: not there. */
static double offered(const struct world *w, const char *id)
{
	const Mesos__V1__Offer *offer = framework_offer(&w->framework);

	for (size_t i = 0; i < offer->n_resources; i++) {
		const Mesos__V1__Resource *r = offer->resources[i];

		if (strcmp(r->name, "disk") != 0 || !!r->disk != !!id)
			continue;
		if (!id || strcmp(r->disk->persistence->id, id) == 0)
			return r->scalar->value;
	}
	return -1;
}

static const Mesos__V1__Offer__Operation *applied(const struct world *w)
{
	const Tepui__AgentEvent *event = agent_find(&w->agent, TEPUI__AGENT_EVENT__TYPE__APPLY);

	return event ? event->apply->operation : NULL;
}

static void test_create_is_told_to_the_agent_and_offered_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	assert_float_equal(offered(&w, NULL), 100, 0);
	accept_offer(&w, CREATE(VOLUME("a", "10") "," VOLUME("b", "10")));
	assert_non_null(applied(&w));
	assert_int_equal(applied(&w)->create->n_volumes, 2);
	/* Refused for an hour was what is of the old form. */
	assert_int_equal(framework_count(&w.framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS), 2);
	assert_float_equal(offered(&w, NULL), 80, 0);
	assert_float_equal(offered(&w, "a"), 10, 0);
	assert_float_equal(offered(&w, "b"), 10, 0);
	accept_offer(&w, DESTROY(VOLUME("a", "10")));
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 2);
	assert_float_equal(offered(&w, NULL), 90, 0);
	assert_float_equal(offered(&w, "a"), -1, 0);
	assert_float_equal(offered(&w, "b"), 10, 0);
	done(&w);
}

static void test_a_launch_may_use_what_the_same_call_creates(void **state)
{
	struct world w;
	const Tepui__AgentEvent *run;

	(void)state;
	begin(&w);
	framework_call(&w.framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":[%s,{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[{"
		       "\"name\":\"t\",\"task_id\":{\"value\":\"t1\"},\"agent_id\":{\"value\":\"%s\"},"
		       "\"command\":{\"value\":\"true\"},\"resources\":[%s,%s,%s]}]}}]}",
		       framework_offer(&w.framework)->id->value, CREATE(VOLUME("a", "10")),
		       w.agent.id, SCALAR("cpus", "1") "}", SCALAR("mem", "64") "}",
		       VOLUME("a", "10"));
	cluster_wait(w.cluster, 10000);
	run = agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK);
	assert_non_null(run);
	assert_string_equal(run->run_task->task->resources[2]->disk->persistence->id, "a");
	/* The agent must know the volume before the task. */
	assert_int_equal(w.agent.events[w.agent.n_events - 2]->type,
			 TEPUI__AGENT_EVENT__TYPE__APPLY);
	assert_float_equal(offered(&w, NULL), 90, 0);
	assert_float_equal(offered(&w, "a"), -1, 0);
	/* Free with the task's end, and another task's then. */
	agent_update(w.cluster, &w.agent, w.framework.id, "t1", "TASK_FINISHED", UUID_A, NULL);
	cluster_wait(w.cluster, 10000);
	assert_float_equal(offered(&w, "a"), 10, 0);
	done(&w);
}

static void test_what_the_agent_says_counts(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	accept_offer(&w, CREATE(VOLUME("a", "10")));
	master_agent_lost(w.cluster->master, &w.agent, w.cluster->now_ms);
	/* It never heard of that one, and knows another. */
	agent_subscribe(w.cluster, &w.agent, (struct subscribe){
		.id = w.agent.id, .resources = NODE("," VOLUME("z", "5")) });
	cluster_wait(w.cluster, 10000);
	assert_float_equal(offered(&w, "a"), -1, 0);
	assert_float_equal(offered(&w, "z"), 5, 0);
	assert_float_equal(offered(&w, NULL), 100, 0);
	done(&w);
}

static void test_what_is_dropped_changes_nothing(void **state)
{
	static const struct {
		const char *operation, *why;
	} rows[] = {
		{ CREATE(""), "Not a persistent volume: there is none" },
		{ CREATE(SCALAR("cpus", "1") "}"),
		  "Not a persistent volume: Resource cpus does not have DiskInfo" },
		{ CREATE(VOLUME("x", "101")), "Invalid CREATE Operation: " },
		{ CREATE(VOLUME("x", "60") "," VOLUME("y", "60")), "Invalid CREATE Operation: " },
		{ CREATE(VOLUME("x", "1") "," VOLUME("x", "1")),
		  "Invalid resources: a persistence ID is not unique" },
		{ CREATE(VOLUME("have", "1")), "Persistence ID 'have' is not unique" },
		{ CREATE(VOLUME("a/b", "1")), "Invalid resources: read resource 'disk': Invalid"
		  " persistence ID for persistent volume" },
		{ DESTROY(VOLUME("x", "5")), "Persistent volumes not found" },
		{ DESTROY(VOLUME("have", "6")), "Persistent volumes not found" },
		{ DESTROY(SCALAR("disk", "5") "," STATIC "}"), "Not a persistent volume" },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(&w);
		accept_offer(&w, CREATE(VOLUME("have", "5")));
		agent_forget(&w.agent);
		w.cluster->explained[0] = '\0';
		accept_offer(&w, rows[i].operation);
		if (!strstr(w.cluster->explained, rows[i].why))
			fail_msg("'%s' is not in '%s'", rows[i].why, w.cluster->explained);
		assert_null(applied(&w));
		cluster_wait(w.cluster, 3600 * 1000 + 1000);
		assert_float_equal(offered(&w, "have"), 5, 0);
		assert_float_equal(offered(&w, NULL), 95, 0);
		done(&w);
	}
}

static void test_volumes_in_use_are_not_destroyed(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	accept_offer(&w, CREATE(VOLUME("a", "10")));
	framework_call(&w.framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":[{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[{"
		       "\"name\":\"t\",\"task_id\":{\"value\":\"t1\"},\"agent_id\":{\"value\":\"%s\"},"
		       "\"command\":{\"value\":\"true\"},\"resources\":[%s,%s]}]}},%s]}",
		       framework_offer(&w.framework)->id->value, w.agent.id,
		       SCALAR("cpus", "1") "}", VOLUME("a", "10"), DESTROY(VOLUME("a", "10")));
	cluster_turn(w.cluster);
	assert_non_null(strstr(w.cluster->explained, "Persistent volumes in use"));
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 1);
	done(&w);
}

static void test_an_operation_has_the_body_of_its_type(void **state)
{
	struct world w;
	struct err e = { 0 };

	(void)state;
	begin(&w);
	assert_int_equal(framework_call(&w.framework, &e,
		"\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[],\"operations\":[{\"type\":\"CREATE\","
		"\"destroy\":{\"volumes\":[]}}]}"), -EINVAL);
	assert_string_equal(e.msg, "accept offers: operation CREATE and its body do not fit");
	done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_is_told_to_the_agent_and_offered_at_once),
		cmocka_unit_test(test_a_launch_may_use_what_the_same_call_creates),
		cmocka_unit_test(test_what_the_agent_says_counts),
		cmocka_unit_test(test_what_is_dropped_changes_nothing),
		cmocka_unit_test(test_volumes_in_use_are_not_destroyed),
		cmocka_unit_test(test_an_operation_has_the_body_of_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
