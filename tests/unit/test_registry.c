/* Agents that register, come back, vanish, double or belong elsewhere. */
#include "tests/unit/master_harness.h"

static void done(struct cluster *cluster, struct fake_agent *agent,
		 struct fake_framework *framework)
{
	agent_forget(agent);
	if (framework)
		framework_forget(framework);
	cluster_free(cluster);
}

static void test_an_agent_keeps_its_id(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 }, other = { 0 };
	char id[256];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(id, sizeof(id), "%s", agent.id);
	assert_int_equal(agent.events[0]->type, TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED);
	assert_string_equal(agent.events[0]->subscribed->master_id, master_id(cluster->master));
	assert_float_equal(agent.events[0]->subscribed->heartbeat_interval_seconds, 15, 0);
	assert_int_equal(agent.events[0]->subscribed->epoch, master_epoch(cluster->master));

	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	agent_forget(&agent);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id });
	assert_string_equal(agent.id, id);
	agent_subscribe(cluster, &other, (struct subscribe){ .hostname = "other" });
	assert_string_not_equal(other.id, id);
	assert_int_equal(cluster_metric(cluster, "master/slaves_active"), 2);
	agent_forget(&other);
	done(cluster, &agent, NULL);
}

static void test_refused_subscriptions_say_why(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 }, second = { 0 };
	struct { struct subscribe s; int r; const char *message;
	} rows[] = {
		{ { .boot_id = "another" },
		  -EEXIST,
		  "another one with this id is connected from 'node:5051'" },
		{ { .port = 5052 },
		  -EEXIST,
		  "another one with this id is connected from 'node:5051'" },
		{ { .hostname = "twin" },
		  -EEXIST,
		  "another one with this id is connected from 'node:5051'" },
		{ { .id = "00000000-0000-4000-8000-000000000000-S1" },
		  -EPERM,
		  "the id was given by another cluster" },
		{ { .master_id = "elsewhere" }, -EPERM, "it belongs to the cluster 'elsewhere'" },
		{ { .id = "a/b" }, -EINVAL, "its id is not a valid one" },
		{ { .port = 70000 }, -EINVAL, "70000 is not a port" },
		{ { .hostname = "" }, -EINVAL, "hostname must have 1 to 255 bytes" },
		{ { .cpus = -1 }, -EINVAL, "is negative or out of range" },
	};

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		if (!rows[i].s.id)
			rows[i].s.id = agent.id;
		assert_int_equal(agent_try_subscribe(cluster, &second, rows[i].s, &e), rows[i].r);
		if (!strstr(e.msg, rows[i].message))
			fail_msg("'%s' is not in '%s'", rows[i].message, e.msg);
		assert_int_equal(second.n_events, 0);
	}
	/* The first was not disturbed. */
	assert_false(agent.is_closed);
	assert_int_equal(agent_heartbeat(cluster, &agent), 0);
	assert_int_equal(cluster_metric(cluster, "master/slaves_active"), 1);
	done(cluster, &agent, NULL);
}

static void test_a_restarted_agent_replaces_its_old_stream(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 }, restarted = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	agent_subscribe(cluster, &restarted, (struct subscribe){ .id = agent.id });
	assert_true(agent.is_closed);
	assert_string_equal(restarted.id, agent.id);
	/* The late end of the old stream is nobody's. */
	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	assert_int_equal(cluster_metric(cluster, "master/slaves_active"), 1);
	agent_forget(&restarted);
	done(cluster, &agent, NULL);
}

/* Found by the simulation: what it does not tell of was launched since, and was said to be gone. */
static void test_an_overtaken_subscription_is_refused(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 }, late = { 0 }, next = { 0 };
	struct fake_framework framework = { 0 };
	struct err e = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ .dialed_boot_ms = 2000 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	for (int i = 0; i < 2; i++) {
		err_clear(&e);
		assert_int_equal(agent_try_subscribe(cluster, &late, (struct subscribe){
					 .id = agent.id, .dialed_boot_ms = 1999 + i }, &e), -ESTALE);
	}
	cluster_turn(cluster);
	assert_false(agent.is_closed);
	/* Not after a restart either. */
	cluster_restart(cluster);
	err_clear(&e);
	assert_int_equal(agent_try_subscribe(cluster, &late, (struct subscribe){
				 .id = agent.id, .dialed_boot_ms = 1999 }, &e), -ESTALE);
	agent_forget(&agent);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = agent.id,
							     .dialed_boot_ms = 2001 });
	assert_int_equal(framework_count(&framework,
					 MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE), 0);
	/* Another boot has another clock. */
	agent_forget(&late);
	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	agent_subscribe(cluster, &next, (struct subscribe){ .id = agent.id, .boot_id = "reboot",
							    .dialed_boot_ms = 10 });
	agent_forget(&next);
	done(cluster, &agent, &framework);
}

/* Found by the simulation: tasks that were sent to nobody stayed unreachable for two weeks. */
static void test_an_id_that_was_lost_on_its_way_is_given_again(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent first = { 0 }, again = { 0 }, wiped = { 0 };
	struct fake_framework framework = { 0 };
	struct err e = { 0 };

	(void)state;
	agent_subscribe(cluster, &first, (struct subscribe){ .dialed_boot_ms = 1000 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	cluster_restart(cluster);
	agent_subscribe(cluster, &again, (struct subscribe){ .dialed_boot_ms = 2000 });
	assert_string_equal(again.id, first.id);
	/* The first attempt is late. */
	assert_int_equal(agent_try_subscribe(cluster, &wiped, (struct subscribe){
				 .dialed_boot_ms = 1000 }, &e), -ESTALE);
	/* It has got it: who comes from there without one has lost its disk. */
	assert_int_equal(agent_heartbeat(cluster, &again), 0);
	cluster_restart(cluster);
	agent_subscribe(cluster, &wiped, (struct subscribe){ .dialed_boot_ms = 3000 });
	assert_string_not_equal(wiped.id, first.id);
	agent_forget(&again);
	agent_forget(&wiped);
	framework_forget(&framework);
	done(cluster, &first, NULL);
}

static void test_missed_pings_make_unreachable_and_the_way_back(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char tasks[2048], id[256];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	agent_update(cluster, &agent, framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);
	for (int i = 0; i < 20; i++) {
		cluster_wait(cluster, 15000);
		assert_int_equal(agent_heartbeat(cluster, &agent), 0);
	}
	assert_true(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__HEARTBEAT) >= 20);
	framework_forget(&framework);
	for (int i = 0; i < 5; i++)
		cluster_wait(cluster, 15000);
	assert_false(agent.is_closed);
	cluster_wait(cluster, 15000);
	assert_true(agent.is_closed);
	assert_int_equal(framework_status(&framework)->state,
			 MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	assert_int_equal(framework_status(&framework)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED);
	assert_false(framework_status(&framework)->has_uuid);
	assert_int_equal(framework_status(&framework)->unreachable_time->nanoseconds,
			 cluster->wall_ms * 1000000);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE),
			 1);
	assert_int_equal(agent_heartbeat(cluster, &agent), -ENOENT);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	assert_int_equal(cluster_metric(cluster, "master/cpus_total"), 0);

	/* Back with its task: it runs on, under the same name. */
	snprintf(id, sizeof(id), "%s", agent.id);
	snprintf(tasks, sizeof(tasks),
		 "{\"framework\":{\"user\":\"root\",\"name\":\"test\",\"id\":{\"value\":\"%s\"}},"
		 "\"task\":" TASK_JSON ",\"state\":\"TASK_RUNNING\"}",
		 framework.id, "t1", id, 1.0, 128.0, 31000, 31000);
	agent_forget(&agent);
	framework_forget(&framework);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id, .tasks = tasks });
	assert_int_equal(framework_status(&framework)->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_int_equal(framework_status(&framework)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REREGISTERED);
	assert_int_equal(cluster_metric(cluster, "master/cpus_used"), 1);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	done(cluster, &agent, &framework);
}

static void test_a_master_that_slept_does_not_blame_its_agents(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	cluster_wait(cluster, 3600000);
	assert_false(agent.is_closed);
	assert_int_equal(cluster_metric(cluster, "master/slaves_active"), 1);
	done(cluster, &agent, NULL);
}

/* What the operators' reads say of the only agent's health; "" when nothing. */
static void read_degraded(struct cluster *cluster, char *ret, size_t size)
{
	json_t *json = cluster_list(cluster, &listing_slaves, &(struct listing_query){ 0 });
	const json_t *agent = json_array_get(json_object_get(json, "slaves"), 0);
	const char *why = json_string_value(json_object_get(agent, "degraded"));

	snprintf(ret, size, "%s", why ? why : "");
	json_decref(json);
}

static void test_a_degraded_agent_is_not_offered_until_it_is_well(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char offer_id[256], id[256], why[600];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	snprintf(offer_id, sizeof(offer_id), "%s", framework_offer(&framework)->id->value);
	framework_forget(&framework);
	assert_int_equal(agent_heartbeat_with(cluster, &agent, ",\"degraded\":\"disk full\""), 0);
	cluster_turn(cluster);
	assert_string_equal(framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND)
			    ->rescind->offer_id->value, offer_id);
	read_degraded(cluster, why, sizeof(why));
	assert_string_equal(why, "disk full");
	assert_non_null(strstr(cluster->explained, "takes no tasks: disk full"));
	/* Told again, and as time goes by: nothing is offered. */
	assert_int_equal(agent_heartbeat_with(cluster, &agent, ",\"degraded\":\"still full\""), 0);
	cluster_wait(cluster, 60000);
	assert_null(framework_offer(&framework));
	/* Nor when it comes back with the trouble it had. */
	snprintf(id, sizeof(id), "%s", agent.id);
	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	agent_forget(&agent);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id, .degraded = "full" });
	cluster_wait(cluster, 10000);
	assert_null(framework_offer(&framework));
	/* Nor after it was unreachable, its stream never having ended for us. */
	for (int i = 0; i < 6; i++)
		cluster_wait(cluster, 15000);
	assert_true(agent.is_closed);
	agent_forget(&agent);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id, .degraded = "full" });
	cluster_wait(cluster, 10000);
	assert_null(framework_offer(&framework));
	assert_int_equal(agent_heartbeat(cluster, &agent), 0);
	cluster_turn(cluster);
	assert_non_null(framework_offer(&framework));
	read_degraded(cluster, why, sizeof(why));
	assert_string_equal(why, "");
	done(cluster, &agent, &framework);
}

static void test_what_degraded_agents_say_is_bounded(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	char text[2000], why[600];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(text, sizeof(text), ",\"degraded\":\"%01500d\"", 0);
	assert_int_equal(agent_heartbeat_with(cluster, &agent, text), 0);
	read_degraded(cluster, why, sizeof(why));
	assert_int_equal(strlen(why), 512);
	done(cluster, &agent, NULL);
}

static void test_a_lost_stream_rescinds_and_waits(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char offer_id[256], id[256];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	snprintf(offer_id, sizeof(offer_id), "%s", framework_offer(&framework)->id->value);
	framework_forget(&framework);
	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	cluster_turn(cluster);
	assert_string_equal(framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND)
			    ->rescind->offer_id->value, offer_id);
	assert_null(framework_offer(&framework));
	assert_int_equal(cluster_metric(cluster, "master/slaves_disconnected"), 1);
	snprintf(id, sizeof(id), "%s", agent.id);
	agent_forget(&agent);
	/* Back in time: offered again. */
	cluster_wait(cluster, 60000);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id });
	assert_non_null(framework_offer(&framework));
	/* Gone for too long. */
	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	for (int i = 0; i < 6; i++)
		cluster_wait(cluster, 15000);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	done(cluster, &agent, &framework);
}

static void test_a_restart_remembers_agents_and_their_absence(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 }, other = { 0 };
	char id[256], other_id[256], master[256];
	uint64_t epoch = master_epoch(cluster->master);

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	agent_subscribe(cluster, &other, (struct subscribe){ .hostname = "other" });
	snprintf(id, sizeof(id), "%s", agent.id);
	snprintf(other_id, sizeof(other_id), "%s", other.id);
	snprintf(master, sizeof(master), "%s", master_id(cluster->master));
	agent_forget(&agent);
	agent_forget(&other);
	cluster_restart(cluster);
	assert_string_equal(master_id(cluster->master), master);
	assert_true(master_epoch(cluster->master) > epoch);
	assert_int_equal(cluster_metric(cluster, "master/slaves_recovering"), 2);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id, .master_id = master });
	assert_string_equal(agent.id, id);
	cluster_wait(cluster, 600000);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	agent_forget(&agent);
	cluster_restart(cluster);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	assert_int_equal(cluster_metric(cluster, "master/slaves_recovering"), 1);
	agent_subscribe(cluster, &other, (struct subscribe){ .id = other_id, .hostname = "other" });
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 0);
	agent_forget(&other);
	done(cluster, &agent, NULL);
}

static void test_lost_records_are_rebuilt_from_what_agents_know(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 }, other = { 0 };
	char id[256], master[256], missing[300];
	struct err e = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(id, sizeof(id), "%s", agent.id);
	snprintf(master, sizeof(master), "%s", master_id(cluster->master));
	agent_forget(&agent);
	/* The master's own record: its id stands in front of its agents'. */
	assert_int_equal(store_delete(cluster->store, "master", "self", &e), 0);
	cluster_restart(cluster);
	assert_string_equal(master_id(cluster->master), master);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id, .master_id = master });
	/* An agent's: it is one of ours by its id, and the id is not given again. */
	snprintf(missing, sizeof(missing), "%s-S7", master);
	agent_subscribe(cluster, &other, (struct subscribe){ .id = missing, .hostname = "x" });
	agent_forget(&other);
	agent_subscribe(cluster, &other, (struct subscribe){ .hostname = "y" });
	snprintf(missing, sizeof(missing), "%s-S8", master);
	assert_string_equal(other.id, missing);
	agent_forget(&other);
	done(cluster, &agent, NULL);
}

static void test_an_agent_unreachable_for_weeks_is_forgotten(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	for (int i = 0; i < 6; i++)
		cluster_wait(cluster, 15000);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	cluster_wait(cluster, INT64_C(13) * 24 * 3600 * 1000);
	assert_int_equal(cluster_metric(cluster, "master/tasks_unreachable"), 1);
	cluster_wait(cluster, INT64_C(2) * 24 * 3600 * 1000);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 0);
	assert_int_equal(cluster_metric(cluster, "master/tasks_unreachable"), 0);
	cluster_restart(cluster);
	assert_int_equal(cluster_metric(cluster, "master/slaves_recovering"), 0);
	done(cluster, &agent, &framework);
}

static void test_a_backup_does_not_give_ids_twice(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	char expected[300];

	(void)state;
	cluster->options.skip_ids = 1000;
	cluster_restart(cluster);
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(expected, sizeof(expected), "%s-S1000", master_id(cluster->master));
	assert_string_equal(agent.id, expected);
	done(cluster, &agent, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_agent_keeps_its_id),
		cmocka_unit_test(test_refused_subscriptions_say_why),
		cmocka_unit_test(test_a_restarted_agent_replaces_its_old_stream),
		cmocka_unit_test(test_an_overtaken_subscription_is_refused),
		cmocka_unit_test(test_an_id_that_was_lost_on_its_way_is_given_again),
		cmocka_unit_test(test_missed_pings_make_unreachable_and_the_way_back),
		cmocka_unit_test(test_a_master_that_slept_does_not_blame_its_agents),
		cmocka_unit_test(test_a_degraded_agent_is_not_offered_until_it_is_well),
		cmocka_unit_test(test_what_degraded_agents_say_is_bounded),
		cmocka_unit_test(test_a_lost_stream_rescinds_and_waits),
		cmocka_unit_test(test_a_restart_remembers_agents_and_their_absence),
		cmocka_unit_test(test_lost_records_are_rebuilt_from_what_agents_know),
		cmocka_unit_test(test_an_agent_unreachable_for_weeks_is_forgotten),
		cmocka_unit_test(test_a_backup_does_not_give_ids_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
