/* Offers: their form, their end, and what an ACCEPT may do with them. */
#include "tests/unit/master_harness.h"

static void done(struct cluster *cluster, struct fake_agent *agent,
		 struct fake_framework *framework)
{
	agent_forget(agent);
	framework_forget(framework);
	cluster_free(cluster);
}

static void begin(struct cluster **cluster, struct fake_agent *agent,
		  struct fake_framework *framework)
{
	*cluster = cluster_new();
	agent_subscribe(*cluster, agent, (struct subscribe){ 0 });
	framework_subscribe(*cluster, framework, FRAMEWORK);
	assert_non_null(framework_offer(framework));
}

static void accept_offer(struct fake_framework *framework, const char *offer_id,
			 const char *tasks)
{
	framework_call(framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"operations\":["
		       "{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[%s]}}],"
		       "\"filters\":{\"refuse_seconds\":3600}}",
		       offer_id, tasks);
	cluster_turn(framework->cluster);
}

static void test_several_agents_come_in_one_event(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agents[3] = { 0 };
	struct fake_framework framework = { 0 };
	const Mesos__V1__Scheduler__Event *event;

	(void)state;
	for (int i = 0; i < 3; i++)
		agent_subscribe(cluster, &agents[i], (struct subscribe){ .port = 6000 + i });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	event = framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);
	assert_int_equal(event->offers->n_offers, 3);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS), 1);
	agent_forget(&agents[1]);
	agent_forget(&agents[2]);
	done(cluster, &agents[0], &framework);
}

static void test_frameworks_of_several_roles_see_the_role(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	const Mesos__V1__Offer *offer;

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework,
			    "{\"user\":\"u\",\"name\":\"n\",\"roles\":[\"eng/a\"],"
			    "\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]}");
	offer = framework_offer(&framework);
	assert_string_equal(offer->allocation_info->role, "eng/a");
	assert_string_equal(offer->resources[0]->allocation_info->role, "eng/a");
	done(cluster, &agent, &framework);
}

static void test_an_offer_not_answered_is_rescinded_and_made_again(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char id[256];

	(void)state;
	begin(&cluster, &agent, &framework);
	snprintf(id, sizeof(id), "%s", framework_offer(&framework)->id->value);
	framework_forget(&framework);
	cluster_wait(cluster, 29999);
	assert_null(framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND));
	cluster_wait(cluster, 1);
	assert_string_equal(framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND)
			    ->rescind->offer_id->value, id);
	assert_non_null(framework_offer(&framework));
	assert_string_not_equal(framework_offer(&framework)->id->value, id);
	done(cluster, &agent, &framework);
}

static void test_declined_offers_stay_away_as_long_as_asked(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };

	(void)state;
	begin(&cluster, &agent, &framework);
	framework_call(&framework, NULL,
		       "\"type\":\"DECLINE\",\"decline\":{\"offer_ids\":[{\"value\":"
		       "\"%s\"}],\"filters\":{\"refuse_seconds\":60}}",
		       framework_offer(&framework)->id->value);
	framework_forget(&framework);
	cluster_wait(cluster, 59000);
	assert_null(framework_offer(&framework));
	cluster_wait(cluster, 2000);
	assert_non_null(framework_offer(&framework));
	/* Declined twice, and one that is not known: nothing happens. */
	for (int i = 0; i < 2; i++)
		framework_call(&framework, NULL, "\"type\":\"DECLINE\",\"decline\":{\"offer_ids\":["
			       "{\"value\":\"%s\"},{\"value\":\"nonsense\"}]}",
			       framework_offer(&framework)->id->value);
	framework_forget(&framework);
	cluster_turn(cluster);
	assert_null(framework_offer(&framework));
	framework_call(&framework, NULL, "\"type\":\"REVIVE\"");
	cluster_turn(cluster);
	assert_non_null(framework_offer(&framework));
	done(cluster, &agent, &framework);
}

static void test_suppressed_means_no_offers_until_revived(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };

	(void)state;
	begin(&cluster, &agent, &framework);
	framework_call(&framework, NULL, "\"type\":\"SUPPRESS\"");
	framework_call(&framework, NULL,
		       "\"type\":\"DECLINE\",\"decline\":{\"offer_ids\":[{\"value\":"
		       "\"%s\"}],\"filters\":{\"refuse_seconds\":0}}",
		       framework_offer(&framework)->id->value);
	framework_forget(&framework);
	cluster_wait(cluster, 100000);
	assert_null(framework_offer(&framework));
	framework_call(&framework, NULL, "\"type\":\"REVIVE\",\"revive\":{\"roles\":[\"other\"]}");
	cluster_turn(cluster);
	assert_null(framework_offer(&framework));
	framework_call(&framework, NULL, "\"type\":\"REVIVE\",\"revive\":{\"roles\":[\"*\"]}");
	cluster_turn(cluster);
	assert_non_null(framework_offer(&framework));
	done(cluster, &agent, &framework);
}

static void test_what_is_left_of_an_offer_is_declined(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char tasks[4096], t2[1024];

	(void)state;
	begin(&cluster, &agent, &framework);
	snprintf(tasks, sizeof(tasks), TASK_JSON, "t1", agent.id, 1.0, 100.0, 31000, 31000);
	snprintf(t2, sizeof(t2), "," TASK_JSON, "t2", agent.id, 2.0, 100.0, 31001, 31002);
	strcat(tasks, t2);
	accept_offer(&framework, framework_offer(&framework)->id->value, tasks);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 2);
	framework_forget(&framework);
	cluster_wait(cluster, 3000000);
	assert_null(framework_offer(&framework));
	/* A task's end makes more than what was refused. */
	agent_update(cluster, &agent, framework.id, "t1", "TASK_FINISHED", UUID_A, NULL);
	assert_non_null(framework_offer(&framework));
	assert_float_equal(scalar_of(framework_offer(&framework)->resources,
				     framework_offer(&framework)->n_resources, "cpus"), 2, 1e-9);
	done(cluster, &agent, &framework);
}

static void test_invalid_offers_drop_every_task(void **state)
{
	static const struct { const char *info; Mesos__V1__TaskState state; } kinds[] = {
		{ FRAMEWORK, MESOS__V1__TASK_STATE__TASK_DROPPED },
		{ "{\"user\":\"u\",\"name\":\"n\"}", MESOS__V1__TASK_STATE__TASK_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct cluster *cluster = cluster_new();
		struct fake_agent agent = { 0 };
		struct fake_framework framework = { 0 };
		char task[1024], id[256];

		agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
		framework_subscribe(cluster, &framework, kinds[i].info);
		snprintf(task, sizeof(task), TASK_JSON, "t1", agent.id, 1.0, 100.0, 31000, 31000);
		snprintf(id, sizeof(id), "%s", framework_offer(&framework)->id->value);
		framework_call(&framework, NULL, "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":["
			       "{\"value\":\"%s\"},{\"value\":\"%s\"}],\"operations\":[{\"type\":"
			       "\"LAUNCH\",\"launch\":{\"task_infos\":[%s]}}]}", id, id, task);
		cluster_turn(cluster);
		assert_int_equal(framework_status(&framework)->state, kinds[i].state);
		assert_int_equal(framework_status(&framework)->reason,
				 MESOS__V1__TASK_STATUS__REASON__REASON_INVALID_OFFERS);
		assert_int_equal(framework_status(&framework)->source,
				 MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER);
		assert_false(framework_status(&framework)->has_uuid);
		assert_non_null(strstr(framework_status(&framework)->message, "Duplicate offer"));
		/* The offer is spent: using it again is too late. */
		framework_forget(&framework);
		accept_offer(&framework, id, task);
		assert_non_null(strstr(framework_status(&framework)->message, "no longer valid"));
		framework_call(&framework, NULL, "\"type\":\"ACCEPT\",\"accept\":{\"operations\":[{"
			       "\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[%s]}}]}", task);
		cluster_turn(cluster);
		assert_string_equal(framework_status(&framework)->message, "No offers specified");
		assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 0);
		done(cluster, &agent, &framework);
	}
}

/* Found by the simulation: a proxy that lost the answer asks again, at once or once the task has ENDED. */
static void accept_twice(const char *ended, Mesos__V1__TaskState told)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char task[1024], id[256];

	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	snprintf(task, sizeof(task), TASK_JSON, "t1", agent.id, 1.0, 100.0, 31000, 31000);
	snprintf(id, sizeof(id), "%s", framework_offer(&framework)->id->value);
	accept_offer(&framework, id, task);
	if (ended) {
		agent_update(cluster, &agent, framework.id, "t1", ended, UUID_A, NULL);
		framework_acknowledge(&framework, agent.id, "t1", UUID_A);
	}
	accept_offer(&framework, id, task);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 1);
	assert_int_equal(framework_status(&framework)->state, told);
	assert_int_equal(framework_status(&framework)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	done(cluster, &agent, &framework);
}

static void test_an_accept_that_comes_twice_drops_nothing(void **state)
{
	(void)state;
	accept_twice(NULL, MESOS__V1__TASK_STATE__TASK_STAGING);
}

/* What has ended and is acknowledged is gone to those who ask for it, and was not dropped. */
static void test_an_accept_that_comes_again_after_the_end_drops_nothing(void **state)
{
	(void)state;
	accept_twice("TASK_FAILED", MESOS__V1__TASK_STATE__TASK_GONE);
}

static void test_offers_of_two_agents_do_not_mix(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agents[2] = { 0 };
	struct fake_framework framework = { 0 };
	const Mesos__V1__Scheduler__Event *event;
	char task[1024];

	(void)state;
	for (int i = 0; i < 2; i++)
		agent_subscribe(cluster, &agents[i], (struct subscribe){ .port = 6000 + i });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	event = framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);
	snprintf(task, sizeof(task), TASK_JSON, "t1", agents[0].id, 1.0, 100.0, 31000, 31000);
	framework_call(
		&framework, NULL,
		"\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":"
		"\"%s\"},{\"value\":\"%s\"}],\"operations\":[{\"type\":\"LAUNCH\",\"launch\":"
		"{\"task_infos\":[%s]}}]}",
		event->offers->offers[0]->id->value, event->offers->offers[1]->id->value, task);
	framework_forget(&framework);
	cluster_turn(cluster);
	assert_non_null(strstr(framework_status(&framework)->message, "different agents"));
	/* Both are free again. */
	event = framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);
	assert_int_equal(event->offers->n_offers, 2);
	agent_forget(&agents[1]);
	done(cluster, &agents[0], &framework);
}

#define CPU(value) "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}}"
#define TASK(id, agent, rest)                                                                 \
	"{\"name\":\"t\",\"task_id\":{\"value\":\"" id "\"},\"agent_id\":{\"value\":\"" agent \
	"\"}," rest "}"
#define COMMAND "\"command\":{\"value\":\"true\"}"
#define GOOD COMMAND ",\"resources\":[" CPU("1.0") "]"

/* For ROLE, below "a". */
#define REFINED(role) \
	"{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":[" \
	"{\"type\":\"STATIC\",\"role\":\"a\"},{\"type\":\"DYNAMIC\",\"role\":\"" role "\"}]}"

/* AGENT stands for the agent's id. */
static const struct { const char *task, *message;
} invalid[] = {
	{ TASK("", "AGENT", GOOD), "Task id '' must have 1 to 255 bytes" },
	{ TASK("a/b", "AGENT", GOOD), "Task id 'a/b' must have" },
	{ TASK("..", "AGENT", GOOD), "Task id '..' must have" },
	{ TASK("here", "AGENT", GOOD), "Task has duplicate ID: here" },
	{ TASK("x", "other", GOOD), "Task uses invalid agent other while agent " },
	{ TASK("x", "AGENT", "\"resources\":[" CPU("1.0") "]"),
	  "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present" },
	{ TASK("x", "AGENT",
	       "\"executor\":{\"executor_id\":{\"value\":\"e\"}},\"resources\":[" CPU("1.0") "]"),
	  "Executor 'e' has no command" },
	{ TASK("x", "AGENT", COMMAND), "Task uses no resources" },
	{ TASK("x", "AGENT", COMMAND ",\"resources\":[" CPU("-1.0") "]"),
	  "Task uses invalid resources: read resource 'cpus': -1 is negative" },
	{ TASK("x", "AGENT", COMMAND ",\"resources\":[" CPU("1.0") "," CPU("1.0") "]"),
	  "Task names resource 'cpus' twice" },
	{ TASK("x", "AGENT", COMMAND ",\"resources\":[" REFINED("a/b") "," REFINED("a/b") "]"),
	  "Task names resource 'cpus' twice" },
	/* These are not the same, but they are not offered. */
	{ TASK("x", "AGENT", COMMAND ",\"resources\":[" REFINED("a/b") "," REFINED("a/c") "]"),
	  "Task uses more resources (cpus(" },
	{ TASK("x", "AGENT", COMMAND ",\"resources\":[" CPU("1000.0") "]"),
	  "Task uses more resources (cpus:1000" },
	{ TASK("x", "AGENT",
	       COMMAND ",\"resources\":[{\"name\":\"ports\",\"type\":\"RANGES\","
		       "\"ranges\":{\"range\":[{\"begin\":80,\"end\":80}]}}]"),
	  "Task uses more resources (" },
	{ TASK("x", "AGENT",
	       COMMAND ",\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\","
		       "\"scalar\":{\"value\":1},\"allocation_info\":{\"role\":\"other\"}}]"),
	  "Task uses resources allocated to role 'other', the offer is to role '*'" },
	{ TASK("x", "AGENT",
	       "\"command\":{\"value\":\"true\",\"environment\":{\"variables\":["
	       "{\"name\":\"A=B\",\"value\":\"1\"}]}},\"resources\":[" CPU("1.0") "]"),
	  "Task's `CommandInfo` is invalid: Environment variable 'A=B' has no valid name" },
	{ TASK("x", "AGENT",
	       "\"command\":{\"value\":\"true\",\"environment\":{\"variables\":["
	       "{\"name\":\"A\"}]}},\"resources\":[" CPU("1.0") "]"),
	  "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value" },
	{ TASK("x", "AGENT", GOOD ",\"limits\":{\"cpus\":{\"value\":0.5}}"),
	  "The cpu limit must be greater than or equal to the cpu request (0.5, 1)" },
	{ TASK("x", "AGENT", GOOD ",\"limits\":{\"disk\":{\"value\":5}}"),
	  "Only cpus and mem may be included in a task's resource limits, not 'disk'" },
	{ TASK("x", "AGENT",
	       GOOD ",\"health_check\":{\"type\":\"HTTP\",\"http\":{\"port\":80,"
		    "\"path\":\"x\"}}"),
	  "Task uses invalid health check: The path 'x' of HTTP health check must start with '/'" },
	{ TASK("x", "AGENT",
	       GOOD ",\"health_check\":{\"type\":\"HTTP\",\"http\":{\"port\":80,"
		    "\"scheme\":\"ftp\"}}"),
	  "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'" },
	{ TASK("x", "AGENT", GOOD ",\"health_check\":{\"type\":\"TCP\",\"tcp\":{\"port\":70000}}"),
	  "Task uses invalid health check: 70000 is not a port for TCP health check" },
	{ TASK("x", "AGENT", GOOD ",\"health_check\":{\"type\":\"TCP\"}"),
	  "Task uses invalid health check: Expecting 'tcp' to be set for TCP health check" },
	{ TASK("x", "AGENT",
	       GOOD ",\"health_check\":{\"tcp\":{\"port\":7},\"delay_seconds\":-1.0}"),
	  "Task uses invalid health check: Expecting 'delay_seconds' to be non-negative" },
	{ TASK("x", "AGENT", GOOD ",\"kill_policy\":{\"grace_period\":{\"nanoseconds\":-1}}"),
	  "Task's 'kill_policy.grace_period' must be non-negative" },
};

static void put_agent_id(const char *text, const char *agent_id, char *ret, size_t size)
{
	const char *mark = strstr(text, "AGENT");

	if (mark)
		snprintf(ret, size, "%.*s%s%s", (int)(mark - text), text, agent_id,
			 mark + strlen("AGENT"));
	else
		snprintf(ret, size, "%s", text);
}

static void test_invalid_tasks_are_named_and_the_others_run(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };

	(void)state;
	begin(&cluster, &agent, &framework);
	framework_launch(&framework, "here", .1, 32, 31050);
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
		char tasks[4096], good[1024], task[2048];

		framework_call(&framework, NULL, "\"type\":\"REVIVE\"");
		agent_forget(&agent);
		cluster_turn(cluster);
		snprintf(good, sizeof(good), TASK_JSON, "good", agent.id, 1.0, 100.0, 31000, 31000);
		put_agent_id(invalid[i].task, agent.id, task, sizeof(task));
		snprintf(tasks, sizeof(tasks), "%s,%s", task, good);
		accept_offer(&framework, framework_offer(&framework)->id->value, tasks);
		assert_int_equal(framework_status(&framework)->state,
				 MESOS__V1__TASK_STATE__TASK_ERROR);
		assert_int_equal(framework_status(&framework)->reason,
				 MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID);
		if (!strstr(framework_status(&framework)->message, invalid[i].message))
			fail_msg("'%s' is not in '%s'", invalid[i].message,
				 framework_status(&framework)->message);
		assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 1);
		agent_update(cluster, &agent, framework.id, "good", "TASK_FINISHED", UUID_A, NULL);
		framework_acknowledge(&framework, agent.id, "good", UUID_A);
	}
	done(cluster, &agent, &framework);
}

static void test_a_call_that_is_wrong_changes_nothing(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	struct err e = { 0 };
	char id[256];

	(void)state;
	begin(&cluster, &agent, &framework);
	snprintf(id, sizeof(id), "%s", framework_offer(&framework)->id->value);
	assert_int_equal(framework_call(&framework, &e,
					"\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":"
					"[{\"value\":\"%s\"}],\"operations\":[{\"type\":"
					"\"RESERVE\",\"create\":{}}]}",
					id),
			 -EINVAL);
	assert_string_equal(e.msg, "accept offers: operation RESERVE and its body do not fit");
	/* The offer still stands. */
	framework_launch(&framework, "t1", 1, 100, 31000);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 1);
	framework_forget(&framework);
	cluster_wait(cluster, 6000);
	framework_call(&framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":"
		       "\"%s\"}],\"operations\":[{\"type\":\"LAUNCH_GROUP\",\"launch_group\":{"
		       "\"executor\":"
		       "{\"executor_id\":{\"value\":\"e\"}},\"task_group\":{\"tasks\":[" TASK_JSON
		       "]}}}]}",
		       framework_offer(&framework)->id->value, "g1", agent.id, 1.0, 100.0, 31001,
		       31001);
	cluster_turn(cluster);
	assert_int_equal(framework_status(&framework)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID);
	done(cluster, &agent, &framework);
}

static void test_offer_ids_are_not_given_twice(void **state)
{
	struct cluster *cluster;
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	unsigned long first, second;

	(void)state;
	begin(&cluster, &agent, &framework);
	first = strtoul(strstr(framework_offer(&framework)->id->value, "-O") + 2, NULL, 10);
	agent_forget(&agent);
	framework_forget(&framework);
	cluster_restart(cluster);
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	second = strtoul(strstr(framework_offer(&framework)->id->value, "-O") + 2, NULL, 10);
	assert_true(second > first);
	done(cluster, &agent, &framework);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_agents_come_in_one_event),
		cmocka_unit_test(test_frameworks_of_several_roles_see_the_role),
		cmocka_unit_test(test_an_offer_not_answered_is_rescinded_and_made_again),
		cmocka_unit_test(test_declined_offers_stay_away_as_long_as_asked),
		cmocka_unit_test(test_suppressed_means_no_offers_until_revived),
		cmocka_unit_test(test_what_is_left_of_an_offer_is_declined),
		cmocka_unit_test(test_invalid_offers_drop_every_task),
		cmocka_unit_test(test_an_accept_that_comes_twice_drops_nothing),
		cmocka_unit_test(test_an_accept_that_comes_again_after_the_end_drops_nothing),
		cmocka_unit_test(test_offers_of_two_agents_do_not_mix),
		cmocka_unit_test(test_invalid_tasks_are_named_and_the_others_run),
		cmocka_unit_test(test_a_call_that_is_wrong_changes_nothing),
		cmocka_unit_test(test_offer_ids_are_not_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
