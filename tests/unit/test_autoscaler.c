/* Autoscaled apps in a whole controller: what is asked, what follows from it, and what holds it back. */
#include "controller_world.h"

#include "master_stub/marathon/autoscale/autoscaler.h"

enum { ROUND_MS = 10000 };

/* One instance at least, ten at most; everything at once, so that tests say what waits. */
#define POLICY(targets, more)                                                                      \
	"\"autoscale\":{\"min\":1,\"max\":10,\"intervalSeconds\":10,\"warmUpSeconds\":0,"          \
	"\"up\":{\"periodSeconds\":1},\"down\":{\"stabilizationSeconds\":60,\"periodSeconds\":1},"  \
	"\"targets\":[" targets "]" more "}"
#define WEB_WITH(instances, policy)                                                                \
	"{\"id\":\"/web\",\"cmd\":\"x\",\"cpus\":0.5,\"mem\":100,\"instances\":" #instances        \
	"," policy "}"
#define CPU   "{\"metric\":\"cpu\",\"value\":0.5}"
#define MEM   "{\"metric\":\"mem\",\"value\":0.5}"
#define GAUGE "{\"metric\":\"prometheus\",\"value\":10,\"name\":\"busy\"}"

static void settle(void)
{
	offer();
	let_it_be(UNKNOWN_HEALTH);
}

static void start(const char *definition)
{
	post(definition);
	settle();
	assert_null(app("/web")->deployment);
}

static unsigned instances(void)
{
	return app("/web")->target->instances;
}

/* Every instance is asked, and says VALUE. */
static void say_busy(const char *value)
{
	char page[64];

	(void)snprintf(page, sizeof(page), "busy %s\n", value);
	while (find_fetch("/metrics"))
		answer_fetch("/metrics", 200, page);
}

static void round_of(const char *busy)
{
	wait_ms(ROUND_MS);
	say_busy(busy);
	settle();
}

/* "reason" and so on of the last round. */
static const char *last(const char *key)
{
	static char text[600];
	json_t *view = autoscaler_view(world.controller, app("/web"));
	const char *value = json_string_value(json_object_get(json_object_get(view, "last"), key));

	(void)snprintf(text, sizeof(text), "%s", value ? value : "");
	json_decref(view);
	return text;
}

static unsigned n_decisions(void)
{
	json_t *view = autoscaler_view(world.controller, app("/web"));
	unsigned n = (unsigned)json_array_size(json_object_get(view, "decisions"));

	json_decref(view);
	return n;
}

/* ---- Up and down ---- */

static void test_a_gauge_is_followed(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	assert_int_equal(world.n_asked, 0);
	wait_ms(ROUND_MS);
	assert_int_equal(world.n_fetches, 1);
	assert_true(strncmp(world.fetches[0].url, "http://node-1:31", 16) == 0);
	assert_int_equal(world.fetches[0].timeout_ms, 8000);
	say_busy("40");
	assert_int_equal(instances(), 4);
	assert_non_null(app("/web")->deployment);
	assert_string_equal(last("reason"), "load");
	assert_string_equal(last("message"), "4 instances instead of 1: busy is 40, its target 10,"
					     " over 1 of 1 instances");
	assert_string_equal(last("deploymentId"), app("/web")->deployment->id);
	settle();
	assert_null(app("/web")->deployment);
	assert_int_equal(count_alive_tasks(), 4);

	/* All are asked, and what they say together is enough. */
	wait_ms(ROUND_MS);
	assert_int_equal(world.n_fetches, 4);
	say_busy("10");
	assert_int_equal(instances(), 4);
	assert_string_equal(last("reason"), "steady");

	/* Down only when it has been less for a minute. */
	for (unsigned i = 0; i < 5; i++) {
		round_of("5");
		assert_int_equal(instances(), 4);
		assert_string_equal(last("reason"), "stabilizing");
	}
	round_of("5");
	assert_int_equal(instances(), 2);
	settle();
	assert_int_equal(count_alive_tasks(), 2);
	assert_int_equal(count_events("deployment_success"), 3);
	assert_int_equal(count_events("autoscale_decision_event"), 2);
	assert_int_equal(n_decisions(), 2);
}

static void test_nobody_is_restarted_by_it(void **state)
{
	(void)state;
	start(WEB_WITH(2, POLICY(GAUGE, "")));
	round_of("20");
	settle();
	assert_int_equal(instances(), 4);
	assert_int_equal(world.scheduler.n_kills, 0);
	/* Nor by another policy, which is in force at once. */
	post(WEB_WITH(4, POLICY(GAUGE, ",\"tolerance\":0.5")));
	settle();
	assert_null(app("/web")->deployment);
	assert_int_equal(world.scheduler.n_kills, 0);
	assert_int_equal(count_alive_tasks(), 4);
	round_of("14");
	assert_int_equal(instances(), 4);
	assert_string_equal(last("reason"), "steady");
	/* And {} is none. */
	post("{\"id\":\"/web\",\"autoscale\":{}}");
	settle();
	assert_null(app("/web")->autoscaler);
	assert_null(json_object_get(app("/web")->target->json, "autoscale"));
	assert_int_equal(world.scheduler.n_kills, 0);
	wait_ms(ROUND_MS);
	assert_int_equal(world.n_fetches, 0);
}

/* ---- Agents ---- */

/* Of all instances: CPU seconds so far at TIME, and memory. */
static void say_usage(double cpu, double time, double mem_mb)
{
	json_t *rows = json_array();
	char *text;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		json_array_append_new(
			rows, json_pack("{s:s, s:{s:f, s:f, s:f, s:f}}", "executor_id",
					task_at(i)->info->task_id->value, "statistics", "timestamp",
					time, "cpus_user_time_secs", cpu / 2,
					"cpus_system_time_secs", cpu / 2, "mem_rss_bytes",
					mem_mb * (1 << 20)));
	text = json_dumps(rows, 0);
	answer_fetch("/monitor/statistics", 200, text);
	free(text);
	json_decref(rows);
}

static void test_agents_are_asked_once_for_all_their_tasks(void **state)
{
	(void)state;
	start(WEB_WITH(3, POLICY(CPU "," MEM, "")));
	wait_ms(ROUND_MS);
	assert_int_equal(world.n_fetches, 1);
	assert_string_equal(world.fetches[0].url, "http://node-1:5051/monitor/statistics");
	/* Of the cpu nothing is known yet: the memory alone never makes it fewer. */
	say_usage(5, 100, 10);
	assert_int_equal(instances(), 3);
	assert_string_equal(last("reason"), "unknownMetric");
	/* Four of ten seconds on half a cpu are 0.8 of it. */
	wait_ms(ROUND_MS);
	say_usage(9, 110, 10);
	assert_int_equal(instances(), 5);
	assert_string_equal(last("message"), "5 instances instead of 3: cpu is 0.8, its target 0.5,"
					     " over 3 of 3 instances");
	settle();
	/* The new ones say nothing yet and count as idle. */
	wait_ms(ROUND_MS);
	say_usage(13, 120, 10);
	assert_int_equal(instances(), 5);
	wait_ms(ROUND_MS);
	say_usage(15.5, 130, 80);
	assert_int_equal(instances(), 8);
	assert_string_equal(last("message"), "8 instances instead of 5: mem is 0.8, its target 0.5,"
					     " over 5 of 5 instances");
}

static void test_apps_share_what_an_agent_tells(void **state)
{
	(void)state;
	start(WEB_WITH(2, POLICY(MEM, "")));
	world.now_ms += 3000;
	post("{\"id\":\"/other\",\"cmd\":\"x\",\"cpus\":0.5,\"mem\":100," POLICY(MEM, "") "}");
	settle();
	wait_ms(ROUND_MS - 3000);
	say_usage(0, 1, 100);
	assert_int_equal(instances(), 4);
	settle();
	wait_ms(3000);
	/* Three seconds ago it was told for this one, too. */
	assert_int_equal(world.n_asked, 1);
	assert_int_equal(app("/other")->target->instances, 2);
}

/* ---- What is not known ---- */

static void test_without_answers_nothing_is_changed(void **state)
{
	static const struct {
		int status;
		const char *body, *trouble;
	} rows[] = {
		{ 0, "connection refused", "connection refused" },
		{ 404, "busy 90\n", "status 404" },
		{ 200, "<html>", "line 1 is not of Prometheus's text format" },
		{ 200, "idle 90\n", "there is no 'busy' with these labels" },
		{ 200, "busy NaN\n", "'busy' is not a number" },
	};
	char expected[300];

	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		wait_ms(ROUND_MS);
		answer_fetch("/metrics", rows[i].status, rows[i].body);
		assert_int_equal(instances(), 1);
		assert_string_equal(last("reason"), "noSamples");
		(void)snprintf(expected, sizeof(expected), "metrics of instance '%s': %s",
			       TAILQ_FIRST(&app("/web")->instances)->id, rows[i].trouble);
		assert_string_equal(last("trouble"), expected);
		assert_non_null(strstr(last("message"), expected));
	}
	/* Told once. */
	assert_int_equal(count_events("autoscale_decision_event"), 1);
}

static void test_silent_instances_count_as_idle_and_then_as_busy(void **state)
{
	(void)state;
	start(WEB_WITH(4, POLICY(GAUGE, "")));
	wait_ms(ROUND_MS);
	answer_fetch("/metrics", 200, "busy 20");
	answer_fetch("/metrics", 200, "busy 20");
	answer_fetch("/metrics", 503, "");
	answer_fetch("/metrics", 503, "");
	assert_int_equal(instances(), 4);
	for (unsigned i = 0; i < 6; i++) {
		wait_ms(ROUND_MS);
		answer_fetch("/metrics", 200, "busy 0");
		for (unsigned j = 0; j < 3; j++)
			answer_fetch("/metrics", 503, "");
	}
	assert_int_equal(instances(), 3);
}

static void test_those_that_warm_up_are_not_believed(void **state)
{
	(void)state;
	start("{\"id\":\"/web\",\"cmd\":\"x\",\"autoscale\":{\"max\":10,\"intervalSeconds\":10,"
	      "\"warmUpSeconds\":25,\"up\":{\"periodSeconds\":1},\"targets\":[" GAUGE "]}}");
	round_of("90");
	assert_string_equal(last("reason"), "noSamples");
	round_of("90");
	assert_int_equal(instances(), 1);
	round_of("90");
	assert_int_equal(instances(), 5);
}

/* By a clock that nobody sets: one that goes back by hours makes nobody blind for hours. */
static void test_a_clock_that_is_set_warms_nobody_up_and_cools_nobody_down(void **state)
{
	(void)state;
	start("{\"id\":\"/web\",\"cmd\":\"x\",\"autoscale\":{\"max\":10,\"intervalSeconds\":10,"
	      "\"warmUpSeconds\":25,\"up\":{\"periodSeconds\":1},\"targets\":[" GAUGE "]}}");
	world.wall_offset_ms += 3600 * 1000;
	round_of("90");
	assert_string_equal(last("reason"), "noSamples");
	world.wall_offset_ms -= 2 * 3600 * 1000;
	round_of("90");
	round_of("90");
	assert_int_equal(instances(), 5);
}

static void test_counters_are_followed_by_their_rate(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY("{\"metric\":\"requestsPerSecond\",\"value\":10,\"name\":\"busy\","
				 "\"labels\":{\"a\":\"b\"}}", "")));
	wait_ms(ROUND_MS);
	answer_fetch("/metrics", 200, "busy{a=\"b\"} 1000\nbusy{a=\"c\"} 99999\n");
	assert_string_equal(last("reason"), "noSamples");
	wait_ms(ROUND_MS);
	answer_fetch("/metrics", 200, "busy{a=\"b\"} 1200\nbusy{a=\"c\"} 999999\n");
	assert_int_equal(instances(), 2);
	settle();
	/* The process was begun anew: its counter, too. */
	wait_ms(ROUND_MS);
	answer_fetch("/metrics", 200, "busy{a=\"b\"} 5");
	answer_fetch("/metrics", 200, "busy{a=\"b\"} 5");
	assert_int_equal(instances(), 2);
	assert_string_equal(last("reason"), "noSamples");
}

static void test_targets_of_one_page_are_asked_for_once(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY("{\"metric\":\"prometheus\",\"value\":10,\"name\":\"a\"},"
				 "{\"metric\":\"prometheus\",\"value\":10,\"name\":\"b\","
				 "\"aggregate\":\"mean\"},"
				 "{\"metric\":\"prometheus\",\"value\":1,\"name\":\"c\","
				 "\"path\":\"/other\"}", "")));
	wait_ms(ROUND_MS);
	assert_int_equal(world.n_fetches, 2);
	answer_fetch("/metrics", 200, "a 10\nb{x=\"1\"} 20\nb{x=\"2\"} 40\n");
	/* All answers are waited for. */
	assert_int_equal(instances(), 1);
	answer_fetch("/other", 200, "c 1\n");
	assert_int_equal(instances(), 3);
	assert_non_null(strstr(last("message"), "b is 30"));
}

/* ---- What holds it back ---- */

static void test_a_deployment_is_waited_for(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	post("{\"id\":\"/web\",\"cmd\":\"y\"}");
	assert_non_null(app("/web")->deployment);
	wait_ms(ROUND_MS);
	say_busy("30");
	assert_int_equal(instances(), 1);
	assert_string_equal(last("reason"), "deployment");
	wait_ms(ROUND_MS);
	say_busy("30");
	assert_int_equal(n_decisions(), 1);
	settle();
	settle();
	assert_null(app("/web")->deployment);
	round_of("30");
	assert_int_equal(instances(), 3);
	assert_string_equal(last("reason"), "load");
}

static void test_what_there_is_no_room_for_is_not_wanted_for_ever(void **state)
{
	char id[ID_UUID_SIZE];

	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	wait_ms(ROUND_MS);
	say_busy("50");
	assert_int_equal(instances(), 5);
	memcpy(id, app("/web")->deployment->id, sizeof(id));
	for (unsigned i = 0; i < 6; i++) {
		wait_ms(ROUND_MS);
		say_busy("0");
	}
	/* Of the four that never came nothing is known. */
	assert_int_equal(instances(), 4);
	assert_string_not_equal(app("/web")->deployment->id, id);
	assert_int_equal(count_events("deployment_failed"), 1);
	/* For more it waits like anybody. */
	wait_ms(ROUND_MS);
	say_busy("90");
	assert_int_equal(instances(), 4);
	assert_string_equal(last("reason"), "deployment");
}

/* Somebody's own number holds as long as a wish of ours would. */
static void test_scaling_by_hand_is_a_new_beginning(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	round_of("10");
	post("{\"id\":\"/web\",\"instances\":6}");
	settle();
	for (unsigned i = 0; i < 5; i++) {
		round_of("1");
		assert_int_equal(instances(), 6);
	}
	round_of("1");
	settle();
	assert_int_equal(instances(), 1);
	/* 0 is a pause. */
	post("{\"id\":\"/web\",\"instances\":0}");
	settle();
	assert_int_equal(count_alive_tasks(), 0);
	wait_ms(10 * ROUND_MS);
	assert_int_equal(instances(), 0);
	assert_int_equal(world.n_fetches, 0);
}

/* For another command the file is sent again, with the number that the app began with. */
static void test_a_definition_sent_again_leaves_the_number_alone(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	round_of("40");
	assert_int_equal(instances(), 4);
	settle();
	post("{\"id\":\"/web\",\"cmd\":\"y\",\"instances\":1," POLICY(GAUGE, "") "}");
	assert_int_equal(instances(), 4);
	while (app("/web")->deployment)
		settle();
	/* None at all is what people say, and so is what follows, or is said without the policy. */
	post(WEB_WITH(0, POLICY(GAUGE, "")));
	assert_int_equal(instances(), 0);
	settle();
	post(WEB_WITH(3, POLICY(GAUGE, "")));
	assert_int_equal(instances(), 3);
	settle();
	post("{\"id\":\"/web\",\"instances\":2}");
	assert_int_equal(instances(), 2);
}

static void test_a_new_process_takes_nothing_back_at_once(void **state)
{
	(void)state;
	start(WEB_WITH(1, POLICY(GAUGE, "")));
	round_of("50");
	settle();
	assert_int_equal(instances(), 5);
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	settle();
	for (unsigned i = 0; i < 5; i++) {
		round_of("2");
		assert_int_equal(instances(), 5);
	}
	round_of("2");
	assert_int_equal(instances(), 1);
}

static void test_bounds_by_the_schedule(void **state)
{
	(void)state;
	/* It is Sunday, 12:43, and two hours later in Berlin. */
	start(WEB_WITH(1, POLICY(GAUGE, ",\"schedule\":[{\"days\":[\"sunday\"],\"from\":\"14:44\","
					"\"to\":\"15:00\",\"min\":3,\"max\":4}],"
					"\"timeZone\":\"Europe/Berlin\"")));
	round_of("10");
	assert_int_equal(instances(), 1);
	wait_ms(60000);
	say_busy("10");
	assert_int_equal(instances(), 3);
	assert_string_equal(last("message"), "3 instances instead of 1: the least there may be now;"
					     " busy is 10, its target 10, over 1 of 1 instances");
	settle();
	round_of("90");
	assert_int_equal(instances(), 4);
	settle();
	wait_ms(20 * 60 * 1000);
	say_busy("90");
	assert_int_equal(instances(), 8);
}

static void test_what_is_asked_ends_with_its_app(void **state)
{
	(void)state;
	start(WEB_WITH(3, POLICY(GAUGE "," CPU, "")));
	wait_ms(ROUND_MS);
	assert_int_equal(world.n_fetches, 4);
	/* Between an answer and the turn the policy may be another one already. */
	post("{\"id\":\"/web\",\"autoscale\":{\"max\":2,\"targets\":[" MEM "]}}");
	settle();
	assert_int_equal(world.n_fetches, 1);
	say_usage(1, 1, 1);
	assert_int_equal(apply(NULL, "/web", true), 0);
	settle();
	assert_null(app("/web"));
	assert_int_equal(world.n_fetches, 0);
}

/* ---- Nonsense ---- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_gauge_is_followed),
		WORLD_TEST(test_nobody_is_restarted_by_it),
		WORLD_TEST(test_agents_are_asked_once_for_all_their_tasks),
		WORLD_TEST(test_apps_share_what_an_agent_tells),
		WORLD_TEST(test_without_answers_nothing_is_changed),
		WORLD_TEST(test_silent_instances_count_as_idle_and_then_as_busy),
		WORLD_TEST(test_those_that_warm_up_are_not_believed),
		WORLD_TEST(test_a_clock_that_is_set_warms_nobody_up_and_cools_nobody_down),
		WORLD_TEST(test_counters_are_followed_by_their_rate),
		WORLD_TEST(test_targets_of_one_page_are_asked_for_once),
		WORLD_TEST(test_a_deployment_is_waited_for),
		WORLD_TEST(test_what_there_is_no_room_for_is_not_wanted_for_ever),
		WORLD_TEST(test_scaling_by_hand_is_a_new_beginning),
		WORLD_TEST(test_a_definition_sent_again_leaves_the_number_alone),
		WORLD_TEST(test_a_new_process_takes_nothing_back_at_once),
		WORLD_TEST(test_bounds_by_the_schedule),
		WORLD_TEST(test_what_is_asked_ends_with_its_app),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
