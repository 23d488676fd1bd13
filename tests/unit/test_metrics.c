/* Metrics in their two forms. */
#include "tests/unit/master_harness.h"

#include "master_stub/metrics.h"

static char *as_text(struct prometheus *prometheus)
{
	size_t size;
	char *text = prometheus_finish(prometheus, &size);

	assert_non_null(text);
	assert_int_equal(strlen(text), size);
	return text;
}

static void test_what_has_a_name_of_its_own_is_a_label(void **state)
{
	struct prometheus *prometheus = prometheus_new();
	struct metrics metrics = metrics_as_prometheus(prometheus);
	char *text;

	(void)state;
	METRICS_PUT_OF(&metrics, 0.5, { NULL, "allocator/mesos/roles" }, { "role", "eng/web" },
		       { NULL, "shares/dominant" });
	metrics_put(&metrics, "master/elected", 1);
	METRICS_PUT_OF(&metrics, 1, { NULL, "allocator/mesos/roles" },
		       { "role", "a\\b\"c\nd\xff" }, { NULL, "shares/dominant" });
	text = as_text(prometheus);
	/* One group for each name, whatever the order. */
	assert_string_equal(text,
		"# HELP tepui_allocator_mesos_roles_shares_dominant The role's dominant share, from"
		" 0 to 1.\n"
		"# TYPE tepui_allocator_mesos_roles_shares_dominant gauge\n"
		"tepui_allocator_mesos_roles_shares_dominant{role=\"eng/web\"} 0.5\n"
		"tepui_allocator_mesos_roles_shares_dominant{role=\"a\\\\b\\\"c\\nd\xef\xbf\xbd\"} 1\n"
		"# HELP tepui_master_elected Is this master the one that leads?\n"
		"# TYPE tepui_master_elected gauge\n"
		"tepui_master_elected 1\n");
	free(text);
}

static void test_a_framework_has_its_own(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char agent_id[256], of[400];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(agent_id, sizeof(agent_id), "%s", agent.id);
	framework_subscribe(cluster, &framework,
			    "{\"user\":\"u\",\"name\":\"a b/c\",\"failover_timeout\":100}");
	snprintf(of, sizeof(of), "master/frameworks/a%%20b%%2Fc/%s", framework.id);
	framework_launch(&framework, "t1", 1, 128, 31000);
	agent_update(cluster, &agent, framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);
	assert_float_equal(cluster_metric(cluster, "%s/subscribed", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/calls", of), 2, 0);
	assert_float_equal(cluster_metric(cluster, "%s/calls/accept", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/events/subscribed", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/events/update", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/offers/accepted", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/operations/launch", of), 1, 0);
	assert_float_equal(cluster_metric(cluster, "%s/roles/*/suppressed", of), 0, 0);
	assert_float_equal(cluster_metric(cluster, "%s/tasks/active/task_running", of), 1, 0);
	framework_acknowledge(&framework, agent_id, "t1", UUID_A);
	agent_update(cluster, &agent, framework.id, "t1", "TASK_FAILED", UUID_B, NULL);
	assert_float_equal(cluster_metric(cluster, "%s/tasks/active/task_running", of), 0, 0);
	assert_float_equal(cluster_metric(cluster, "%s/tasks/terminal/task_failed", of), 1, 0);
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
}

static void test_only_so_many_frameworks_are_measured(void **state)
{
	enum { MEASURED = 200, MORE = 3 };
	struct cluster *cluster = cluster_new();
	struct fake_framework *frameworks = calloc(MEASURED + MORE, sizeof(*frameworks));

	(void)state;
	assert_non_null(frameworks);
	for (size_t i = 0; i < MEASURED + MORE; i++)
		framework_subscribe(cluster, &frameworks[i], FRAMEWORK);
	assert_float_equal(cluster_metric(cluster, "master/frameworks_unmeasured"), MORE, 0);
	for (size_t i = 0; i < MEASURED + MORE; i++)
		framework_forget(&frameworks[i]);
	free(frameworks);
	cluster_free(cluster);
}

/* All that 200 frameworks may have held the master up for seconds, at every scrape. */
static void test_only_so_many_roles_are_measured(void **state)
{
	enum { MEASURED = 1000, AT_ONCE = 600, TIMES = 2 };
	struct cluster *cluster = cluster_new();
	struct fake_framework frameworks[TIMES] = { 0 };

	(void)state;
	for (int i = 0; i < TIMES; i++) {
		char roles[AT_ONCE * 16] = "", *info = NULL;

		for (int k = 0; k < AT_ONCE; k++)
			sprintf(roles + strlen(roles), "%s\"r%d-%d\"", k ? "," : "", i, k);
		assert_true(asprintf(&info, "{\"user\":\"u\",\"name\":\"n\",\"roles\":[%s],"
				     "\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]}", roles) > 0);
		framework_subscribe(cluster, &frameworks[i], info);
		free(info);
	}
	assert_float_equal(cluster_metric(cluster, "master/framework_roles_unmeasured"),
			   TIMES * AT_ONCE - MEASURED, 0);
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/roles_unmeasured"),
			   TIMES * AT_ONCE - MEASURED, 0);
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/roles/r0-599/shares/dominant"), 0, 0);
	for (int i = 0; i < TIMES; i++)
		framework_forget(&frameworks[i]);
	cluster_free(cluster);
}

/* By the names of before the v1 API. */
static void test_an_end_is_counted_by_its_source_and_reason(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	char id[256];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(id, sizeof(id), "%s", agent.id);
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	/* It never came there. */
	master_agent_lost(cluster->master, &agent, cluster->now_ms);
	agent_forget(&agent);
	agent_subscribe(cluster, &agent, (struct subscribe){ .id = id });
	assert_float_equal(cluster_metric(cluster,
			"master/task_dropped/source_master/reason_slave_disconnected"), 1, 0);
	framework_forget(&framework);
	agent_forget(&agent);
	cluster_free(cluster);
}

static void test_rounds_of_offering_are_timed(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	double runs;

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	runs = cluster_metric(cluster, "allocator/mesos/allocation_runs");
	assert_true(runs > 0);
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/allocation_run_ms/count"), runs, 0);
	assert_float_equal(cluster_metric(cluster, "allocator/mesos/allocation_run_latency_ms/count"),
			   runs, 0);
	assert_true(cluster_metric(cluster, "allocator/mesos/allocation_run_ms/p50") <=
		    cluster_metric(cluster, "allocator/mesos/allocation_run_ms/max"));
	agent_forget(&agent);
	cluster_free(cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_has_a_name_of_its_own_is_a_label),
		cmocka_unit_test(test_a_framework_has_its_own),
		cmocka_unit_test(test_only_so_many_frameworks_are_measured),
		cmocka_unit_test(test_only_so_many_roles_are_measured),
		cmocka_unit_test(test_an_end_is_counted_by_its_source_and_reason),
		cmocka_unit_test(test_rounds_of_offering_are_timed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
