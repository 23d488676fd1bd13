/* RESERVE and UNRESERVE in the master's core, of frameworks and of operators. */
#include <errno.h>

#include "lib/resources.h"
#include "tests/unit/master_harness.h"

#define SCALAR(name, value, more) \
	"{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}" more "}"
#define PORTS(first, last, more) "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":" \
	first ",\"end\":" last "}]}" more "}"
#define DYNAMIC(role) "{\"type\":\"DYNAMIC\",\"role\":\"" role "\"}"
#define STATIC(role) "{\"type\":\"STATIC\",\"role\":\"" role "\"}"
#define SIGNED(role, who) "{\"type\":\"DYNAMIC\",\"role\":\"" role "\",\"principal\":\"" who "\"}"
#define BY(stack) ",\"reservations\":[" stack "]"
#define VOLUME(id, size, stack) SCALAR("disk", size, BY(stack) ",\"disk\":{\"persistence\":{\"id\":\"" id "\"}," \
	"\"volume\":{\"mode\":\"RW\",\"container_path\":\"data\"}}")
#define RESERVE(list) "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[" list "]}}"
#define UNRESERVE(list) "{\"type\":\"UNRESERVE\",\"unreserve\":{\"resources\":[" list "]}}"
#define CREATE(list) "{\"type\":\"CREATE\",\"create\":{\"volumes\":[" list "]}}"
#define NODE "[" SCALAR("cpus", "4", "") "," SCALAR("mem", "1024", "") "," SCALAR("disk", "100", "") "," \
	SCALAR("disk", "50", BY(STATIC("eng"))) "," PORTS("1", "9", "") "]"
#define FRAMEWORK_OF(role, capabilities, more) \
	"{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100,\"roles\":[\"" role "\"]," \
	"\"capabilities\":[{\"type\":\"MULTI_ROLE\"}" capabilities "]" more "}"
#define REFINED ",{\"type\":\"RESERVATION_REFINEMENT\"}"

struct world {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
};

static void begin_with(struct world *w, const char *info)
{
	*w = (struct world){ .cluster = cluster_new() };
	agent_subscribe(w->cluster, &w->agent, (struct subscribe){ .resources = NODE });
	framework_subscribe(w->cluster, &w->framework, info);
	assert_non_null(framework_offer(&w->framework));
}

static void begin(struct world *w)
{
	begin_with(w, FRAMEWORK_OF("eng/db", REFINED, ""));
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

static void assert_offered(const struct world *w, const char *expected)
{
	const Mesos__V1__Offer *offer = framework_offer(&w->framework);
	struct resources r = { 0 };
	struct err e = { 0 };
	char *text;

	assert_int_equal(resources_from_messages(offer->resources, offer->n_resources, &r, &e), 0);
	text = resources_format(&r);
	assert_string_equal(text, expected);
	free(text);
	resources_done(&r);
}

#define UNTOUCHED "cpus:4;mem:1024;disk:100;disk(eng):50;ports:[1-9]"

static void test_reserved_is_told_and_offered_at_once_and_goes_back(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	assert_offered(&w, UNTOUCHED);
	accept_offer(&w, RESERVE(SCALAR("cpus", "1", BY(DYNAMIC("eng/db"))) ","
				 SCALAR("disk", "20", BY(STATIC("eng") "," DYNAMIC("eng/db"))) ","
				 PORTS("3", "4", BY(DYNAMIC("eng/db")))));
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 1);
	assert_offered(&w, "cpus:3;mem:1024;disk:100;cpus(reservations: [(DYNAMIC,eng/db)]):1;"
		       "disk(eng):30;disk(reservations: [(STATIC,eng),(DYNAMIC,eng/db)]):20;"
		       "ports(reservations: [(DYNAMIC,eng/db)]):[3-4];ports:[1-2,5-9]");
	accept_offer(&w, UNRESERVE(SCALAR("cpus", "1", BY(DYNAMIC("eng/db"))) ","
				   SCALAR("disk", "20", BY(STATIC("eng") "," DYNAMIC("eng/db"))) ","
				   PORTS("3", "4", BY(DYNAMIC("eng/db")))));
	assert_offered(&w, UNTOUCHED);
	done(&w);
}

static void test_one_call_reserves_creates_and_launches(void **state)
{
	struct world w;
	const Tepui__AgentEvent *run;

	(void)state;
	begin(&w);
	framework_call(&w.framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":[%s,%s,{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[{"
		       "\"name\":\"t\",\"task_id\":{\"value\":\"t1\"},\"agent_id\":{\"value\":\"%s\"},"
		       "\"command\":{\"value\":\"true\"},\"resources\":[%s,%s,%s]}]}}]}",
		       framework_offer(&w.framework)->id->value,
		       RESERVE(SCALAR("disk", "20", BY(DYNAMIC("eng/db")))),
		       CREATE(VOLUME("v", "20", DYNAMIC("eng/db"))), w.agent.id,
		       SCALAR("cpus", "1", ""), SCALAR("mem", "64", ""),
		       VOLUME("v", "20", DYNAMIC("eng/db")));
	cluster_turn(w.cluster);
	run = agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK);
	assert_non_null(run);
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 2);
	agent_update(w.cluster, &w.agent, w.framework.id, "t1", "TASK_FINISHED", UUID_A, NULL);
	cluster_wait(w.cluster, 10000);
	assert_offered(&w, "cpus:4;mem:1024;disk:80;disk(eng):50;"
		       "disk(reservations: [(DYNAMIC,eng/db)])[v:data]:20;ports:[1-9]");
	/* The volume is in the way. */
	accept_offer(&w, UNRESERVE(VOLUME("v", "20", DYNAMIC("eng/db"))));
	assert_non_null(strstr(w.cluster->explained, "cannot be unreserved directly"));
	done(&w);
}

static void test_what_is_dropped_and_why(void **state)
{
	static const struct {
		const char *operation, *why;
	} rows[] = {
		{ RESERVE(""), "Invalid resources: there are none" },
		{ RESERVE(SCALAR("cpus", "1", "")), "Resource cpus:1 is not dynamically reserved" },
		{ RESERVE(SCALAR("cpus", "1", BY(STATIC("eng/db")))),
		  "Resource cpus(eng/db) is not dynamically reserved" },
		{ RESERVE(SCALAR("cpus", "1", BY(SIGNED("eng", "ops")))),
		  "with role 'eng', but the resource was allocated to role 'eng/db'" },
		{ RESERVE(SCALAR("cpus", "1", BY(DYNAMIC("*")))), "'*' is not a valid role" },
		{ RESERVE(SCALAR("cpus", "1", ",\"reservation\":{}")),
		  "role '*' cannot be dynamically reserved" },
		{ RESERVE(SCALAR("cpus", "5", BY(SIGNED("eng/db", "ops")))),
		  "Invalid RESERVE Operation: " },
		{ RESERVE(SCALAR("cpus", "1", BY(DYNAMIC("eng/db")))),
		  "attempted by principal 'ops', but there is a resource in the request with no"
		  " principal set" },
		{ RESERVE(SCALAR("cpus", "1", BY(SIGNED("eng/db", "dev")))),
		  "authenticated principal 'ops', which does not match a resource in the request with"
		  " principal 'dev'" },
		{ "{\"type\":\"RESERVE\",\"reserve\":{\"source\":[" SCALAR("cpus", "1", "") "],"
		  "\"resources\":[" SCALAR("cpus", "1", BY(SIGNED("eng/db", "ops"))) "]}}",
		  "must not have a source" },
		{ RESERVE(SCALAR("cpus", "1", BY(SIGNED("eng/db", "ops"))
				 ",\"allocation_info\":{\"role\":\"web\"}")),
		  "allocated to role 'web'" },
		{ UNRESERVE(SCALAR("disk", "1", BY(STATIC("eng")))),
		  "Resource disk(eng) is not dynamically reserved" },
		{ UNRESERVE(SCALAR("cpus", "1", BY(DYNAMIC("eng/db")))),
		  "Invalid UNRESERVE Operation: " },
		{ "{\"type\":\"SHRINK_VOLUME\",\"shrink_volume\":{\"volume\":" SCALAR("disk", "1", "")
		  ",\"subtract\":{\"value\":1}}}",
		  "operation SHRINK_VOLUME is not supported by this version" },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin_with(&w, FRAMEWORK_OF("eng/db", REFINED, ",\"principal\":\"ops\""));
		w.cluster->explained[0] = '\0';
		accept_offer(&w, rows[i].operation);
		if (!strstr(w.cluster->explained, rows[i].why))
			fail_msg("'%s' is not in '%s'", rows[i].why, w.cluster->explained);
		assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 0);
		cluster_wait(w.cluster, 3600 * 1000 + 1000);
		assert_offered(&w, UNTOUCHED);
		done(&w);
	}
}

static void test_a_framework_of_the_old_form_reserves_and_never_sees_refined_ones(void **state)
{
	const Mesos__V1__Offer *offer;
	struct world w;
	size_t n_dynamic = 0;

	(void)state;
	begin_with(&w, FRAMEWORK_OF("eng", "", ""));
	accept_offer(&w, RESERVE(SCALAR("cpus", "1", ",\"role\":\"eng\",\"reservation\":{"
					"\"labels\":{\"labels\":[{\"key\":\"k\"}]}}")));
	offer = framework_offer(&w.framework);
	for (size_t i = 0; i < offer->n_resources; i++) {
		assert_int_equal(offer->resources[i]->n_reservations, 0);
		n_dynamic += offer->resources[i]->reservation &&
			     strcmp(offer->resources[i]->role, "eng") == 0;
	}
	assert_int_equal(n_dynamic, 1);
	done(&w);

	w = (struct world){ .cluster = cluster_new() };
	agent_subscribe(w.cluster, &w.agent, (struct subscribe){
		.resources = "[" SCALAR("cpus", "4", "") "," SCALAR("mem", "64", "") ","
			     SCALAR("cpus", "2", BY(STATIC("eng") "," DYNAMIC("eng/db"))) "]" });
	framework_subscribe(w.cluster, &w.framework, FRAMEWORK_OF("eng/db", "", ""));
	assert_offered(&w, "cpus:4;mem:64");
	done(&w);
}

static int operate(struct world *w, const char *agent_id, const char *json, struct err *e)
{
	ProtobufCMessage *operation = message(&mesos__v1__offer__operation__descriptor, "%s", json);
	int r = master_apply(w->cluster->master, agent_id, NULL,
			     (const Mesos__V1__Offer__Operation *)operation, e);

	protobuf_c_message_free_unpacked(operation, NULL);
	cluster_turn(w->cluster);
	return r;
}

static void test_an_operator_reserves_of_what_is_offered(void **state)
{
	struct world w;
	struct err e = { 0 };

	(void)state;
	begin(&w);
	assert_int_equal(operate(&w, w.agent.id, RESERVE(SCALAR("cpus", "3", BY(DYNAMIC("web")))),
				 &e), 0);
	assert_int_equal(framework_count(&w.framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND), 1);
	assert_offered(&w, "cpus:1;mem:1024;disk:100;disk(eng):50;ports:[1-9]");
	/* Reserved anew for another role, at one stroke. */
	assert_int_equal(operate(&w, w.agent.id, "{\"type\":\"RESERVE\",\"reserve\":{\"source\":["
		SCALAR("cpus", "3", BY(DYNAMIC("web"))) "],\"resources\":["
		SCALAR("cpus", "3", BY(DYNAMIC("eng/db"))) "]}}", &e), 0);
	cluster_wait(w.cluster, 1000);
	assert_int_equal(operate(&w, w.agent.id,
				 UNRESERVE(SCALAR("cpus", "3", BY(DYNAMIC("eng/db")))), &e), 0);
	cluster_wait(w.cluster, 1000);
	/* The rest is still out in an offer. */
	assert_offered(&w, "cpus:3");
	done(&w);
}

static void test_what_an_operator_is_refused(void **state)
{
	static const struct {
		const char *operation, *why;
		int r;
	} rows[] = {
		{ RESERVE(SCALAR("cpus", "5", BY(DYNAMIC("web")))), "does not contain", -EBUSY },
		{ RESERVE(SCALAR("cpus", "1", BY(STATIC("web")))), "not dynamically reserved", -EINVAL },
		{ RESERVE(SCALAR("cpus", "1", BY(DYNAMIC("web")) ",\"allocation_info\":{\"role\":\"web\"}")),
		  "can only change what is not", -EINVAL },
		{ "{\"type\":\"RESERVE\",\"reserve\":{\"source\":[" SCALAR("cpus", "2", "") "],"
		  "\"resources\":[" SCALAR("cpus", "3", BY(DYNAMIC("web"))) "]}}",
		  "identical resource quantities", -EINVAL },
	};
	struct world w;
	struct err e = { 0 };

	(void)state;
	begin(&w);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		err_clear(&e);
		assert_int_equal(operate(&w, w.agent.id, rows[i].operation, &e), rows[i].r);
		if (!strstr(e.msg, rows[i].why))
			fail_msg("'%s' is not in '%s'", rows[i].why, e.msg);
	}
	err_clear(&e);
	assert_int_equal(operate(&w, "nobody", rows[0].operation, &e), -ENOENT);
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 0);
	done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserved_is_told_and_offered_at_once_and_goes_back),
		cmocka_unit_test(test_one_call_reserves_creates_and_launches),
		cmocka_unit_test(test_what_is_dropped_and_why),
		cmocka_unit_test(
			test_a_framework_of_the_old_form_reserves_and_never_sees_refined_ones),
		cmocka_unit_test(test_an_operator_reserves_of_what_is_offered),
		cmocka_unit_test(test_what_an_operator_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
