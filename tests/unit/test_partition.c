/* Agents that cannot be reached, and what frameworks are told of their tasks meanwhile. */
#include "tests/unit/master_harness.h"

#define PLAIN "{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100}"
enum { PING_MS = 15000, N_AGENTS = 3 };

static void miss_pings(struct cluster *cluster, int n)
{
	for (int i = 0; i < n; i++)
		cluster_wait(cluster, PING_MS);
}

/* ---- how fast agents are given up ---- */

static void connect_agents(struct cluster *cluster, struct fake_agent agents[N_AGENTS])
{
	for (int i = 0; i < N_AGENTS; i++)
		agent_subscribe(cluster, &agents[i], (struct subscribe){ .port = 6000 + i });
}

static void forget_agents(struct fake_agent agents[N_AGENTS])
{
	for (int i = 0; i < N_AGENTS; i++)
		agent_forget(&agents[i]);
}

static void test_without_a_limit_all_are_given_up_at_once(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agents[N_AGENTS] = { 0 };

	(void)state;
	connect_agents(cluster, agents);
	miss_pings(cluster, 5);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), N_AGENTS);
	assert_int_equal(cluster_metric(cluster, "master/slave_unreachable_scheduled"), N_AGENTS);
	assert_int_equal(cluster_metric(cluster, "master/slave_unreachable_completed"), N_AGENTS);
	forget_agents(agents);
	cluster_free(cluster);
}

static void test_with_a_limit_those_that_answer_in_time_are_spared(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agents[N_AGENTS] = { 0 };

	(void)state;
	cluster->options.agent_removal_interval_ms = 20000;
	cluster_restart(cluster);
	connect_agents(cluster, agents);
	miss_pings(cluster, 5);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	assert_true(agents[0].is_closed);
	assert_int_equal(cluster_metric(cluster, "master/slave_unreachable_scheduled"), N_AGENTS);
	/* The partition heals for the last one. */
	assert_int_equal(agent_heartbeat(cluster, &agents[2]), 0);
	assert_int_equal(cluster_metric(cluster, "master/slave_unreachable_canceled"), 1);
	cluster_wait(cluster, 19999);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	assert_true(master_next_ms(cluster->master) <= cluster->now_ms + 1);
	cluster_wait(cluster, 1);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 2);
	assert_true(agents[1].is_closed);
	assert_int_equal(agent_heartbeat(cluster, &agents[2]), 0);
	cluster_wait(cluster, 20000);
	assert_false(agents[2].is_closed);
	assert_int_equal(cluster_metric(cluster, "master/slaves_active"), 1);
	forget_agents(agents);
	cluster_free(cluster);
}

static void test_the_limit_holds_after_a_restart_of_the_master(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agents[N_AGENTS] = { 0 };
	char id[256];

	(void)state;
	cluster->options.agent_removal_interval_ms = 20000;
	connect_agents(cluster, agents);
	snprintf(id, sizeof(id), "%s", agents[2].id);
	forget_agents(agents);
	cluster_restart(cluster);
	cluster_wait(cluster, 600000);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 1);
	assert_int_equal(cluster_metric(cluster, "master/slaves_recovering"), 2);
	agent_subscribe(cluster, &agents[2], (struct subscribe){ .id = id, .port = 6002 });
	cluster_wait(cluster, 20000);
	assert_int_equal(cluster_metric(cluster, "master/slaves_unreachable"), 2);
	assert_int_equal(cluster_metric(cluster, "master/slaves_active"), 1);
	forget_agents(agents);
	cluster_free(cluster);
}

/* ---- what frameworks are told ---- */

struct scene {
	struct cluster *cluster;
	struct fake_agent agent;
	struct fake_framework framework;
	char agent_id[256], task[2048];
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
	snprintf(s->task, sizeof(s->task),
		 "{\"framework\":{\"user\":\"root\",\"name\":\"test\",\"id\":{\"value\":\"%s\"}},"
		 "\"task\":" TASK_JSON ",\"state\":\"TASK_RUNNING\"}",
		 s->framework.id, "t1", s->agent_id, 1.0, 128.0, 31000, 31000);
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

static void come_back(struct scene *s)
{
	agent_forget(&s->agent);
	agent_subscribe(s->cluster, &s->agent,
			(struct subscribe){ .id = s->agent_id, .tasks = s->task });
}

static void test_tasks_of_all_frameworks_go_on_when_the_agent_is_back(void **state)
{
	static const struct { const char *info; Mesos__V1__TaskState told;
	} kinds[] = {
		{ FRAMEWORK, MESOS__V1__TASK_STATE__TASK_UNREACHABLE },
		{ PLAIN, MESOS__V1__TASK_STATE__TASK_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct scene *s = begin(kinds[i].info);
		const Mesos__V1__TaskStatus *status;

		miss_pings(s->cluster, 6);
		status = framework_status(&s->framework);
		assert_int_equal(status->state, kinds[i].told);
		assert_int_equal(status->reason,
				 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED);
		assert_int_equal(status->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER);
		assert_int_equal(status->unreachable_time->nanoseconds,
				 s->cluster->wall_ms * 1000000);
		framework_forget(&s->framework);
		come_back(s);
		status = framework_status(&s->framework);
		assert_int_equal(status->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
		assert_int_equal(status->reason,
				 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REREGISTERED);
		assert_false(status->has_uuid);
		assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
		end(s);
	}
}

static void test_what_was_told_unreachable_before_a_restart_is_told_to_run_after_it(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	char info[512];

	(void)state;
	miss_pings(s->cluster, 6);
	snprintf(info, sizeof(info),
		 "{\"user\":\"root\",\"name\":\"test\"," PARTITION_AWARE ",\"id\":{\"value\":"
		 "\"%s\"}}", s->framework.id);
	cluster_restart(s->cluster);
	framework_subscribe(s->cluster, &s->framework, info);
	framework_forget(&s->framework);
	come_back(s);
	assert_int_equal(framework_status(&s->framework)->state,
			 MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_int_equal(framework_status(&s->framework)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REREGISTERED);
	end(s);
}

/* ---- agents that come back as others ---- */

static void come_back_with(struct scene *s, double cpus)
{
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	s->cluster->explained_all[0] = '\0';
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){
		.id = s->agent_id, .tasks = s->task, .cpus = cpus });
}

static double offered_cpus(struct scene *s)
{
	const Mesos__V1__Offer *offer = framework_offer(&s->framework);

	return offer ? scalar_of(offer->resources, offer->n_resources, "cpus") : 0;
}

static void test_an_agent_that_has_grown_offers_more(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	come_back_with(s, 8);
	assert_non_null(strstr(s->cluster->explained_all, "has cpus:8;"));
	assert_float_equal(offered_cpus(s), 7, 1e-9);
	assert_null(strstr(s->cluster->explained_all, "has less than"));
	end(s);
}

static void test_an_agent_with_less_than_its_tasks_have_offers_none_of_it_and_kills_nothing(
	void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	come_back_with(s, 0.5);
	assert_non_null(strstr(s->cluster->explained_all, "has less than the cpus:1;"));
	assert_float_equal(offered_cpus(s), 0, 1e-9);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	assert_int_equal(cluster_metric(s->cluster, "master/tasks_running"), 1);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_FINISHED", UUID_B, NULL);
	cluster_wait(s->cluster, 31000);
	assert_float_equal(offered_cpus(s), 0.5, 1e-9);
	end(s);
}

static void test_the_same_resources_are_nothing_to_tell_of(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	come_back_with(s, 4);
	assert_null(strstr(s->cluster->explained_all, "and had"));
	end(s);
}

static void test_an_agent_that_was_booted_again_keeps_its_id(void **state)
{
	struct scene *s = begin(FRAMEWORK);

	(void)state;
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	agent_forget(&s->agent);
	framework_forget(&s->framework);
	/* It brings the end of its task along, as its own update. */
	*strstr(s->task, "TASK_RUNNING\"}") = '\0';
	strcat(s->task, "TASK_GONE\"}");
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){
		.id = s->agent_id, .tasks = s->task, .boot_id = "another" });
	assert_string_equal(s->agent.id, s->agent_id);
	assert_int_equal(framework_count(&s->framework,
					 MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE), 0);
	agent_update(s->cluster, &s->agent, s->framework.id, "t1", "TASK_GONE", UUID_B, NULL);
	framework_acknowledge(&s->framework, s->agent_id, "t1", UUID_B);
	assert_int_equal(framework_count(&s->framework,
					 MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE), 1);
	assert_int_equal(cluster_metric(s->cluster, "master/tasks_gone"), 1);
	assert_int_equal(agent_count(&s->agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE), 1);
	end(s);
}

/* Found by the simulation: the next master did not know that it had been overtaken. */
static void test_a_subscription_of_before_the_restart_does_not_undo_a_later_one(void **state)
{
	struct scene *s = begin(FRAMEWORK);
	struct fake_agent late = { 0 };
	struct err e = { 0 };

	(void)state;
	master_agent_lost(s->cluster->master, &s->agent, s->cluster->now_ms);
	agent_forget(&s->agent);
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){
		.id = s->agent_id, .tasks = s->task, .dialed_boot_ms = 2000 });
	cluster_restart(s->cluster);
	assert_int_equal(agent_try_subscribe(s->cluster, &late, (struct subscribe){
				 .id = s->agent_id, .dialed_boot_ms = 1999 }, &e), -ESTALE);
	agent_forget(&s->agent);
	agent_subscribe(s->cluster, &s->agent, (struct subscribe){
		.id = s->agent_id, .tasks = s->task, .dialed_boot_ms = 2001 });
	assert_int_equal(cluster_metric(s->cluster, "master/tasks_running"), 1);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_limit_all_are_given_up_at_once),
		cmocka_unit_test(test_with_a_limit_those_that_answer_in_time_are_spared),
		cmocka_unit_test(test_the_limit_holds_after_a_restart_of_the_master),
		cmocka_unit_test(test_tasks_of_all_frameworks_go_on_when_the_agent_is_back),
		cmocka_unit_test(
			test_what_was_told_unreachable_before_a_restart_is_told_to_run_after_it),
		cmocka_unit_test(test_an_agent_that_has_grown_offers_more),
		cmocka_unit_test(
	test_an_agent_with_less_than_its_tasks_have_offers_none_of_it_and_kills_nothing),
		cmocka_unit_test(test_the_same_resources_are_nothing_to_tell_of),
		cmocka_unit_test(test_an_agent_that_was_booted_again_keeps_its_id),
		cmocka_unit_test(
			test_a_subscription_of_before_the_restart_does_not_undo_a_later_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
