/* What operators do to agents: deactivate, drain, reactivate, declare gone. */
#include "tests/unit/master_harness.h"

#include "master_stub/drain.h"

#define PLAIN "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":9}"

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

static int drain(struct scene *s, int64_t max_grace_ns, bool mark_gone, struct err *e)
{
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	Mesos__V1__DurationInfo grace = MESOS__V1__DURATION_INFO__INIT;
	int r;

	grace.nanoseconds = max_grace_ns;
	if (max_grace_ns != INT64_MIN)
		config.max_grace_period = &grace;
	config.mark_gone = mark_gone;
	r = drain_agent(s->cluster->master, s->agent_id, &config, e);
	cluster_turn(s->cluster);
	return r;
}

static void must_drain(struct scene *s, int64_t max_grace_ns, bool mark_gone)
{
	struct err e = { 0 };

	if (drain(s, max_grace_ns, mark_gone, &e) < 0)
		fail_msg("%s", e.msg);
}

static void must(struct scene *s, int (*change)(struct master *, const char *, struct err *))
{
	struct err e = { 0 };

	if (change(s->cluster->master, s->agent_id, &e) < 0)
		fail_msg("%s", e.msg);
	cluster_turn(s->cluster);
}

/* A member of the agent's entry in the operators' list, new reference; NULL if there is none. */
static json_t *read_agent(struct scene *s, const char *member)
{
	static const char *const lists[] = { "slaves", "recovered_slaves", "unreachable_slaves" };
	json_t *json = cluster_list(s->cluster, &listing_slaves, &(struct listing_query){ 0 });
	json_t *value = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(lists) && !value; i++)
		value = json_object_get(json_array_get(json_object_get(json, lists[i]), 0), member);
	json_incref(value);
	json_decref(json);
	return value;
}

static const char *drain_state(struct scene *s)
{
	static char text[64];
	json_t *info = read_agent(s, "drain_info");
	const char *state = json_string_value(json_object_get(info, "state"));

	snprintf(text, sizeof(text), "%s", state ? state : "");
	json_decref(info);
	return text;
}

static bool is_deactivated(struct scene *s)
{
	json_t *value = read_agent(s, "deactivated");
	bool result = json_is_true(value);

	json_decref(value);
	return result;
}

/* What dashboards count the agent as. */
static void assert_counted(struct scene *s, double n_active, double n_inactive)
{
	json_t *head = master_head_json(s->cluster->master);

	assert_float_equal(cluster_metric(s->cluster, "master/slaves_active"), n_active, 0);
	assert_float_equal(cluster_metric(s->cluster, "master/slaves_inactive"), n_inactive, 0);
	assert_float_equal(json_number_value(json_object_get(head, "activated_slaves")), n_active, 0);
	assert_float_equal(json_number_value(json_object_get(head, "deactivated_slaves")),
			   n_inactive, 0);
	json_decref(head);
}

static void end_task(struct scene *s)
{
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_KILLED", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
}

static void come_back(struct scene *s, const char *state)
{
	char task[2048] = "";

	if (state)
		snprintf(task, sizeof(task),
			 "{\"framework\":{\"user\":\"root\",\"name\":\"test\",\"id\":{"
			 "\"value\":\"%s\"}},\"task\":" TASK_JSON ",\"state\":\"%s\"}",
			 s->framework.id, "t1", s->agent_id, 1.0, 128.0, 31000, 31000, state);
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	agent_forget(&s->agent);
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = task });
}

static size_t offers(const struct scene *s)
{
	return framework_count(&s->framework, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);
}

/* ---- deactivation ---- */

static void test_a_deactivated_agent_is_not_offered_and_its_tasks_run_on(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	cluster_wait(s->cluster, 6000);
	assert_int_equal(offers(s), 1);
	framework_forget(&s->framework);
	must(s, drain_deactivate);
	assert_int_equal(framework_count(&s->framework,
					 MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND), 1);
	assert_true(is_deactivated(s));
	assert_counted(s, 0, 1);
	cluster_wait(s->cluster, 14000);
	assert_int_equal(agent_heartbeat(s->cluster, &s->agent), 0);
	assert_int_equal(offers(s), 0);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__DRAIN), 0);
	/* Neither its own return nor the master's changes that. */
	come_back(s, "TASK_RUNNING");
	cluster_restart(s->cluster);
	come_back(s, "TASK_RUNNING");
	assert_true(is_deactivated(s));
	must(s, drain_reactivate);
	assert_false(is_deactivated(s));
	assert_counted(s, 1, 0);
	end(s);
}

static void test_a_reactivated_agent_is_offered_at_once(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	must(s, drain_deactivate);
	cluster_wait(s->cluster, 6000);
	framework_forget(&s->framework);
	must(s, drain_reactivate);
	assert_int_equal(offers(s), 1);
	end(s);
}

static void test_degraded_and_deactivated_are_both_to_be_undone(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	must(s, drain_deactivate);
	assert_int_equal(agent_heartbeat_with(s->cluster, &s->agent, ",\"degraded\":\"full\""), 0);
	cluster_wait(s->cluster, 6000);
	framework_forget(&s->framework);
	assert_int_equal(agent_heartbeat(s->cluster, &s->agent), 0);
	cluster_turn(s->cluster);
	assert_int_equal(offers(s), 0);
	must(s, drain_reactivate);
	assert_int_equal(offers(s), 1);
	end(s);
}

/* ---- draining ---- */

static void test_draining_tells_the_agent_and_ends_when_the_last_task_is_acknowledged(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	const Tepui__AgentEvent *event;
	json_t *started;

	(void)state;
	must_drain(s, 5000000000, false);
	event = agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__DRAIN);
	assert_non_null(event);
	assert_int_equal(event->drain->config->max_grace_period->nanoseconds, 5000000000);
	assert_false(event->drain->config->mark_gone);
	assert_string_equal(drain_state(s), "DRAINING");
	assert_true(is_deactivated(s));
	started = read_agent(s, "estimated_drain_start_time_seconds");
	assert_float_equal(json_number_value(started), (double)s->cluster->wall_ms / 1000, 1e-3);
	json_decref(started);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_KILLED", UUID_B, NULL);
	assert_string_equal(drain_state(s), "DRAINING");
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
	assert_string_equal(drain_state(s), "DRAINED");
	/* It stays so until somebody reactivates it. */
	cluster_wait(s->cluster, 10000);
	assert_true(is_deactivated(s));
	agent_forget(&s->agent);
	must(s, drain_reactivate);
	assert_string_equal(drain_state(s), "");
	event = agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__DRAIN);
	assert_non_null(event);
	assert_null(event->drain->config);
	end(s);
}

static void test_an_empty_agent_is_drained_at_once(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	end_task(s);
	must_drain(s, INT64_MIN, false);
	assert_null(agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__DRAIN)
		    ->drain->config->max_grace_period);
	assert_string_equal(drain_state(s), "DRAINED");
	end(s);
}

static void test_a_drain_goes_on_after_the_return_of_the_agent_and_of_the_master(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	const Tepui__AgentEvent *subscribed;

	(void)state;
	must_drain(s, 7000000000, false);
	for (int i = 0; i < 2; i++) {
		come_back(s, "TASK_RUNNING");
		subscribed = agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED);
		assert_int_equal(subscribed->subscribed->drain->max_grace_period->nanoseconds,
				 7000000000);
		assert_string_equal(drain_state(s), "DRAINING");
		if (i == 0)
			cluster_restart(s->cluster);
		/* Nobody knows whether it is empty before it is back. */
		cluster_wait(s->cluster, 1000);
		assert_string_equal(drain_state(s), "DRAINING");
	}
	come_back(s, NULL);
	assert_string_equal(drain_state(s), "DRAINED");
	cluster_restart(s->cluster);
	assert_string_equal(drain_state(s), "DRAINED");
	come_back(s, NULL);
	assert_non_null(agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED)
			->subscribed->drain);
	end(s);
}

static void test_an_agent_that_is_away_is_told_when_it_is_back(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	json_t *started;

	(void)state;
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	for (int i = 0; i < 6; i++)
		cluster_wait(s->cluster, 15000);
	must_drain(s, INT64_MIN, false);
	assert_string_equal(drain_state(s), "DRAINING");
	started = read_agent(s, "estimated_drain_start_time_seconds");
	assert_null(started);
	come_back(s, "TASK_RUNNING");
	assert_non_null(agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED)
			->subscribed->drain);
	started = read_agent(s, "estimated_drain_start_time_seconds");
	assert_float_equal(json_number_value(started), (double)s->cluster->wall_ms / 1000, 1e-3);
	json_decref(started);
	assert_int_equal(offers(s), 0);
	end_task(s);
	assert_string_equal(drain_state(s), "DRAINED");
	end(s);
}

static void test_what_cannot_be_done_to_an_agent_says_why(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	struct master *master = s->cluster->master;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(drain_reactivate(master, s->agent_id, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "is not deactivated"));
	err_clear(&e);
	assert_int_equal(drain(s, -1, false, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "its grace period is negative"));
	assert_string_equal(drain_state(s), "");
	err_clear(&e);
	must_drain(s, INT64_MIN, false);
	assert_int_equal(drain_reactivate(master, s->agent_id, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "is still in the DRAINING state"));
	err_clear(&e);
	assert_int_equal(drain_deactivate(master, "nobody", &e), -ENOENT);
	assert_string_equal(e.msg, "Agent 'nobody' not found");
	err_clear(&e);
	assert_int_equal(drain_mark_gone(master, "nobody", &e), -ENOENT);
	err_clear(&e);
	must(s, drain_mark_gone);
	must(s, drain_mark_gone);
	assert_int_equal(drain(s, INT64_MIN, false, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "is gone"));
	end(s);
}

/* ---- gone ---- */

static void test_a_gone_agent_is_shut_down_and_its_tasks_are_told(void **state)
{
	static const struct { const char *info; Mesos__V1__TaskState told;
	} kinds[] = {
		{ FRAMEWORK, MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR },
		{ PLAIN, MESOS__V1__TASK_STATE__TASK_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scene *s = begin(kinds[i].info);
		const Mesos__V1__TaskStatus *status;

		must(s, drain_mark_gone);
		assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 1);
		assert_true(s->agent.is_closed);
		status = framework_status(&s->framework);
		assert_int_equal(status->state, kinds[i].told);
		assert_int_equal(status->reason,
			MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED_BY_OPERATOR);
		assert_false(status->has_uuid);
		assert_int_equal(framework_count(&s->framework,
						 MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE), 1);
		end(s);
	}
}

static void test_a_gone_agent_never_comes_back(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	/* Unreachable, so that it does not hear of it. */
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	for (int i = 0; i < 6; i++)
		cluster_wait(s->cluster, 15000);
	must(s, drain_mark_gone);
	assert_int_equal(framework_status(&s->framework)->state,
			 MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR);
	/* Its failure had been told before. */
	assert_int_equal(framework_count(&s->framework,
					 MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE), 1);
	for (int i = 0; i < 2; i++) {
		framework_forget(&s->framework);
		come_back(s, "TASK_RUNNING");
		assert_int_equal(s->agent.events[0]->type,
				 TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED);
		assert_int_equal(s->agent.events[1]->type, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN);
		assert_int_equal(s->agent.n_events, 2);
		assert_true(s->agent.is_closed);
		assert_int_equal(framework_count(&s->framework,
						 MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE), 0);
		assert_int_equal(agent_heartbeat(s->cluster, &s->agent), -ENOENT);
		if (i == 0)
			cluster_restart(s->cluster);
	}
	end(s);
}

static void test_a_drained_agent_is_gone_if_that_was_asked_for(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	must_drain(s, INT64_MIN, true);
	assert_true(agent_find(&s->agent, TEPUI__AGENT_EVENT__TYPE__DRAIN)
		    ->drain->config->mark_gone);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 0);
	end_task(s);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 1);
	assert_true(s->agent.is_closed);
	cluster_restart(s->cluster);
	come_back(s, NULL);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 1);
	end(s);
}

static void test_gone_is_remembered_longer_than_unreachable(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	must(s, drain_mark_gone);
	cluster_wait(s->cluster, INT64_C(30) * 24 * 3600 * 1000);
	come_back(s, NULL);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN), 1);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_deactivated_agent_is_not_offered_and_its_tasks_run_on),
		cmocka_unit_test(test_a_reactivated_agent_is_offered_at_once),
		cmocka_unit_test(test_degraded_and_deactivated_are_both_to_be_undone),
		cmocka_unit_test(
			test_draining_tells_the_agent_and_ends_when_the_last_task_is_acknowledged),
		cmocka_unit_test(test_an_empty_agent_is_drained_at_once),
		cmocka_unit_test(
			test_a_drain_goes_on_after_the_return_of_the_agent_and_of_the_master),
		cmocka_unit_test(test_an_agent_that_is_away_is_told_when_it_is_back),
		cmocka_unit_test(test_what_cannot_be_done_to_an_agent_says_why),
		cmocka_unit_test(test_a_gone_agent_is_shut_down_and_its_tasks_are_told),
		cmocka_unit_test(test_a_gone_agent_never_comes_back),
		cmocka_unit_test(test_a_drained_agent_is_gone_if_that_was_asked_for),
		cmocka_unit_test(test_gone_is_remembered_longer_than_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
