/* Operations with an id in the master's core: who is told what becomes of them, and until when. */
#include "master_stub/drain.h"
#include "tests/unit/master_harness.h"

#define CPU "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}," \
	"\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"db\"}]}"
#define RESERVE(id) "{\"type\":\"RESERVE\",\"id\":{\"value\":\"" id "\"},\"reserve\":{\"resources\":[" CPU "]}}"
#define UNRESERVE(id) "{\"type\":\"UNRESERVE\",\"id\":{\"value\":\"" id "\"}," \
	"\"unreserve\":{\"resources\":[" CPU "]}}"
#define DB "{%s\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100,\"roles\":[\"db\"]," \
	"\"capabilities\":[{\"type\":\"MULTI_ROLE\"},{\"type\":\"RESERVATION_REFINEMENT\"}]}"
#define NO_ID "{\"framework\":{\"id\":{\"value\":\"f\"},\"user\":\"u\",\"name\":\"n\"}," \
	"\"operation\":{\"info\":{\"type\":\"RESERVE\"},\"latest_status\":" \
	"{\"state\":\"OPERATION_FINISHED\"},\"uuid\":{\"value\":\"" UUID_B "\"}}}"
#define FEEDBACK ",\"gives_feedback\":true"

struct world {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
};

static void subscribe_agent(struct world *w, const char *more)
{
	master_agent_lost(w->cluster->master, &w->agent, w->cluster->now_ms);
	agent_subscribe(w->cluster, &w->agent,
			(struct subscribe){ .id = *w->agent.id ? w->agent.id : NULL, .more = more });
}

static void subscribe_framework(struct world *w)
{
	char id[300] = "", info[600];

	if (*w->framework.id)
		snprintf(id, sizeof(id), "\"id\":{\"value\":\"%s\"},", w->framework.id);
	snprintf(info, sizeof(info), DB, id);
	framework_subscribe(w->cluster, &w->framework, info);
}

static void begin(struct world *w)
{
	*w = (struct world){ .cluster = cluster_new() };
	subscribe_agent(w, FEEDBACK);
	subscribe_framework(w);
	assert_non_null(framework_offer(&w->framework));
}

static void done(struct world *w)
{
	agent_forget(&w->agent);
	framework_forget(&w->framework);
	cluster_free(w->cluster);
}

static void accept_offer(struct world *w, const char *offer_id, const char *operations)
{
	framework_call(&w->framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":[%s],\"filters\":{\"refuse_seconds\":0}}",
		       offer_id, operations);
	cluster_wait(w->cluster, 1000);
}

static void apply(struct world *w, const char *operations)
{
	char id[256];

	snprintf(id, sizeof(id), "%s", framework_offer(&w->framework)->id->value);
	accept_offer(w, id, operations);
}

static void tell(struct world *w, const char *id, const char *state, const char *uuid)
{
	struct err e = { 0 };
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"OPERATION\",\"agent_id\":{\"value\":\"%s\"},\"operation\":{"
		"\"framework_id\":{\"value\":\"%s\"},\"status\":{\"operation_id\":{\"value\":\"%s\"},"
		"\"state\":\"%s\",\"uuid\":{\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"}}}}",
		w->agent.id, w->framework.id, id, state, uuid, w->agent.id);

	assert_int_equal(master_agent_call(w->cluster->master, call, w->cluster->now_ms, &e), 0);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	cluster_turn(w->cluster);
}

static void acknowledge(struct world *w, const char *id, const char *uuid)
{
	framework_call(&w->framework, NULL, "\"type\":\"ACKNOWLEDGE_OPERATION_STATUS\","
		       "\"acknowledge_operation_status\":{\"agent_id\":{\"value\":\"%s\"},"
		       "\"operation_id\":{\"value\":\"%s\"},\"uuid\":\"%s\"}", w->agent.id, id, uuid);
	cluster_turn(w->cluster);
}

/* AGENT_ID may be NULL. */
static void reconcile(struct world *w, const char *id, const char *agent_id)
{
	char agent[300] = "";

	if (agent_id)
		snprintf(agent, sizeof(agent), ",\"agent_id\":{\"value\":\"%s\"}", agent_id);
	framework_call(&w->framework, NULL, "\"type\":\"RECONCILE_OPERATIONS\","
		       "\"reconcile_operations\":{\"operations\":[{\"operation_id\":"
		       "{\"value\":\"%s\"}%s}]}", id, agent);
	cluster_turn(w->cluster);
}

static const size_t TELLING = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE_OPERATION_STATUS;

static size_t n_told(const struct world *w)
{
	return framework_count(&w->framework, (Mesos__V1__Scheduler__Event__Type)TELLING);
}

/* The framework was last told that operation ID is STATE. */
static const Mesos__V1__OperationStatus *assert_told(const struct world *w, const char *id,
						     const char *state, bool has_uuid)
{
	const Mesos__V1__Scheduler__Event *event =
		framework_last(&w->framework, (Mesos__V1__Scheduler__Event__Type)TELLING);
	const Mesos__V1__OperationStatus *status;

	assert_non_null(event);
	status = event->update_operation_status->status;
	assert_string_equal(status->operation_id->value, id);
	assert_string_equal(protobuf_c_enum_descriptor_get_value(
		&mesos__v1__operation_state__descriptor, (int)status->state)->name, state);
	assert_int_equal(!!status->uuid, has_uuid);
	return status;
}

/* It is silent until operation "o" on it is told to be unreachable. */
static void lose_agent(struct world *w)
{
	master_agent_lost(w->cluster->master, &w->agent, w->cluster->now_ms);
	for (int i = 0; i < 7; i++)
		cluster_wait(w->cluster, 15000);
	(void)assert_told(w, "o", "OPERATION_UNREACHABLE", false);
}

/* What an agent brings of operation ID. */
static const char *brought(const struct world *w, const char *id, char text[2000])
{
	snprintf(text, 2000, FEEDBACK ",\"operations\":[{\"framework\":{\"id\":{\"value\":\"%s\"},"
		 "\"user\":\"root\",\"name\":\"test\",\"roles\":[\"db\"]},\"operation\":{\"info\":"
		 "{\"type\":\"RESERVE\",\"id\":{\"value\":\"%s\"},\"reserve\":{\"resources\":[" CPU "]}},"
		 "\"latest_status\":{\"state\":\"OPERATION_FINISHED\"},\"uuid\":{\"value\":\"" UUID_B
		 "\"}}}]", w->framework.id, id);
	return text;
}

static void test_told_until_acknowledged(void **state)
{
	const Tepui__AgentEvent *event;
	struct world w;

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	event = agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY);
	assert_string_equal(event->apply->framework->id->value, w.framework.id);
	assert_int_equal(event->apply->uuid->value.len, 16);
	assert_int_equal(n_told(&w), 0);
	reconcile(&w, "o", w.agent.id);
	(void)assert_told(&w, "o", "OPERATION_PENDING", false);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/pending"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/reserve/pending"), 1, 0);
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	assert_string_equal(assert_told(&w, "o", "OPERATION_FINISHED", true)->agent_id->value, w.agent.id);
	/* Nobody has acknowledged it: again. */
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	assert_int_equal(n_told(&w), 3);
	acknowledge(&w, "o", UUID_B);
	reconcile(&w, "o", NULL);
	(void)assert_told(&w, "o", "OPERATION_FINISHED", false);
	acknowledge(&w, "o", UUID_A);
	event = agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE_OPERATION);
	assert_string_equal(event->acknowledge_operation->operation_id->value, "o");
	assert_int_equal(event->acknowledge_operation->uuid.len, 16);
	reconcile(&w, "o", w.agent.id);
	(void)assert_told(&w, "o", "OPERATION_UNKNOWN", false);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/finished"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/total"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/reserve/total"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/create/total"), 0, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/pending"), 0, 0);
	done(&w);
}

static void test_without_an_id_nobody_is_told(void **state)
{
	const Tepui__AgentEvent *event;
	struct world w;

	(void)state;
	begin(&w);
	apply(&w, "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[" CPU "]}}");
	event = agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY);
	assert_null(event->apply->framework);
	apply(&w, "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[]}}");
	assert_int_equal(n_told(&w), 0);
	done(&w);
}

static void test_what_is_refused_is_an_error_of_the_master(void **state)
{
	static const struct {
		const char *operation, *id, *words;
	} rows[] = {
		{ "{\"type\":\"RESERVE\",\"id\":{\"value\":\"e\"},\"reserve\":{\"resources\":[]}}", "e",
		  "Invalid resources" },
		{ UNRESERVE("u"), "u", "does not contain" },
		{ RESERVE(""), "", "must be a valid one" },
		{ RESERVE("a/b"), "a/b", "must be a valid one" },
		{ "{\"type\":\"DESTROY_DISK\",\"id\":{\"value\":\"d\"},\"destroy_disk\":{\"source\":" CPU
		  "}}", "d", "not supported by this version" },
	};
	struct world w;

	(void)state;
	begin(&w);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const Mesos__V1__OperationStatus *status;

		apply(&w, rows[i].operation);
		status = assert_told(&w, rows[i].id, "OPERATION_ERROR", false);
		assert_string_equal(status->agent_id->value, w.agent.id);
		if (!strstr(status->message, rows[i].words))
			fail_msg("'%s' is not in '%s'", rows[i].words, status->message);
	}
	assert_null(agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY));
	assert_float_equal(cluster_metric(w.cluster, "master/operations/error"), ARRAY_SIZE(rows), 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/destroy_disk/error"), 1, 0);
	/* Of two with one id the second is refused, and changes nothing. */
	apply(&w, RESERVE("o") "," RESERVE("o"));
	assert_non_null(strstr(assert_told(&w, "o", "OPERATION_ERROR", false)->message, "is in use"));
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY), 1);
	done(&w);
}

static void test_an_agent_that_could_not_tell_is_not_asked(void **state)
{
	struct world w = { .cluster = cluster_new() };

	(void)state;
	subscribe_agent(&w, "");
	subscribe_framework(&w);
	apply(&w, RESERVE("o"));
	assert_non_null(strstr(assert_told(&w, "o", "OPERATION_ERROR", false)->message,
			       "does not tell what becomes of operations"));
	assert_null(agent_find(&w.agent, TEPUI__AGENT_EVENT__TYPE__APPLY));
	done(&w);
}

static void test_a_call_that_comes_twice(void **state)
{
	struct world w;
	char id[256];

	(void)state;
	begin(&w);
	snprintf(id, sizeof(id), "%s", framework_offer(&w.framework)->id->value);
	accept_offer(&w, id, RESERVE("o"));
	accept_offer(&w, id, RESERVE("o") "," RESERVE("p"));
	assert_int_equal(n_told(&w), 2);
	(void)assert_told(&w, "p", "OPERATION_ERROR", false);
	reconcile(&w, "o", NULL);
	(void)assert_told(&w, "o", "OPERATION_PENDING", false);
	done(&w);
}

static void test_what_the_agent_did_not_get_is_dropped(void **state)
{
	struct world w;
	char text[2000];

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	subscribe_agent(&w, FEEDBACK);
	(void)assert_told(&w, "o", "OPERATION_DROPPED", false);
	apply(&w, RESERVE("p"));
	subscribe_agent(&w, brought(&w, "p", text));
	assert_int_equal(n_told(&w), 1);
	tell(&w, "p", "OPERATION_FAILED", UUID_A);
	(void)assert_told(&w, "p", "OPERATION_FAILED", true);
	/* The agent has seen the acknowledgement of what it does not bring along any more. */
	subscribe_agent(&w, FEEDBACK);
	assert_int_equal(n_told(&w), 2);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/dropped"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/failed"), 1, 0);
	done(&w);
}

static void test_a_new_master_hears_of_them_from_agents(void **state)
{
	struct world w;
	char text[2000];

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	cluster_restart(w.cluster);
	subscribe_framework(&w);
	framework_forget(&w.framework);
	reconcile(&w, "o", w.agent.id);
	(void)assert_told(&w, "o", "OPERATION_RECOVERING", false);
	reconcile(&w, "o", NULL);
	(void)assert_told(&w, "o", "OPERATION_RECOVERING", false);
	reconcile(&w, "o", "nosuch");
	(void)assert_told(&w, "o", "OPERATION_UNKNOWN", false);
	subscribe_agent(&w, brought(&w, "o", text));
	reconcile(&w, "o", NULL);
	(void)assert_told(&w, "o", "OPERATION_PENDING", false);
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	(void)assert_told(&w, "o", "OPERATION_FINISHED", true);
	done(&w);
}

static void test_of_operations_that_are_not_taken_the_first_is_told_in_the_log(void **state)
{
	struct world w;
	const char *told;

	(void)state;
	begin(&w);
	subscribe_agent(&w, FEEDBACK ",\"operations\":[" NO_ID "," NO_ID "," NO_ID "]");
	told = strstr(w.cluster->explained_all, "3 operations it brings are not taken; the first:"
		      " it has no valid id");
	assert_non_null(told);
	assert_null(strstr(strchr(told, ';'), "not taken"));
	done(&w);
}

static void test_an_agent_that_is_unreachable_and_one_that_is_gone(void **state)
{
	struct world w;
	struct err e = { 0 };
	char text[2000];

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	lose_agent(&w);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/unreachable"), 1, 0);
	reconcile(&w, "p", w.agent.id);
	(void)assert_told(&w, "p", "OPERATION_UNREACHABLE", false);
	subscribe_agent(&w, brought(&w, "o", text));
	reconcile(&w, "o", NULL);
	(void)assert_told(&w, "o", "OPERATION_PENDING", false);
	assert_int_equal(drain_mark_gone(w.cluster->master, w.agent.id, &e), 0);
	cluster_turn(w.cluster);
	(void)assert_told(&w, "o", "OPERATION_GONE_BY_OPERATOR", false);
	reconcile(&w, "q", w.agent.id);
	(void)assert_told(&w, "q", "OPERATION_GONE_BY_OPERATOR", false);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/gone_by_operator"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/unreachable"), 0, 0);
	done(&w);
}

static void test_an_operation_is_counted_in_one_state(void **state)
{
	struct world w;
	struct err e = { 0 };
	char text[2000];

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	lose_agent(&w);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/unreachable"), 0, 0);
	subscribe_agent(&w, brought(&w, "o", text));
	assert_float_equal(cluster_metric(w.cluster, "master/operations/pending"), 0, 0);
	assert_int_equal(drain_mark_gone(w.cluster->master, w.agent.id, &e), 0);
	cluster_turn(w.cluster);
	(void)assert_told(&w, "o", "OPERATION_GONE_BY_OPERATOR", false);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/gone_by_operator"), 0, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/finished"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/total"), 1, 0);
	done(&w);
}

static void test_what_was_acknowledged_while_its_agent_was_unreachable(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	lose_agent(&w);
	/* An acknowledgement was still on its way: it is not dropped, for it was told. */
	subscribe_agent(&w, FEEDBACK);
	assert_int_equal(n_told(&w), 2);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/finished"), 1, 0);
	assert_float_equal(cluster_metric(w.cluster, "master/operations/dropped"), 0, 0);
	done(&w);
}

static void test_for_a_framework_that_is_removed_the_master_acknowledges(void **state)
{
	struct world w;
	json_t *list;

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	apply(&w, UNRESERVE("p"));
	framework_call(&w.framework, NULL, "\"type\":\"TEARDOWN\"");
	cluster_turn(w.cluster);
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE_OPERATION), 1);
	tell(&w, "p", "OPERATION_FINISHED", UUID_B);
	assert_int_equal(agent_count(&w.agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE_OPERATION), 2);
	list = cluster_list(w.cluster, &listing_get_operations, &(struct listing_query){ 0 });
	assert_null(json_object_get(json_object_get(list, "get_operations"), "operations"));
	json_decref(list);
	done(&w);
}

static void test_listed_for_operators(void **state)
{
	const json_t *row;
	struct world w;
	json_t *list;

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	list = cluster_list(w.cluster, &listing_get_operations, &(struct listing_query){ 0 });
	row = json_array_get(json_object_get(json_object_get(list, "get_operations"), "operations"), 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "framework_id"), "value")),
			    w.framework.id);
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "info"), "type")),
			    "RESERVE");
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "latest_status"), "state")),
			    "OPERATION_PENDING");
	json_decref(list);
	done(&w);
}

static void test_an_agent_is_drained_when_they_are_acknowledged(void **state)
{
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	struct world w;
	struct err e = { 0 };

	(void)state;
	begin(&w);
	apply(&w, RESERVE("o"));
	assert_int_equal(drain_agent(w.cluster->master, w.agent.id, &config, &e), 0);
	cluster_turn(w.cluster);
	tell(&w, "o", "OPERATION_FINISHED", UUID_A);
	assert_null(strstr(w.cluster->explained_all, "is drained"));
	acknowledge(&w, "o", UUID_A);
	assert_non_null(strstr(w.cluster->explained_all, "is drained"));
	done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_until_acknowledged),
		cmocka_unit_test(test_without_an_id_nobody_is_told),
		cmocka_unit_test(test_what_is_refused_is_an_error_of_the_master),
		cmocka_unit_test(test_an_agent_that_could_not_tell_is_not_asked),
		cmocka_unit_test(test_a_call_that_comes_twice),
		cmocka_unit_test(test_what_the_agent_did_not_get_is_dropped),
		cmocka_unit_test(test_a_new_master_hears_of_them_from_agents),
		cmocka_unit_test(test_of_operations_that_are_not_taken_the_first_is_told_in_the_log),
		cmocka_unit_test(test_an_agent_that_is_unreachable_and_one_that_is_gone),
		cmocka_unit_test(test_an_operation_is_counted_in_one_state),
		cmocka_unit_test(test_what_was_acknowledged_while_its_agent_was_unreachable),
		cmocka_unit_test(test_for_a_framework_that_is_removed_the_master_acknowledges),
		cmocka_unit_test(test_listed_for_operators),
		cmocka_unit_test(test_an_agent_is_drained_when_they_are_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
