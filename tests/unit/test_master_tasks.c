/* Updates, kills, reconciliation, and tasks of agents that come and go. */
#include "tests/unit/master_harness.h"

struct scene {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
	char agent_id[256];
};

/* One agent, one framework, and the task "t1" running. */
static struct scene *begin(const char *info)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->cluster = cluster_new();
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){ 0 });
	snprintf(s->agent_id, sizeof(s->agent_id), "%s", s->agent.id);
	framework_subscribe(s->cluster, &s->framework, info);
	framework_launch(&s->framework, "t1", 1, 128, 31000);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_A);
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	return s;
}

static void end(struct scene *s)
{
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	cluster_free(s->cluster);
	free(s);
}

static void running(const struct scene *s, const char *task_id, const char *state, char *ret,
		    size_t size)
{
	snprintf(ret, size,
		 "{\"framework\":{\"user\":\"root\",\"name\":\"test\",\"id\":{\"value\":\"%s\"}},"
		 "\"task\":" TASK_JSON ",\"state\":\"%s\"}",
		 s->framework.id, task_id, s->agent_id, 1.0, 128.0, 31000, 31000, state);
}

static const Mesos__V1__TaskStatus *status(const struct scene *s)
{
	return framework_status(&s->framework);
}

static size_t updates(const struct scene *s)
{
	return framework_count(&s->framework, MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE);
}

static void reconcile(struct scene *s, const char *task_id, const char *agent_id)
{
	char agent[300] = "";

	if (agent_id)
		snprintf(agent, sizeof(agent), ",\"agent_id\":{\"value\":\"%s\"}", agent_id);
	framework_forget(&s->framework);
	framework_call(&s->framework, NULL, "\"type\":\"RECONCILE\",\"reconcile\":{\"tasks\":[{"
		       "\"task_id\":{\"value\":\"%s\"}%s}]}", task_id, agent);
	cluster_turn(s->cluster);
}

static void lose_agent(struct scene *s)
{
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	for (int i = 0; i < 6; i++)
		cluster_wait(s->cluster, 15000);
}

static void test_duplicates_are_passed_on_identically(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	for (int i = 0; i < 3; i++)
		agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_KILLING", UUID_B,
			     NULL);
	assert_int_equal(updates(s), 3);
	assert_string_equal(status(s)->agent_id->value, s->agent_id);
	assert_int_equal(status(s)->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
	/* Not acknowledged by the master itself. */
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE), 0);
	end(s);
}

static void test_the_latest_state_frees_resources_before_its_update_comes(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	cluster_wait(s->cluster, 6000);
	framework_forget(&s->framework);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_RUNNING", UUID_A,
		     "TASK_FAILED");
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
	cluster_wait(s->cluster, 31000);
	assert_float_equal(scalar_of(framework_offer(&s->framework)->resources,
				     framework_offer(&s->framework)->n_resources, "cpus"), 4, 1e-9);
	/* Its acknowledgement does not end the task: it was not the terminal one. */
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_A);
	reconcile(s, "t1", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_FAILED);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FAILED", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
	reconcile(s, "t1", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_UNKNOWN);
	end(s);
}

static void test_updates_of_unknown_tasks_and_frameworks(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	/* The framework knows more than the master may remember. */
	agent_update(s->cluster, &s->agent, s->framework.id, "old", "TASK_KILLED", UUID_B, NULL);
	assert_string_equal(status(s)->task_id->value, "old");
	framework_forget(&s->framework);
	agent_update(s->cluster, &s->agent, "nobody", "t", "TASK_KILLED", UUID_B, NULL);
	assert_int_equal(updates(s), 0);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE), 0);
	end(s);
}

static void test_a_wrong_uuid_is_refused_and_a_foreign_one_ends_nothing(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(framework_call(&s->framework, &e,
					"\"type\":\"ACKNOWLEDGE\",\"acknowledge\":{"
					"\"agent_id\":{\"value\":\"%s\"},\"task_id\":{\"value\":"
					"\"t1\"},\"uuid\":\"QUE=\"}",
					s->agent_id),
			 -EINVAL);
	assert_string_equal(e.msg, "Failed to validate scheduler::Call: 'uuid' has 2 bytes, not 16");
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FINISHED", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_A);
	reconcile(s, "t1", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_FINISHED);
	end(s);
}

static void test_kill_of_what_is_not_there_answers_as_reconciliation(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	framework_call(&s->framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"no\"}}");
	cluster_turn(s->cluster);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_UNKNOWN);
	assert_int_equal(status(s)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	framework_call(&s->framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"no\"},"
		       "\"agent_id\":{\"value\":\"%s\"}}",
		       s->agent_id);
	cluster_turn(s->cluster);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_GONE);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	end(s);
}

static void test_a_kill_while_the_agent_is_away_reaches_it_later(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char task[2048];

	(void)state;
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	framework_call(&s->framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"t1\"},"
		       "\"kill_policy\":{\"grace_period\":{\"nanoseconds\":9}}}");
	cluster_turn(s->cluster);
	running(s, "t1", "TASK_RUNNING", task, sizeof(task));
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = task });
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 1);
	assert_int_equal(agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK)
			 ->kill_task->kill_policy->grace_period->nanoseconds, 9);
	end(s);
}

static void test_a_kill_before_the_agent_is_back_after_the_masters_start(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char info[512], task[2048];

	(void)state;
	snprintf(info, sizeof(info),
		 "{\"user\":\"root\",\"name\":\"test\",\"id\":{\"value\":\"%s\"}}",
		 s->framework.id);
	cluster_restart(s->cluster);
	framework_subscribe(s->cluster, &s->framework, info);
	framework_forget(&s->framework);
	framework_call(&s->framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"t1\"}}");
	cluster_turn(s->cluster);
	assert_int_equal(updates(s), 0);
	running(s, "t1", "TASK_RUNNING", task, sizeof(task));
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = task });
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 1);
	assert_null(agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK)
			    ->kill_task->kill_policy);
	end(s);
}

static void test_what_the_agent_no_longer_has_is_gone_or_dropped(void **state)
{
	static const struct { const char *info; Mesos__V1__TaskState gone, dropped;
	} kinds[] = {
		{ FRAMEWORK, MESOS__V1__TASK_STATE__TASK_GONE,
		  MESOS__V1__TASK_STATE__TASK_DROPPED },
		{ "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":9}",
		  MESOS__V1__TASK_STATE__TASK_LOST, MESOS__V1__TASK_STATE__TASK_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scene *s = begin(kinds[i].info);
		const Mesos__V1__TaskStatus *told[2];

		/* "t2" was sent on a stream that ended: the agent may never have read it. */
		cluster_wait(s->cluster, 6000);
		framework_launch(&s->framework, "t2", 1, 128, 31001);
		framework_forget(&s->framework);
		master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
		agent_subscribe(s->cluster, &s->agent, (struct subscribe){ .id = s->agent_id });
		assert_int_equal(updates(s), 2);
		told[0] = s->framework.events[0]->update->status;
		told[1] = s->framework.events[1]->update->status;
		assert_string_equal(told[0]->task_id->value, "t1");
		assert_int_equal(told[0]->state, kinds[i].gone);
		assert_string_equal(told[1]->task_id->value, "t2");
		assert_int_equal(told[1]->state, kinds[i].dropped);
		assert_int_equal(told[1]->reason,
				 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DISCONNECTED);
		/* All is free again. */
		assert_float_equal(scalar_of(framework_offer(&s->framework)->resources,
					     framework_offer(&s->framework)->n_resources, "cpus"),
				   4, 1e-9);
		end(s);
	}
}

static void test_a_terminal_task_that_the_agent_brings_waits_for_its_acknowledgement(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char task[2048];

	(void)state;
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	running(s, "t1", "TASK_FAILED", task, sizeof(task));
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = task });
	assert_float_equal(scalar_of(framework_offer(&s->framework)->resources,
				     framework_offer(&s->framework)->n_resources, "cpus"), 4, 1e-9);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FAILED", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE), 1);
	reconcile(s, "t1", s->agent_id);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_GONE);
	end(s);
}

/* Found by the simulation: its acknowledgement was lost, and its port has another owner by now. */
static void test_a_terminal_task_that_the_agent_brings_costs_nothing(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char ended[2048], owner[2048], tasks[4100];
	const Mesos__V1__Offer *offer;

	(void)state;
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	running(s, "t0", "TASK_FINISHED", ended, sizeof(ended));
	running(s, "t1", "TASK_RUNNING", owner, sizeof(owner));
	snprintf(tasks, sizeof(tasks), "%s,%s", owner, ended);
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = tasks });
	/* What the launch left is filtered as long as by default. */
	cluster_wait(s->cluster, 7000);
	offer = framework_offer(&s->framework);
	assert_non_null(offer);
	for (size_t i = 0; i < offer->n_resources; i++) {
		if (strcmp(offer->resources[i]->name, "ports") == 0)
			assert_int_equal(offer->resources[i]->ranges->range[0]->begin, 31001);
	}
	assert_float_equal(scalar_of(offer->resources, offer->n_resources, "cpus"), 3, 1e-9);
	end(s);
}

static void test_reconciliation_by_what_is_known(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	reconcile(s, "t1", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_int_equal(status(s)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	assert_string_equal(status(s)->message, "Reconciliation: Latest task state");
	assert_true(status(s)->healthy);
	assert_false(status(s)->has_uuid);
	reconcile(s, "other", s->agent_id);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_GONE);
	reconcile(s, "other", "no-such-agent");
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_UNKNOWN);
	lose_agent(s);
	reconcile(s, "t1", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	assert_non_null(status(s)->unreachable_time);
	reconcile(s, "other", s->agent_id);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_UNREACHABLE);
	/* Implicit: everything that is known. */
	framework_forget(&s->framework);
	framework_call(&s->framework, NULL, "\"type\":\"RECONCILE\",\"reconcile\":{}");
	cluster_turn(s->cluster);
	assert_int_equal(updates(s), 1);
	end(s);
}

static void test_no_answer_while_agents_may_still_bring_the_task(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char info[512], task[2048];

	(void)state;
	snprintf(info, sizeof(info),
		 "{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100," PARTITION_AWARE
		 ",\"id\":{\"value\":\"%s\"}}",
		 s->framework.id);
	running(s, "t1", "TASK_RUNNING", task, sizeof(task));
	framework_forget(&s->framework);
	cluster_restart(s->cluster);
	framework_subscribe(s->cluster, &s->framework, info);
	reconcile(s, "t1", NULL);
	assert_int_equal(updates(s), 0);
	reconcile(s, "t1", s->agent_id);
	assert_int_equal(updates(s), 0);
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = task });
	reconcile(s, "t1", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
	/* All agents are back: what is not known now will not come. */
	reconcile(s, "other", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_UNKNOWN);
	end(s);
}

static void test_a_task_of_an_unknown_framework_is_kept_for_it(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char task[2048], info[512];
	const char *id = "11111111-1111-4111-8111-111111111111-0000";

	(void)state;
	snprintf(task, sizeof(task), "{\"framework\":{\"user\":\"root\",\"name\":\"lost\",\"id\":{"
		 "\"value\":\"%s\"}},\"task\":" TASK_JSON ",\"state\":\"TASK_RUNNING\"}",
		 id, "foreign", s->agent_id, 2.0, 128.0, 31000, 31000);
	framework_call(&s->framework, NULL, "\"type\":\"SUPPRESS\"");
	cluster_wait(s->cluster, 60000);
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	agent_forget(&s->agent);
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = task });
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	framework_forget(&s->framework);
	framework_call(&s->framework, NULL, "\"type\":\"TEARDOWN\"");
	cluster_turn(s->cluster);
	framework_forget(&s->framework);
	snprintf(info, sizeof(info),
		 "{\"user\":\"root\",\"name\":\"lost\"," PARTITION_AWARE ",\"id\":{"
		 "\"value\":\"%s\"}}",
		 id);
	framework_subscribe(s->cluster, &s->framework, info);
	assert_float_equal(scalar_of(framework_offer(&s->framework)->resources,
				     framework_offer(&s->framework)->n_resources, "cpus"), 2, 1e-9);
	reconcile(s, "foreign", NULL);
	assert_int_equal(status(s)->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duplicates_are_passed_on_identically),
		cmocka_unit_test(test_the_latest_state_frees_resources_before_its_update_comes),
		cmocka_unit_test(test_updates_of_unknown_tasks_and_frameworks),
		cmocka_unit_test(test_a_wrong_uuid_is_refused_and_a_foreign_one_ends_nothing),
		cmocka_unit_test(test_kill_of_what_is_not_there_answers_as_reconciliation),
		cmocka_unit_test(test_a_kill_while_the_agent_is_away_reaches_it_later),
		cmocka_unit_test(test_a_kill_before_the_agent_is_back_after_the_masters_start),
		cmocka_unit_test(test_what_the_agent_no_longer_has_is_gone_or_dropped),
		cmocka_unit_test(
			test_a_terminal_task_that_the_agent_brings_waits_for_its_acknowledgement),
		cmocka_unit_test(test_a_terminal_task_that_the_agent_brings_costs_nothing),
		cmocka_unit_test(test_reconciliation_by_what_is_known),
		cmocka_unit_test(test_no_answer_while_agents_may_still_bring_the_task),
		cmocka_unit_test(test_a_task_of_an_unknown_framework_is_kept_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
