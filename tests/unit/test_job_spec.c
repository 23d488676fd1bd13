/* Definitions of jobs: their full form, and what is wrong with those that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/job_spec.h"
#include "master_stub/marathon/definition/refusal.h"

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	return json;
}

#define MINIMAL "\"cpus\":0.1,\"mem\":32,\"disk\":0"

/* With what was wrong, should it be refused. */
static json_t *read_job(const json_t *document)
{
	struct refusal refusal = { 0 };
	json_t *spec;

	if (job_spec_read(document, NULL, &spec, &refusal) == 0)
		return spec;
	fail_msg("%s", json_dumps(refusal.body, JSON_COMPACT));
	return NULL;
}

static void test_defaults_are_filled_in(void **state)
{
	json_t *document = parse("{\"id\":\"a.b-c\",\"run\":{" MINIMAL ",\"cmd\":\"true\"}}");
	json_t *full = parse(
		"{\"id\":\"a.b-c\",\"labels\":{},\"dependencies\":[],\"run\":{\"cpus\":0.1,"
		"\"mem\":32,\"disk\":0,\"gpus\":0,\"cmd\":\"true\",\"env\":{},\"placement\":"
		"{\"constraints\":[]},\"artifacts\":[],\"maxLaunchDelay\":3600,\"volumes\":[],"
		"\"restart\":{\"policy\":\"NEVER\"},\"secrets\":{},\"networks\":[]}}");
	struct refusal refusal = { 0 };
	json_t *spec;

	(void)state;
	spec = read_job(document);
	assert_true(json_equal(spec, full));
	json_decref(spec);
	json_decref(full);
	json_decref(document);
	document = parse("{\"cron\":\"0 4 * * *\",\"nextRunAt\":\"whatever\"}");
	full = parse("{\"id\":\"s\",\"cron\":\"0 4 * * *\",\"timezone\":\"UTC\","
		     "\"startingDeadlineSeconds\":900,\"concurrencyPolicy\":\"ALLOW\","
		     "\"enabled\":true}");
	assert_int_equal(job_schedule_read(document, "s", &spec, &refusal), 0);
	assert_true(json_equal(spec, full));
	json_decref(spec);
	json_decref(full);
	json_decref(document);
}

static void test_run_is_an_app_of_one_instance(void **state)
{
	json_t *spec, *document = parse(
		"{\"id\":\"a.b\",\"run\":{" MINIMAL ",\"args\":[\"x\",\"y\"],\"user\":\"nobody\","
		"\"maxLaunchDelay\":60,\"taskKillGracePeriodSeconds\":5,"
		"\"docker\":{\"image\":\"debian:12\"},\"volumes\":[{\"containerPath\":\"/data\","
		"\"hostPath\":\"/srv\",\"mode\":\"RO\"}],\"placement\":{\"constraints\":["
		"{\"attribute\":\"rack\",\"operator\":\"EQ\",\"value\":\"1\"},"
		"{\"attribute\":\"row\",\"operator\":\"IS\",\"value\":\"1\"},"
		"{\"attribute\":\"zone\",\"operator\":\"UNLIKE\",\"value\":\"b.*\"}]}}}");
	json_t *constraints = parse("[[\"rack\",\"IS\",\"1\"],[\"row\",\"IS\",\"1\"],"
				    "[\"zone\",\"UNLIKE\",\"b.*\"]]");
	struct refusal refusal = { 0 };
	struct app *app;

	(void)state;
	spec = read_job(document);
	assert_int_equal(job_spec_app(spec, "20260101000000abcde", "2026-01-01T00:00:00.000Z", NULL, &app,
				      &refusal), 0);
	assert_string_equal(app->id, "/a/b/20260101000000abcde");
	assert_string_equal(app->version, "2026-01-01T00:00:00.000Z");
	assert_int_equal(app->instances, 1);
	assert_int_equal(app_n_ports(app), 0);
	assert_int_equal(app->kill_grace_ms, 5000);
	assert_int_equal(app->max_delay_ms, 60000);
	assert_true(app->keeps_unreachable);
	assert_true(json_equal(json_object_get(app->json, "constraints"), constraints));
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(json_object_get(app->json, "container"),
						    "docker"), "image")), "debian:12");
	app_unref(app);
	json_decref(spec);
	json_decref(constraints);
	json_decref(document);
}

static void test_a_run_is_on_its_networks_without_ports(void **state)
{
	json_t *document = parse("{\"id\":\"a\",\"run\":{" MINIMAL ",\"cmd\":\"x\",\"networks\":["
				 "{\"mode\":\"container/bridge\",\"labels\":{\"allow\":\"/db:1\"}}]}}");
	json_t *spec = read_job(document);
	struct refusal refusal = { 0 };
	struct app *app;

	(void)state;
	assert_int_equal(job_spec_app(spec, "r", "2026-01-01T00:00:00.000Z", NULL, &app, &refusal), 0);
	assert_true(app->has_own_network);
	assert_int_equal(app_n_ports(app), 0);
	app_unref(app);
	json_decref(spec);
	json_decref(document);
}

static bool has_error(const json_t *body, const char *path, const char *sentence)
{
	json_t *detail, *error;
	size_t i, n;

	json_array_foreach(json_object_get(body, "details"), i, detail) {
		if (strcmp(json_string_value(json_object_get(detail, "path")), path) != 0)
			continue;
		json_array_foreach(json_object_get(detail, "errors"), n, error) {
			if (strcmp(json_string_value(error), sentence) == 0)
				return true;
		}
	}
	return false;
}

typedef int read_fn(const json_t *document, const char *id, json_t **ret, struct refusal *refusal);

static void assert_refused(read_fn *read, const char *text, const char *path, const char *sentence)
{
	json_t *document = parse(text), *spec = NULL;
	struct refusal refusal = { 0 };

	if (read(document, NULL, &spec, &refusal) == 0)
		fail_msg("accepted: %s", text);
	assert_null(spec);
	assert_int_equal(refusal.status, 422);
	assert_string_equal(json_string_value(json_object_get(refusal.body, "message")),
			    "Object is not valid");
	if (!has_error(refusal.body, path, sentence)) {
		char *body = json_dumps(refusal.body, JSON_COMPACT);

		fail_msg("%s: %s", text, body);
	}
	refusal_done(&refusal);
	json_decref(document);
}

static void test_wrong_jobs_are_refused(void **state)
{
#define JOB(more) "{\"id\":\"a\",\"run\":{" MINIMAL more "}}"
#define CMD ",\"cmd\":\"true\""
	static const char id_rule[] =
		"must be names of a-z, 0-9 and inner dashes, with dots between them";
	static const struct {
		const char *document, *path, *sentence;
	} rows[] = {
		{ "[]", "/", "error.expected.jsobject" },
		{ "{}", "/id", "error.path.missing" },
		{ "{\"id\":\"a\"}", "/run", "error.path.missing" },
		{ "{\"id\":\"a\",\"run\":{}}", "/run/cpus", "error.path.missing" },
		{ "{\"id\":\"a\",\"run\":{}}", "/run/mem", "error.path.missing" },
		{ "{\"id\":\"a\",\"run\":{}}", "/run/disk", "error.path.missing" },
		{ "{\"id\":\"\"}", "/id", "error.minLength" },
		{ "{\"id\":7}", "/id", "error.expected.jsstring" },
		{ "{\"id\":\"A\"}", "/id", id_rule },
		{ "{\"id\":\"a..b\"}", "/id", id_rule },
		{ "{\"id\":\".a\"}", "/id", id_rule },
		{ "{\"id\":\"a.\"}", "/id", id_rule },
		{ "{\"id\":\"a-\"}", "/id", id_rule },
		{ "{\"id\":\"-a\"}", "/id", id_rule },
		{ "{\"id\":\"a-.b\"}", "/id", id_rule },
		{ "{\"id\":\"a/b\"}", "/id", id_rule },
		{ "{\"id\":\"a b\"}", "/id", id_rule },
		{ "{\"id\":\"a\",\"command\":\"x\"}", "/command", "is not a known field" },
		{ "{\"id\":\"a\",\"labels\":{\"x\":1}}", "/labels/x", "error.expected.jsstring" },
		{ "{\"id\":\"a\",\"description\":{}}", "/description", "error.expected.jsstring" },
		{ "{\"id\":\"a\",\"dependencies\":[\"b\"]}", "/dependencies(0)",
		  "error.expected.jsobject" },
		{ "{\"id\":\"a\",\"dependencies\":[{\"id\":\"B\"}]}", "/dependencies(0)/id",
		  id_rule },
		{ "{\"id\":\"a\",\"run\":{\"cpus\":0}}", "/run/cpus", "error.min" },
		{ "{\"id\":\"a\",\"run\":{\"mem\":31}}", "/run/mem", "error.min" },
		{ "{\"id\":\"a\",\"run\":{\"disk\":-1}}", "/run/disk", "error.min" },
		{ "{\"id\":\"a\",\"run\":{\"cpus\":\"1\"}}", "/run/cpus",
		  "error.expected.jsnumber" },
		{ JOB(""), "/run", "Cmd, docker or ucr image must be specified" },
		{ JOB(",\"cmd\":\"\""), "/run/cmd", "error.minLength" },
		{ JOB(",\"docker\":{\"image\":\"x\"},\"ucr\":{\"image\":{\"id\":\"x\"}}"), "/run",
		  "Either Docker or UCR should be provided, but not both" },
		{ JOB(",\"docker\":{}"), "/run/docker/image", "error.path.missing" },
		{ JOB(",\"ucr\":{\"image\":{\"id\":\"x\",\"kind\":\"rpm\"}}"),
		  "/run/ucr/image/kind", "error.unknown.enum.literal" },
		{ JOB(",\"ucr\":{\"image\":{\"id\":\"x\",\"kind\":\"appc\"}}"),
		  "/run/ucr/image/kind", "only docker images are supported" },
		{ JOB(CMD ",\"ucr\":{\"image\":{\"id\":\"x\"},\"privileged\":true}"),
		  "/run/ucr/privileged", "nothing runs privileged here" },
		{ JOB(CMD ",\"docker\":{\"image\":\"x\",\"privileged\":true}"),
		  "/run/docker/privileged", "nothing runs privileged here" },
		{ JOB(CMD ",\"args\":[\"x\"]"), "/run",
		  "Either cmd or args should be provided, but not both" },
		{ JOB(CMD ",\"instances\":2"), "/run/instances", "is not a known field" },
		{ JOB(CMD ",\"restart\":{}"), "/run/restart/policy", "error.path.missing" },
		{ JOB(CMD ",\"restart\":{\"policy\":\"ALWAYS\"}"), "/run/restart/policy",
		  "must be one of: NEVER, ON_FAILURE" },
		{ JOB(CMD ",\"restart\":{\"policy\":\"NEVER\",\"activeDeadlineSeconds\":1.5}"),
		  "/run/restart/activeDeadlineSeconds", "error.expected.int" },
		{ JOB(CMD ",\"maxLaunchDelay\":0"), "/run/maxLaunchDelay", "error.min" },
		{ JOB(CMD ",\"artifacts\":[{}]"), "/run/artifacts(0)/uri", "error.path.missing" },
		{ JOB(CMD ",\"volumes\":[{\"containerPath\":\"/x\",\"mode\":\"WO\"}]"),
		  "/run/volumes(0)/mode", "must be one of: RO, RW" },
		{ JOB(CMD ",\"env\":[]"), "/run/env", "error.expected.jsobject" },
		{ JOB(CMD ",\"env\":{\"A\":1}"), "/run/env/A", "error.expected.jsstring" },
		{ JOB(CMD ",\"placement\":{\"constraints\":[{\"operator\":\"IS\"}]}"),
		  "/run/placement/constraints(0)/attribute", "error.path.missing" },
		{ JOB(CMD ",\"placement\":{\"constraints\":[{\"attribute\":\"a\","
			  "\"operator\":\"UNIQUE\"}]}"),
		  "/run/placement/constraints(0)/operator", "must be one of: IS, EQ, LIKE, UNLIKE" },
		{ JOB(CMD ",\"placement\":{\"constraints\":[{\"attribute\":\"a\","
			  "\"operator\":\"EQ\"}]}"),
		  "/run/placement/constraints(0)", "IS requires a value" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_refused(job_spec_read, rows[i].document, rows[i].path, rows[i].sentence);
}

static void test_wrong_schedules_are_refused(void **state)
{
#define SCHEDULE(more) "{\"id\":\"s\",\"cron\":\"* * * * *\"" more "}"
	static const struct {
		const char *document, *path, *sentence;
	} rows[] = {
		{ "7", "/", "error.expected.jsobject" },
		{ "{}", "/id", "error.path.missing" },
		{ "{}", "/cron", "error.path.missing" },
		{ "{\"cron\":5}", "/cron", "error.expected.jsstring" },
		{ "{\"cron\":\"60 * * * *\"}", "/cron",
		  "cron '60 * * * *': minute '60' is not within 0-59" },
		{ "{\"cron\":\"0 0 30 2 *\"}", "/cron",
		  "cron '0 0 30 2 *' never fires: no month of it has such a day" },
		{ SCHEDULE(",\"timezone\":\"Mars/Olympus\""), "/timezone",
		  "No time zone found with this id: Mars/Olympus" },
		{ SCHEDULE(",\"startingDeadlineSeconds\":59"), "/startingDeadlineSeconds",
		  "error.min" },
		{ SCHEDULE(",\"concurrencyPolicy\":\"REPLACE\""), "/concurrencyPolicy",
		  "must be one of: ALLOW, FORBID" },
		{ SCHEDULE(",\"enabled\":\"yes\""), "/enabled", "error.expected.jsboolean" },
		{ SCHEDULE(",\"startingDeadlineSecond\":90"), "/startingDeadlineSecond",
		  "is not a known field" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_refused(job_schedule_read, rows[i].document, rows[i].path,
			       rows[i].sentence);
}

static int read_inline(const json_t *document, const char *id, json_t **ret,
		       struct refusal *refusal)
{
	(void)id;
	return job_spec_read_schedules(document, ret, refusal);
}

static void test_inline_schedules_are_checked_where_they_stand(void **state)
{
	(void)state;
	assert_refused(read_inline, "{\"schedules\":{}}", "/schedules", "error.expected.jsarray");
	assert_refused(read_inline, "{\"schedules\":[{\"id\":\"s\"}]}", "/schedules(0)/cron",
		       "error.path.missing");
	assert_refused(read_inline, "{\"schedules\":[" SCHEDULE("") "," SCHEDULE("") "]}",
		       "/schedules", "error.maxItems");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_filled_in),
		cmocka_unit_test(test_run_is_an_app_of_one_instance),
		cmocka_unit_test(test_a_run_is_on_its_networks_without_ports),
		cmocka_unit_test(test_wrong_jobs_are_refused),
		cmocka_unit_test(test_wrong_schedules_are_refused),
		cmocka_unit_test(test_inline_schedules_are_checked_where_they_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
