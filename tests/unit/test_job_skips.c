/* Due times without a run, and runs that wait: which, and why. */
#include "job_world.h"

/* Due N times from FIRST on (AT LAST's minute at the end): the newest that was skipped. */
static void assert_skip(const char *first, const char *last, int n, const char *reason)
{
	const json_t *skip = json_array_get(job("a")->skipped, 0);

	assert_string_equal(json_string_value(json_object_get(skip, "dueAt")), first);
	assert_string_equal(json_string_value(json_object_get(skip, "lastDueAt")), last);
	assert_int_equal(json_integer_value(json_object_get(skip, "count")), n);
	assert_string_equal(json_string_value(json_object_get(skip, "reason")), reason);
}

static json_t *view_of(const char *id, unsigned embeds, const char *key)
{
	json_t *view = job_view(world.controller, job(id), embeds);
	json_t *value = json_incref(json_object_get(view, key));

	json_decref(view);
	return value;
}

static void assert_explained(const char *id, const char *text)
{
	json_t *value = view_of(id, JOB_EMBED_EXPLANATION, "explanation");

	assert_string_equal(json_string_value(value), text);
	json_decref(value);
}

/* Of the first active run; NULL: it does not wait. */
static void assert_run_explained(const char *id, const char *text)
{
	json_t *runs = view_of(id, JOB_EMBED_RUNS, "activeRuns");
	const char *is = json_string_value(
		json_object_get(json_array_get(runs, 0), "explanation"));

	if (text)
		assert_string_equal(is, text);
	else
		assert_null(is);
	json_decref(runs);
}

static void test_forbidden_due_time_is_told(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("* * * * *", ",\"concurrencyPolicy\":\"FORBID\""));
	pass_and_offer("2026-01-01T00:03:30Z");
	assert_int_equal(job("a")->n_skipped, 2);
	assert_skip("2026-01-01T00:02:00.000+0000", "2026-01-01T00:03:00.000+0000", 2,
		    "concurrencyPolicy");
	/* The start of the run, that it is launched, and two that were skipped. */
	assert_int_equal(count_events("job_run_event"), 4);
	restart_controller();
	assert_int_equal(job("a")->n_skipped, 2);
	/* The same again is one row; another run is another reason. */
	assert_int_equal(json_array_size(job("a")->skipped), 1);
	succeed_all();
	pass_and_offer("2026-01-01T00:05:30Z");
	assert_skip("2026-01-01T00:05:00.000+0000", "2026-01-01T00:05:00.000+0000", 1,
		    "concurrencyPolicy");
	assert_int_equal(job("a")->n_skipped, 3);
}

static void test_due_times_that_nobody_saw_in_time_are_told_once(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("*/5 * * * *", ",\"startingDeadlineSeconds\":600"));
	pass_and_offer("2026-01-01T00:06:00Z");
	/* Of 00:10, 00:15, 00:20 and 00:25 two are within the deadline. */
	world.now_ms += 20 * 60 * 1000;
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	assert_skip("2026-01-01T00:10:00.000+0000", "2026-01-01T00:15:00.000+0000", 2, "deadline");
	restart_controller();
	pass_and_offer("2026-01-01T01:00:00Z");
	assert_int_equal(job("a")->n_skipped, 2);
}

static void test_more_than_are_made_up_for_are_told(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("* * * * *", ",\"startingDeadlineSeconds\":36000"));
	world.now_ms += 150 * 60 * 1000;
	turn();
	assert_int_equal(job("a")->n_runs, 100);
	assert_int_equal(job("a")->n_skipped, 50);
	assert_skip("2026-01-01T00:01:00.000+0000", "2026-01-01T00:50:00.000+0000", 50, "tooMany");
	assert_int_equal(TAILQ_FIRST(&job("a")->runs)->due_s, seconds("2026-01-01T00:51:00Z"));
	assert_int_equal(TAILQ_LAST(&job("a")->runs, runs)->due_s, seconds("2026-01-01T02:30:00Z"));
}

static void test_clock_that_jumps_for_years_is_counted_to_an_end(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("* * * * *", ",\"startingDeadlineSeconds\":60"));
	set_clock("2031-01-01T00:00:30Z");
	turn();
	assert_int_equal(job("a")->n_skipped, 1000);
	set_clock("2026-01-01T00:01:30Z");
	turn();
	/* The right time runs what is due in it. */
	assert_int_equal(job("a")->n_skipped, 1000);
	assert_int_equal(TAILQ_LAST(&job("a")->runs, runs)->due_s, seconds("2026-01-01T00:01:00Z"));
}

static void test_run_that_is_late_has_what_is_left_of_the_deadline(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:59:59Z");
	add(SCHEDULED("0 * * * *", ",\"startingDeadlineSeconds\":600"));
	world.now_ms += 301 * 1000;
	turn();
	assert_int_equal(job("a")->n_runs, 1);
	wait_ms(299999);
	assert_int_equal(job("a")->n_runs, 1);
	wait_ms(1);
	assert_int_equal(job("a")->n_runs, 0);
	assert_int_equal(job("a")->n_failures, 1);
}

static void test_run_that_is_just_in_time_can_be_launched(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:59:59Z");
	add(SCHEDULED("0 * * * *", ",\"startingDeadlineSeconds\":600"));
	world.now_ms += 601 * 1000;
	turn();
	turn();
	assert_int_equal(job("a")->n_runs, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_job_says_why_it_does_not_run(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add("{\"id\":\"b\"," RUN "}}");
	assert_explained("b", "it has no schedule and starts on request");
	add("{\"id\":\"c\",\"dependencies\":[{\"id\":\"b\"}]," RUN "}}");
	assert_explained("c", "it starts when these have succeeded: 'b'");
	add(SCHEDULED("0 1 * * *", ",\"concurrencyPolicy\":\"FORBID\""));
	assert_explained("a", "it is due next at 2026-01-01T01:00:00.000+0000");
	run_now("a");
	assert_explained("a", "1 of its runs are active: what is due meanwhile is skipped");
}

static void test_run_says_what_it_waits_for(void **state)
{
	(void)state;
	add("{\"id\":\"b\"," RUN ",\"restart\":{\"policy\":\"ON_FAILURE\"}}}");
	run_now("b");
	offer();
	assert_run_explained("b", "its task is sent to node node-1, which has not told of it yet");
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_run_explained("b", NULL);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH);
	assert_run_explained("b", "node node-1 is out of reach: its task may go on there, and no second"
				  " one is started");
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_run_explained("b", "the next task starts in 1.000 s");
}

/* Each once: INITIAL, STARTING, ACTIVE, SUCCESS; a failure that is tried again is told, too. */
static void test_what_becomes_of_a_run_is_told(void **state)
{
	(void)state;
	add("{\"id\":\"b\"," RUN ",\"restart\":{\"policy\":\"ON_FAILURE\"}}}");
	run_now("b");
	assert_int_equal(count_events("job_run_event"), 2);
	offer();
	assert_int_equal(count_events("job_run_event"), 2);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_int_equal(count_events("job_run_event"), 3);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_int_equal(count_events("job_run_event"), 4);
	wait_ms(2000);
	offer();
	succeed_all();
	assert_int_equal(count_events("job_run_event"), 5);
	assert_int_equal(job("b")->n_successes, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_forbidden_due_time_is_told),
		TEST(test_due_times_that_nobody_saw_in_time_are_told_once),
		TEST(test_more_than_are_made_up_for_are_told),
		TEST(test_clock_that_jumps_for_years_is_counted_to_an_end),
		TEST(test_run_that_is_late_has_what_is_left_of_the_deadline),
		TEST(test_run_that_is_just_in_time_can_be_launched),
		TEST(test_job_says_why_it_does_not_run),
		TEST(test_run_says_what_it_waits_for),
		TEST(test_what_becomes_of_a_run_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
