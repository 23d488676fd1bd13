/* Custom executors at the master: charged once, the same for all their tasks, and gone when told. */
#include "tests/unit/master_harness.h"

struct scene {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
	char agent_id[256];
};

#define RESOURCE(name, value) \
	"{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}}"
#define EXECUTOR(id, command) \
	"{\"executor_id\":{\"value\":\"" id "\"},\"command\":{\"value\":\"" command "\"}," \
	"\"resources\":[" RESOURCE("cpus", "0.5") "," RESOURCE("mem", "64") "]}"

static struct scene *begin(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->cluster = cluster_new();
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){
		.resources = "[" RESOURCE("cpus", "4") "," RESOURCE("mem", "1024") ","
			     RESOURCE("disk", "100") "]",
	});
	snprintf(s->agent_id, sizeof(s->agent_id), "%s", s->agent.id);
	framework_subscribe(s->cluster, &s->framework, FRAMEWORK);
	return s;
}

static void end(struct scene *s)
{
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	cluster_free(s->cluster);
	free(s);
}

/* A task of one cpu on the last offer; refused offers come back with the next turn. */
static void launch(struct scene *s, const char *task_id, const char *executor)
{
	const Mesos__V1__Offer *offer = framework_offer(&s->framework);

	assert_non_null(offer);
	framework_call(&s->framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"filters\":{\"refuse_seconds\":0},\"operations\":[{\"type\":\"LAUNCH\","
		       "\"launch\":{\"task_infos\":[{\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},"
		       "\"agent_id\":{\"value\":\"%s\"},\"executor\":%s,\"resources\":[%s]}]}}]}",
		       offer->id->value, task_id, s->agent_id, executor, RESOURCE("cpus", "1"));
	cluster_wait(s->cluster, 2000);
}

static double offered_cpus(const struct scene *s)
{
	const Mesos__V1__Offer *offer = framework_offer(&s->framework);

	return scalar_of(offer->resources, offer->n_resources, "cpus");
}

static void exited(struct scene *s, const char *id, int status)
{
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"EXECUTOR_EXITED\",\"agent_id\":{\"value\":\"%s\"},\"executor_exited\":{"
		"\"framework_id\":{\"value\":\"%s\"},\"executor_id\":{\"value\":\"%s\"},"
		"\"status\":%d}}", s->agent_id, s->framework.id, id, status);
	struct err e = { 0 };

	assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms, &e), 0);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	cluster_wait(s->cluster, 2000);
}

static void is_charged_once_while_it_lives(void **state)
{
	struct scene *s = begin();
	const Tepui__AgentEvent *run;
	const Mesos__V1__Scheduler__Event *failure;

	(void)state;
	assert_float_equal(offered_cpus(s), 4, 0);
	assert_int_equal(framework_offer(&s->framework)->n_executor_ids, 0);
	launch(s, "t1", EXECUTOR("x", "run"));
	run = agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK);
	assert_string_equal(run->run_task->task->executor->framework_id->value, s->framework.id);
	assert_string_equal(run->run_task->task->executor->resources[0]->allocation_info->role, "*");
	assert_float_equal(offered_cpus(s), 2.5, 0);
	assert_string_equal(framework_offer(&s->framework)->executor_ids[0]->value, "x");
	launch(s, "t2", EXECUTOR("x", "run"));
	assert_float_equal(offered_cpus(s), 1.5, 0);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FINISHED", UUID_A, NULL);
	agent_update(s->cluster, &s->agent, s->framework.id, "t2", "TASK_FINISHED", UUID_B, NULL);
	cluster_wait(s->cluster, 2000);
	framework_call(&s->framework, NULL, "\"type\":\"REVIVE\"");
	exited(s, "x", 256);
	failure = framework_last(&s->framework, MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE);
	assert_string_equal(failure->failure->executor_id->value, "x");
	assert_string_equal(failure->failure->agent_id->value, s->agent_id);
	assert_int_equal(failure->failure->status, 256);
	/* Twice is as good as once. */
	exited(s, "x", 0);
	assert_int_equal(framework_count(&s->framework,
					 MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE), 1);
	/* What it took is offered, and its id is free. */
	assert_float_equal(offered_cpus(s), 0.5, 0);
	launch(s, "t3", EXECUTOR("x", "another"));
	assert_non_null(strstr(framework_status(&s->framework)->message, "uses more resources"));
	end(s);
}

static void another_under_the_same_id_is_refused(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", EXECUTOR("x", "run"));
	launch(s, "t2", EXECUTOR("x", "run another"));
	assert_int_equal(framework_status(&s->framework)->state, MESOS__V1__TASK_STATE__TASK_ERROR);
	assert_int_equal(framework_status(&s->framework)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID);
	assert_non_null(strstr(framework_status(&s->framework)->message, "not compatible"));
	launch(s, "t3", EXECUTOR("y", "run another"));
	assert_float_equal(offered_cpus(s), 1, 0);
	end(s);
}

static void what_is_no_executor_is_refused(void **state)
{
	static const char *const bad[] = {
		EXECUTOR("a/b", "run"),
		"{\"executor_id\":{\"value\":\"x\"}}",
		"{\"type\":\"DEFAULT\",\"executor_id\":{\"value\":\"x\"}}",
		"{\"executor_id\":{\"value\":\"x\"},\"command\":{\"value\":\"run\"},"
		"\"framework_id\":{\"value\":\"other\"}}",
		"{\"executor_id\":{\"value\":\"x\"},\"command\":{\"value\":\"run\"},\"resources\":["
		RESOURCE("cpus", "3.5") "]}",
	};
	struct scene *s = begin();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		launch(s, "t1", bad[i]);
		assert_int_equal(framework_status(&s->framework)->state,
				 MESOS__V1__TASK_STATE__TASK_ERROR);
		framework_call(&s->framework, NULL, "\"type\":\"REVIVE\"");
		cluster_wait(s->cluster, 2000);
		assert_float_equal(offered_cpus(s), 4, 0);
	}
	end(s);
}

/* The exit and a new task cross: the agent begins the executor anew, and it stays charged. */
static void an_exit_that_crosses_a_launch(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", EXECUTOR("x", "run"));
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);
	launch(s, "t2", EXECUTOR("x", "run"));
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FAILED", UUID_B, NULL);
	exited(s, "x", 1);
	framework_call(&s->framework, NULL, "\"type\":\"REVIVE\"");
	cluster_wait(s->cluster, 2000);
	agent_update(s->cluster, &s->agent, s->framework.id, "t2", "TASK_RUNNING", UUID_A, NULL);
	cluster_wait(s->cluster, 40000);
	assert_float_equal(offered_cpus(s), 2.5, 0);
	end(s);
}

/* As above, but the agent did not begin it anew. */
static void an_exit_that_crosses_a_launch_which_fails(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", EXECUTOR("x", "run"));
	exited(s, "x", 1);
	agent_update_by(s->cluster, &s->agent, "SOURCE_AGENT", s->framework.id, "t1", "TASK_FAILED",
			UUID_B, NULL);
	cluster_wait(s->cluster, 40000);
	assert_float_equal(offered_cpus(s), 4, 0);
	assert_int_equal(framework_offer(&s->framework)->n_executor_ids, 0);
	end(s);
}

/* Found by the simulation: it was begun anew, and the first that it says of the task is its end. */
static void an_exit_that_crosses_a_task_which_ends_at_once(void **state)
{
	struct scene *s = begin();

	(void)state;
	launch(s, "t1", EXECUTOR("x", "run"));
	exited(s, "x", 1);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FAILED", UUID_B, NULL);
	cluster_wait(s->cluster, 40000);
	assert_float_equal(offered_cpus(s), 3.5, 0);
	assert_int_equal(framework_offer(&s->framework)->n_executor_ids, 1);
	exited(s, "x", 1);
	framework_call(&s->framework, NULL, "\"type\":\"REVIVE\"");
	cluster_wait(s->cluster, 40000);
	assert_float_equal(offered_cpus(s), 4, 0);
	end(s);
}

#define GROUP_EXECUTOR(type, command, mem) \
	"{\"type\":\"" type "\",\"executor_id\":{\"value\":\"x\"}," command "\"resources\":[" \
	RESOURCE("cpus", "0.5") "," RESOURCE("mem", mem) "," RESOURCE("disk", "8") "]}"
#define RUN "\"command\":{\"value\":\"run\"},"
#define GROUP_TASK \
	"{\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"}," \
	"\"command\":{\"value\":\"true\"},\"resources\":[" RESOURCE("cpus", "%s") "]}"

/* Two tasks of so many cpus. */
struct pair {
	const char *first, *first_cpus, *second, *second_cpus;
};

static void launch_group_of(struct scene *s, const char *executor, struct pair tasks)
{
	const Mesos__V1__Offer *offer = framework_offer(&s->framework);

	framework_call(&s->framework, NULL,
		       "\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
		       "\"filters\":{\"refuse_seconds\":0},\"operations\":[{"
		       "\"type\":\"LAUNCH_GROUP\",\"launch_group\":{\"executor\":%s,"
		       "\"task_group\":{\"tasks\":[" GROUP_TASK "," GROUP_TASK "]}}}]}",
		       offer->id->value, executor, tasks.first, s->agent_id, tasks.first_cpus,
		       tasks.second, s->agent_id, tasks.second_cpus);
	cluster_wait(s->cluster, 2000);
}

static void a_group_goes_as_one(void **state)
{
	struct scene *s = begin();
	const Tepui__AgentEvent *event;

	(void)state;
	launch_group_of(s, GROUP_EXECUTOR("CUSTOM", RUN, "32"), (struct pair){ "a", "1", "b", "1" });
	event = agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK_GROUP);
	assert_non_null(event);
	assert_int_equal(event->run_task_group->n_tasks, 2);
	assert_string_equal(event->run_task_group->tasks[1]->executor->executor_id->value, "x");
	assert_string_equal(event->run_task_group->tasks[1]->command->value, "true");
	assert_string_equal(
		event->run_task_group->tasks[1]->resources[0]->allocation_info->role, "*");
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 0);
	assert_float_equal(offered_cpus(s), 1.5, 0);
	end(s);
}

static void a_group_of_which_one_is_wrong_goes_nowhere(void **state)
{
	static const struct {
		const char *executor;
		struct pair tasks;
		const char *message;
	} bad[] = {
		{ GROUP_EXECUTOR("CUSTOM", RUN, "32"), { "a", "1", "a", "1" },
		  "duplicate" },
		{ GROUP_EXECUTOR("CUSTOM", RUN, "32"), { "a", "1", "b", "3" },
		  "Task group uses more resources" },
		{ GROUP_EXECUTOR("CUSTOM", RUN, "32"), { "a", "1", "b", "-1" },
		  "'b' in the task group is invalid" },
		{ GROUP_EXECUTOR("CUSTOM", RUN, "31"), { "a", "1", "b", "1" },
		  "32 MB" },
		{ GROUP_EXECUTOR("CUSTOM", "", "32"), { "a", "1", "b", "1" },
		  "no command" },
		{ GROUP_EXECUTOR("DEFAULT", RUN, "32"), { "a", "1", "b", "1" },
		  "must not be set for 'DEFAULT'" },
		{ GROUP_EXECUTOR("UNKNOWN", RUN, "32"), { "a", "1", "b", "1" },
		  "'ExecutorInfo.type' must be set" },
	};
	struct scene *s = begin();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		launch_group_of(s, bad[i].executor, bad[i].tasks);
		assert_int_equal(framework_count(&s->framework,
						 MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE),
				 2 * (i + 1));
		assert_int_equal(framework_status(&s->framework)->reason,
				 MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID);
		if (!strstr(framework_status(&s->framework)->message, bad[i].message))
			fail_msg("'%s' is not in '%s'", bad[i].message,
				 framework_status(&s->framework)->message);
		assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK_GROUP),
				 0);
	}
	end(s);
}

/* As messages, or by name. */
static double listed_cpus(const json_t *resources)
{
	size_t i;
	json_t *resource;

	json_array_foreach(resources, i, resource) {
		if (strcmp(json_string_value(json_object_get(resource, "name")), "cpus") == 0)
			return json_number_value(json_object_get(
				json_object_get(resource, "scalar"), "value"));
	}
	return json_number_value(json_object_get(resources, "cpus"));
}

static void counts_in_what_its_framework_and_role_have(void **state)
{
	struct scene *s = begin();
	const struct listing_query query = { .is_ascending = true };
	json_t *v1, *state_json, *roles, *legacy_roles, *row;

	(void)state;
	launch(s, "t1", EXECUTOR("x", "run"));
	v1 = cluster_list(s->cluster, &listing_get_frameworks, &query);
	row = json_array_get(json_object_get(json_object_get(v1, "get_frameworks"), "frameworks"), 0);
	assert_float_equal(listed_cpus(json_object_get(row, "allocated_resources")), 1.5, 0);
	state_json = cluster_list(s->cluster, &listing_state, &query);
	row = json_array_get(json_object_get(state_json, "frameworks"), 0);
	assert_float_equal(listed_cpus(json_object_get(row, "used_resources")), 1.5, 0);
	/* Of a role: what is offered to it, too. */
	roles = master_roles_json(s->cluster->master, true);
	row = json_array_get(json_object_get(roles, "roles"), 0);
	assert_float_equal(listed_cpus(json_object_get(row, "resources")), 4, 0);
	legacy_roles = master_roles_json(s->cluster->master, false);
	row = json_array_get(json_object_get(legacy_roles, "roles"), 0);
	assert_float_equal(listed_cpus(json_object_get(row, "resources")), 4, 0);
	json_decref(v1);
	json_decref(state_json);
	json_decref(roles);
	json_decref(legacy_roles);
	end(s);
}

static void bring(struct scene *s, const char *executors)
{
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"agent_info\":{\"id\":{\"value\":\"%s\"},"
		"\"hostname\":\"node\",\"port\":5051,\"resources\":[%s,%s]},\"boot_id\":\"boot\","
		"\"executors\":[%s]}}", s->agent_id, RESOURCE("cpus", "4"), RESOURCE("mem", "1024"),
		executors);
	struct err e = { 0 };

	agent_forget(&s->agent);
	s->agent.is_closed = false;
	if (master_agent_subscribe(s->cluster->master, call, &s->agent, s->cluster->now_ms, &e) < 0)
		fail_msg("%s", e.msg);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	cluster_wait(s->cluster, 2000);
}

static void comes_and_goes_with_what_its_agent_brings(void **state)
{
	struct scene *s = begin();
	char running[1000];

	(void)state;
	snprintf(running, sizeof(running), "{\"framework\":{\"user\":\"root\",\"name\":\"test\","
		 "\"id\":{\"value\":\"%s\"}},\"executor\":" EXECUTOR("x", "run") "}",
		 s->framework.id);
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	bring(s, running);
	assert_float_equal(offered_cpus(s), 3.5, 0);
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	bring(s, "");
	assert_float_equal(offered_cpus(s), 4, 0);
	end(s);
}

static void is_shut_down_with_its_framework(void **state)
{
	struct scene *s = begin();
	const Tepui__AgentEvent *event;

	(void)state;
	launch(s, "t1", EXECUTOR("x", "run"));
	framework_call(&s->framework, NULL, "\"type\":\"TEARDOWN\"");
	cluster_turn(s->cluster);
	event = agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN_EXECUTOR);
	assert_non_null(event);
	assert_string_equal(event->shutdown_executor->executor_id->value, "x");
	end(s);
}

static void what_it_says_reaches_its_framework(void **state)
{
	struct scene *s = begin();
	const Mesos__V1__Scheduler__Event *event;
	Tepui__AgentCall *call = (Tepui__AgentCall *)message(&tepui__agent_call__descriptor,
		"{\"type\":\"MESSAGE\",\"agent_id\":{\"value\":\"%s\"},\"message\":{"
		"\"framework_id\":{\"value\":\"%s\"},\"executor_id\":{\"value\":\"x\"},"
		"\"data\":\"aGVsbG8=\"}}", s->agent_id, s->framework.id);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(master_agent_call(s->cluster->master, call, s->cluster->now_ms, &e), 0);
	protobuf_c_message_free_unpacked(&call->base, NULL);
	cluster_turn(s->cluster);
	event = framework_last(&s->framework, MESOS__V1__SCHEDULER__EVENT__TYPE__MESSAGE);
	assert_memory_equal(event->message->data.data, "hello", 5);
	assert_string_equal(event->message->executor_id->value, "x");
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_charged_once_while_it_lives),
		cmocka_unit_test(another_under_the_same_id_is_refused),
		cmocka_unit_test(what_is_no_executor_is_refused),
		cmocka_unit_test(an_exit_that_crosses_a_launch),
		cmocka_unit_test(an_exit_that_crosses_a_launch_which_fails),
		cmocka_unit_test(an_exit_that_crosses_a_task_which_ends_at_once),
		cmocka_unit_test(a_group_goes_as_one),
		cmocka_unit_test(a_group_of_which_one_is_wrong_goes_nowhere),
		cmocka_unit_test(counts_in_what_its_framework_and_role_have),
		cmocka_unit_test(comes_and_goes_with_what_its_agent_brings),
		cmocka_unit_test(is_shut_down_with_its_framework),
		cmocka_unit_test(what_it_says_reaches_its_framework),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
