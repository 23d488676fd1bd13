/* Readiness checks: what is asked, when, and that deployments wait for the answers. */
#include "controller_world.h"

#include "master_stub/marathon/deployment/deployment.h"

#define WEB_OF(n, version, more)                                                                   \
	"{\"id\":\"/web\",\"cmd\":\"" version "\",\"instances\":" #n ",\"cpus\":1,\"mem\":1,"     \
	"\"portDefinitions\":[{\"name\":\"admin\"},{\"name\":\"http-api\"}],"                     \
	"\"readinessChecks\":[{" more "}]}"
#define CHECK "\"path\":\"/ready\",\"intervalSeconds\":5,\"timeoutSeconds\":2"

/* "http://node-1:31007/ready", as the instance of TASK is asked. */
static const char *url_of(const struct paper_task *task, const char *scheme, const char *path)
{
	const struct instance *instance =
		instance_find_task(world.controller, task->info->task_id->value);
	static char url[256];

	(void)snprintf(url, sizeof(url), "%s://%s:%u%s", scheme, instance->host,
		       instance->ports[1], path);
	return url;
}

static void start_one(const char *definition)
{
	post(definition);
	offer();
	let_it_be(UNKNOWN_HEALTH);
}

static void test_a_deployment_waits_for_readiness(void **state)
{
	(void)state;
	start_one(WEB_OF(1, "a", CHECK));
	assert_int_equal(world.n_fetches, 1);
	assert_string_equal(world.fetches[0].url, url_of(task_at(0), "http", "/ready"));
	assert_int_equal(world.fetches[0].timeout_ms, 2000);
	assert_non_null(app("/web")->deployment);
	answer_fetch("/ready", 503, "not yet");
	assert_non_null(app("/web")->deployment);

	/* Every five seconds, and once at a time. */
	wait_ms(4999);
	assert_int_equal(world.n_asked, 1);
	wait_ms(1);
	assert_int_equal(world.n_asked, 2);
	wait_ms(60000);
	assert_int_equal(world.n_asked, 2);
	answer_fetch("/ready", 200, "yes");
	assert_null(app("/web")->deployment);
	assert_int_equal(count_events("deployment_success"), 1);
	wait_ms(60000);
	assert_int_equal(world.n_asked, 2);
}

static void test_old_ones_stay_until_new_ones_are_ready(void **state)
{
	(void)state;
	start_one(WEB_OF(2, "a", CHECK));
	answer_fetch("/ready", 200, "");
	answer_fetch("/ready", 200, "");
	assert_null(app("/web")->deployment);

	post(WEB_OF(2, "b", CHECK));
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(count_alive_tasks(), 4);
	assert_int_equal(world.scheduler.n_kills, 0);
	answer_fetch(url_of(task_at(2), "http", "/ready"), 500, "");
	assert_int_equal(world.scheduler.n_kills, 0);
	answer_fetch(url_of(task_at(3), "http", "/ready"), 200, "");
	assert_int_equal(world.scheduler.n_kills, 1);
	wait_ms(5000);
	answer_fetch("/ready", 200, "");
	assert_int_equal(world.scheduler.n_kills, 2);
	let_it_be(UNKNOWN_HEALTH);
	assert_null(app("/web")->deployment);
}

static void test_only_new_ones_are_asked_when_an_app_grows(void **state)
{
	(void)state;
	start_one(WEB_OF(1, "a", CHECK));
	answer_fetch("/ready", 200, "");
	post("{\"id\":\"/web\",\"instances\":2}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.n_fetches, 1);
	assert_non_null(app("/web")->deployment);
	answer_fetch(url_of(task_at(1), "http", "/ready"), 200, "");
	assert_null(app("/web")->deployment);
}

static void test_health_and_readiness_are_both_needed(void **state)
{
	(void)state;
	start_one("{\"id\":\"/web\",\"cmd\":\"x\",\"portDefinitions\":[{\"name\":\"http-api\"}],"
		  "\"healthChecks\":[{\"protocol\":\"TCP\"}],\"readinessChecks\":[{}]}");
	answer_fetch("", 200, "");
	assert_non_null(app("/web")->deployment);
	let_it_be(1);
	assert_null(app("/web")->deployment);
}

/* The fields of the check, what is asked and what counts. */
static void test_fields(void **state)
{
	static const struct {
		const char *check, *scheme, *path;
		int status;
		bool is_ready;
	} rows[] = {
		{ WEB_OF(1, "a", ""), "http", "/", 200, true },
		{ WEB_OF(1, "a", ""), "http", "/", 201, false },
		{ WEB_OF(1, "a", ""), "http", "/", 302, false },
		{ WEB_OF(1, "a", "\"protocol\":\"HTTPS\""), "https", "/", 200, true },
		{ WEB_OF(1, "a", "\"path\":\"/a?b=c\""), "http", "/a?b=c", 200, true },
		{ WEB_OF(1, "a", "\"httpStatusCodesForReady\":[204,302]"), "http", "/", 302, true },
		{ WEB_OF(1, "a", "\"httpStatusCodesForReady\":[204,302]"), "http", "/", 200, false },
		{ WEB_OF(1, "a", ""), "http", "/", 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start_one(rows[i].check);
		assert_int_equal(world.n_fetches, 1);
		assert_string_equal(world.fetches[0].url,
				    url_of(task_at(0), rows[i].scheme, rows[i].path));
		assert_int_equal(world.fetches[0].timeout_ms, 10000);
		answer_fetch("", rows[i].status, "connection refused");
		if ((app("/web")->deployment == NULL) != rows[i].is_ready)
			fail_msg("row %zu", i);
		(void)world_teardown(state);
		(void)world_setup(state);
	}
}

static json_t *results(void)
{
	json_t *view = app_view(world.controller, app("/web"), EMBED_READINESS);
	json_t *list = json_incref(json_object_get(view, "readinessCheckResults"));

	json_decref(view);
	return list;
}

static void expect_result(const char *format, ...)
{
	json_t *is = results(), *expected, *deployments, *action;
	va_list ap;

	va_start(ap, format);
	expected = json_vpack_ex(NULL, 0, format, ap);
	va_end(ap);
	assert_non_null(expected);
	if (!json_equal(is, expected))
		fail_msg("%s instead of %s", json_dumps(is, 0), json_dumps(expected, 0));
	/* The deployment shows the same. */
	deployments = deployments_view(world.controller);
	action = json_array_get(json_object_get(json_array_get(deployments, 0), "currentActions"),
				0);
	if (action)
		assert_true(json_equal(json_object_get(action, "readinessCheckResults"), expected));
	json_decref(deployments);
	json_decref(expected);
	json_decref(is);
}

static void test_results_are_shown_as_long_as_the_deployment(void **state)
{
	const char *task;
	char failure[300];

	(void)state;
	start_one(WEB_OF(2, "a", CHECK ",\"preserveLastResponse\":true,\"name\":\"up\""));
	task = task_at(0)->info->task_id->value;
	expect_result("[]");
	(void)snprintf(failure, sizeof(failure), "Marathon could not query %s: refused",
		       url_of(task_at(0), "http", "/ready"));
	answer_fetch(url_of(task_at(0), "http", "/ready"), 0, "refused");
	expect_result("[{s:s, s:s, s:b, s:{s:i, s:s, s:s}}]", "name", "up", "taskId", task, "ready",
		      0, "lastResponse", "status", 504, "contentType", "text/plain", "body",
		      failure);
	wait_ms(5000);
	answer_fetch(url_of(task_at(0), "http", "/ready"), 200, "bad \xff byte");
	expect_result("[{s:s, s:s, s:b, s:{s:i, s:s, s:s}}]", "name", "up", "taskId", task, "ready",
		      1, "lastResponse", "status", 200, "contentType", "text/plain", "body",
		      "bad \xef\xbf\xbd byte");
	answer_fetch(url_of(task_at(1), "http", "/ready"), 200, "");
	assert_null(app("/web")->deployment);
	wait_ms(1);
	expect_result("[]");
}

static void test_a_response_is_kept_only_where_it_is_asked_for(void **state)
{
	(void)state;
	start_one(WEB_OF(1, "a", CHECK));
	answer_fetch("/ready", 404, "who?");
	expect_result("[{s:s, s:s, s:b}]", "name", "readinessCheck", "taskId",
		      task_at(0)->info->task_id->value, "ready", 0);
}

static void test_one_that_ends_is_asked_no_longer(void **state)
{
	(void)state;
	start_one(WEB_OF(1, "a", CHECK));
	assert_int_equal(world.n_fetches, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_int_equal(world.n_fetches, 0);
	/* What takes its place is. */
	wait_ms(5000);
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.n_fetches, 1);
	/* And nobody when the deployment is given up. */
	assert_int_equal(apply(NULL, "/web", true), 0);
	assert_int_equal(world.n_fetches, 0);
}

static void test_a_new_process_asks_again(void **state)
{
	(void)state;
	start_one(WEB_OF(2, "a", CHECK));
	answer_fetch(url_of(task_at(0), "http", "/ready"), 200, "");
	restart_controller();
	assert_int_equal(world.n_fetches, 0);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.n_fetches, 2);
	assert_non_null(app("/web")->deployment);
	answer_fetch("/ready", 200, "");
	answer_fetch("/ready", 200, "");
	assert_null(app("/web")->deployment);
	/* And after it nobody is asked, in no process. */
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.n_fetches, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_deployment_waits_for_readiness),
		WORLD_TEST(test_old_ones_stay_until_new_ones_are_ready),
		WORLD_TEST(test_only_new_ones_are_asked_when_an_app_grows),
		WORLD_TEST(test_health_and_readiness_are_both_needed),
		WORLD_TEST(test_fields),
		WORLD_TEST(test_results_are_shown_as_long_as_the_deployment),
		WORLD_TEST(test_a_response_is_kept_only_where_it_is_asked_for),
		WORLD_TEST(test_one_that_ends_is_asked_no_longer),
		WORLD_TEST(test_a_new_process_asks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
