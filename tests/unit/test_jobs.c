/* Jobs on a clock of paper: due times, ends, retries, dependencies, restarts. */
#include "job_world.h"

static void test_run_is_launched_and_kept_in_the_history(void **state)
{
	const Mesos__V1__TaskInfo *info;
	json_t *view;

	(void)state;
	add("{\"id\":\"a.b\",\"labels\":{\"x\":\"y\"}," RUN ",\"env\":{\"A\":\"1\"},"
	    "\"taskKillGracePeriodSeconds\":7}}");
	run_now("a.b");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	info = task_at(0)->info;
	assert_string_equal(info->command->value, "true");
	assert_true(strncmp(info->task_id->value, "a_b_20200913", 12) == 0);
	assert_int_equal(info->kill_policy->grace_period->nanoseconds, 7000000000);
	assert_string_equal(info->labels->labels[0]->value, "y");
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	view = runs_view(world.controller, job("a.b"));
	assert_string_equal(json_string_value(json_object_get(json_array_get(view, 0), "status")),
			    "ACTIVE");
	json_decref(view);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FINISHED, UNKNOWN_HEALTH);
	assert_int_equal(job("a.b")->n_runs, 0);
	assert_int_equal(job("a.b")->n_successes, 1);
	assert_int_equal(json_array_size(job("a.b")->succeeded), 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	/* Nobody who looks at apps sees any of it. */
	assert_int_equal(count_events("status_update_event"), 0);
	assert_int_equal(count_events("instance_changed_event"), 0);
	assert_null(world.controller->entries);
	restart_controller();
	assert_int_equal(job("a.b")->n_successes, 1);
	assert_int_equal(json_array_size(job("a.b")->succeeded), 1);
}

static void test_failure_is_final_unless_it_is_to_be_retried(void **state)
{
	(void)state;
	add("{\"id\":\"once\"," RUN "}}");
	add("{\"id\":\"again\"," RUN ",\"restart\":{\"policy\":\"ON_FAILURE\","
	    "\"activeDeadlineSeconds\":4}}}");
	run_now("once");
	offer();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_int_equal(job("once")->n_failures, 1);
	run_now("again");
	offer();
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	restart_controller();
	wait_ms(999);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	wait_ms(1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	wait_ms(2500);
	assert_int_equal(job("again")->n_failures, 0);
	/* The next would start 1.15 s from now, after the deadline. */
	say(task_at(2), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_int_equal(job("again")->n_failures, 1);
	assert_int_equal(json_array_size(json_object_get(json_array_get(job("again")->failed, 0),
							 "tasks")), 2);
}

/* One that waits for room after a failure waits no longer than it may be tried again. */
static void test_retry_is_not_launched_behind_the_active_deadline(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN ",\"restart\":{\"policy\":\"ON_FAILURE\",\"activeDeadlineSeconds\":60}}}");
	run_now("a");
	wait_ms(70000);
	/* Its first task may be as late as it has to be: the deadline is of failures. */
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_int_equal(job("a")->n_failures, 1);
	run_now("a");
	offer();
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	assert_int_equal(job("a")->n_runs, 1);
	restart_controller();
	wait_ms(59999);
	assert_int_equal(job("a")->n_runs, 1);
	assert_true(controller_next_ms(world.controller) <= world.now_ms + 1);
	wait_ms(1);
	assert_int_equal(job("a")->n_runs, 0);
	assert_int_equal(job("a")->n_failures, 2);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_stopped_run_is_killed_and_failed(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN ",\"restart\":{\"policy\":\"ON_FAILURE\"}}}");
	run_now("a");
	stop_first("a");
	assert_int_equal(job("a")->n_failures, 1);
	run_now("a");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	stop_first("a");
	assert_true(task_at(0)->is_killed);
	assert_int_equal(job("a")->n_runs, 1);
	restart_controller();
	assert_int_equal(job("a")->n_runs, 1);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(job("a")->n_runs, 0);
	assert_int_equal(job("a")->n_failures, 2);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_run_survives_a_restart_at_every_step(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	run_now("a");
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	restart_controller();
	offer();
	let_it_be(UNKNOWN_HEALTH);
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(job("a")->n_runs, 1);
	succeed_all();
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(job("a")->n_successes, 1);
}

/* The process ended between the record and the call: nobody knows the task. */
static void test_launch_that_never_left_is_made_again(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	run_now("a");
	offer();
	restart_controller();
	say_full(task_at(0)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_GONE, UNKNOWN_HEALTH,
		 "unknown", MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	wait_ms(1000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	/* One that did run and is lost is not run a second time. */
	say_full(task_at(1)->info->task_id->value, MESOS__V1__TASK_STATE__TASK_GONE, UNKNOWN_HEALTH,
		 "unknown", MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_int_equal(job("a")->n_failures, 1);
}

/* What an agent has run that nobody could reach, and an operator has given up, is not known. */
static void test_task_on_an_agent_that_was_given_up_is_not_made_again(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	run_now("a");
	offer();
	say_full(task_at(0)->info->task_id->value,
		 MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR, UNKNOWN_HEALTH, "given up",
		 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
	wait_ms(1000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(job("a")->n_failures, 1);
}

static void test_unreachable_task_is_waited_for(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	run_now("a");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH);
	wait_ms(86400000);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FINISHED, UNKNOWN_HEALTH);
	assert_int_equal(job("a")->n_successes, 1);
}

/* Nobody can tell when it ends: the run is given up, and the task killed should it come back. */
static void test_stopped_run_does_not_wait_for_an_unreachable_task(void **state)
{
	unsigned n_kills;

	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	run_now("a");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH);
	stop_first("a");
	assert_int_equal(job("a")->n_runs, 0);
	assert_int_equal(job("a")->n_failures, 1);
	n_kills = world.scheduler.n_kills;
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_int_equal(world.scheduler.n_kills, n_kills + 1);
}

/* The issue's: across a change of the clocks and the restart of the leader, exactly once each. */
static void test_due_times_across_a_change_of_the_clocks_and_a_restart(void **state)
{
	static const struct {
		const char *zone, *from, *until;
		unsigned n;
	} rows[] = {
		/* 02:30 is left out on the 30th, and comes twice on the 26th. */
		{ "Europe/Berlin", "2025-03-29T12:00:00Z", "2025-03-31T12:00:00Z", 2 },
		{ "Europe/Berlin", "2025-10-25T12:00:00Z", "2025-10-27T12:00:00Z", 2 },
		{ "America/New_York", "2026-03-07T18:00:00Z", "2026-03-09T18:00:00Z", 2 },
		{ "America/New_York", "2026-10-31T18:00:00Z", "2026-11-02T18:00:00Z", 2 },
		{ "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z", 2 },
		{ "UTC", "2026-03-07T18:00:00Z", "2026-03-09T18:00:00Z", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char definition[512], at[CLOCK_TEXT_SIZE];

		if (i > 0)
			assert_int_equal(world_setup(state), 0);
		set_clock(rows[i].from);
		(void)snprintf(definition, sizeof(definition),
			       SCHEDULED("30 2 * * *", ",\"timezone\":\"%s\""), rows[i].zone);
		add(definition);
		/*
		 * A restart every 10 minutes: before and after what is due, and when its run has been
		 * started and not yet been launched.
		 */
		for (int64_t s = seconds(rows[i].from); s <= seconds(rows[i].until); s += 600) {
			clock_format(s * 1000, at);
			pass_until(at);
			restart_controller();
			offer();
			restart_controller();
			succeed_all();
		}
		assert_int_equal(world.scheduler.n_tasks, rows[i].n);
		assert_int_equal(job("a")->n_successes, rows[i].n);
		if (i + 1 < ARRAY_SIZE(rows))
			assert_int_equal(world_teardown(state), 0);
	}
}

static void test_missed_due_times_are_made_up_for_within_the_deadline(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("*/5 * * * *", ",\"startingDeadlineSeconds\":600"));
	pass_and_offer("2026-01-01T00:06:00Z");
	succeed_all();
	assert_int_equal(world.scheduler.n_tasks, 1);
	/* Nobody is there at 00:10, 00:15, 00:20 and 00:25. */
	world.now_ms += 20 * 60 * 1000;
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
}

static void test_clock_that_is_set_starts_nothing_twice_and_loses_nothing(void **state)
{
	(void)state;
	set_clock("2026-01-01T10:30:00Z");
	add(SCHEDULED("0 * * * *", ""));
	pass_and_offer("2026-01-01T12:01:00Z");
	assert_int_equal(world.scheduler.n_tasks, 2);
	/* Back: 11:00 and 12:00 were done; 13:00 was not. */
	set_clock("2026-01-01T10:50:00Z");
	pass_and_offer("2026-01-01T12:30:00Z");
	assert_int_equal(world.scheduler.n_tasks, 2);
	pass_and_offer("2026-01-01T13:00:01Z");
	assert_int_equal(world.scheduler.n_tasks, 3);
	/* A day ahead: what is longer ago than the deadline is dropped. */
	set_clock("2026-01-02T13:05:00Z");
	pass_and_offer("2026-01-02T13:06:00Z");
	assert_int_equal(world.scheduler.n_tasks, 4);
	/* And right again: today's are not lost for having been passed over. */
	set_clock("2026-01-01T13:10:00Z");
	restart_controller();
	pass_and_offer("2026-01-01T15:10:00Z");
	assert_int_equal(world.scheduler.n_tasks, 6);
	/* Tomorrow's 13:00 has been done already. */
	pass_and_offer("2026-01-02T12:50:00Z");
	assert_int_equal(world.scheduler.n_tasks, 27);
	pass_and_offer("2026-01-02T13:50:00Z");
	assert_int_equal(world.scheduler.n_tasks, 27);
}

static void test_forbidden_concurrency_skips_what_is_due(void **state)
{
	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("* * * * *", ",\"concurrencyPolicy\":\"FORBID\""));
	pass_and_offer("2026-01-01T00:05:30Z");
	assert_int_equal(world.scheduler.n_tasks, 1);
	succeed_all();
	/* What was skipped is not made up for. */
	restart_controller();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	pass_and_offer("2026-01-01T00:06:30Z");
	assert_int_equal(world.scheduler.n_tasks, 2);
	/* A start by hand is nobody's concurrency. */
	run_now("a");
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
}

static void test_due_run_that_finds_no_room_is_dropped(void **state)
{
	json_t *message;

	(void)state;
	set_clock("2026-01-01T00:59:59Z");
	add(SCHEDULED("0 * * * *", ",\"startingDeadlineSeconds\":60"));
	run_now("a");
	wait_ms(1000);
	assert_int_equal(job("a")->n_runs, 2);
	restart_controller();
	wait_ms(59999);
	assert_int_equal(job("a")->n_runs, 2);
	assert_true(controller_next_ms(world.controller) <= world.now_ms + 1);
	wait_ms(1);
	assert_int_equal(job("a")->n_runs, 1);
	message = json_object_get(json_array_get(job("a")->failed, 0), "message");
	assert_string_equal(json_string_value(message),
			    "no node had room for it within the starting deadline");
	/* What was started by hand waits. */
	wait_ms(900000);
	assert_int_equal(job("a")->n_runs, 1);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_disabled_schedule_is_not_made_up_for(void **state)
{
	struct refusal refusal = { 0 };
	json_t *schedule = json_pack("{s:s, s:s}", "id", "s", "cron", "* * * * *");
	struct job *changed;

	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("* * * * *", ",\"enabled\":false"));
	pass_and_offer("2026-01-01T00:05:30Z");
	assert_int_equal(world.scheduler.n_tasks, 0);
	assert_int_equal(jobs_update_schedule(world.controller, "a", "s", schedule, world.now_ms,
					      &changed, &refusal), 0);
	json_decref(schedule);
	pass_and_offer("2026-01-01T00:06:30Z");
	assert_int_equal(world.scheduler.n_tasks, 1);
}

/* Minutes that a clock went through too early are none of another schedule's. */
static void test_other_schedule_begins_anew_after_a_clock_that_was_set_back(void **state)
{
	struct refusal refusal = { 0 };
	json_t *schedule = json_pack("{s:s, s:s}", "id", "s", "cron", "50 10 * * *");
	struct job *changed;

	(void)state;
	set_clock("2026-01-01T11:00:30Z");
	add(SCHEDULED("0 5 * * *", ""));
	pass_until("2026-01-01T11:10:00Z");
	set_clock("2026-01-01T10:05:00Z");
	turn();
	assert_int_equal(jobs_update_schedule(world.controller, "a", "s", schedule, world.now_ms,
					      &changed, &refusal), 0);
	json_decref(schedule);
	pass_and_offer("2026-01-01T10:51:00Z");
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_longer_deadline_brings_no_due_time_back(void **state)
{
	struct refusal refusal = { 0 };
	json_t *schedule = json_pack("{s:s, s:s, s:i}", "id", "s", "cron", "* * * * *",
				     "startingDeadlineSeconds", 86400);
	struct job *changed;

	(void)state;
	set_clock("2026-01-01T00:00:30Z");
	add(SCHEDULED("* * * * *", ",\"startingDeadlineSeconds\":60"));
	assert_int_equal(jobs_update_schedule(world.controller, "a", "s", schedule, world.now_ms,
					      &changed, &refusal), 0);
	json_decref(schedule);
	pass_and_offer("2026-01-01T00:01:30Z");
	assert_int_equal(world.scheduler.n_tasks, 1);
}

static void test_job_starts_when_all_it_depends_on_have_succeeded(void **state)
{
	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	add("{\"id\":\"b\"," RUN "}}");
	add("{\"id\":\"c\"," RUN "},\"dependencies\":[{\"id\":\"a\"},{\"id\":\"b\"}]}");
	run_now("a");
	offer();
	succeed_all();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 1);
	restart_controller();
	run_now("b");
	offer();
	succeed_all();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 3);
	/* Both succeed again while it runs: it follows them once more. */
	run_now("a");
	run_now("b");
	offer();
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_FINISHED, UNKNOWN_HEALTH);
	say(task_at(4), MESOS__V1__TASK_STATE__TASK_FINISHED, UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 5);
	succeed_all();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 6);
	succeed_all();
	offer();
	assert_int_equal(world.scheduler.n_tasks, 6);
	assert_int_equal(job("c")->n_successes, 2);
	/* A failure of one of them starts nothing. */
	run_now("a");
	offer();
	say(task_at(6), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 7);
}

static void test_run_of_a_deleted_job_is_stopped(void **state)
{
	struct refusal refusal = { 0 };
	json_t *spec = NULL;

	(void)state;
	add("{\"id\":\"a\"," RUN "}}");
	add("{\"id\":\"b\"," RUN "},\"dependencies\":[{\"id\":\"a\"}]}");
	assert_true(jobs_delete(world.controller, "a", true, world.now_ms, &spec, &refusal) < 0);
	assert_int_equal(refusal.status, 409);
	run_now("b");
	offer();
	assert_true(jobs_delete(world.controller, "b", false, world.now_ms, &spec, &refusal) < 0);
	assert_int_equal(refusal.status, 409);
	refusal_done(&refusal);
	assert_int_equal(jobs_delete(world.controller, "b", true, world.now_ms, &spec, &refusal),
			 0);
	json_decref(spec);
	turn();
	restart_controller();
	assert_null(job_find(world.controller, "b"));
	assert_true(task_at(0)->is_killed);
	/* One of the same id knows nothing of it. */
	add("{\"id\":\"b\"," RUN "}}");
	restart_controller();
	assert_int_equal(job("b")->n_runs, 0);
	assert_non_null(world.controller->runs);
	let_it_be(UNKNOWN_HEALTH);
	assert_null(world.controller->runs);
	assert_int_equal(job("b")->n_failures, 0);
	restart_controller();
	assert_null(world.controller->runs);
}

/* Each depends on the one before; how many there may be, and how deep that is, is bounded. */
static void test_so_many_jobs_and_no_more(void **state)
{
	struct refusal refusal = { 0 };
	struct job *made;
	json_t *document;
	int r = 0;

	(void)state;
	for (unsigned i = 0; i <= JOBS_MOST; i++) {
		document = json_loads("{\"id\":\"a\"," RUN "}}", 0, NULL);
		(void)json_object_set_new(document, "id", json_sprintf("a%u", i));
		if (i > 0)
			(void)json_object_set_new(document, "dependencies",
						  json_pack("[{s:o}]", "id",
							    json_sprintf("a%u", i - 1)));
		assert_int_equal(r, 0);
		r = jobs_create(world.controller, document, false, world.now_ms, &made, &refusal);
		json_decref(document);
	}
	assert_true(r < 0);
	assert_int_equal(refusal.status, 403);
	refusal_done(&refusal);
	document = json_pack("{s:s, s:[{s:o}], s:{s:f, s:i, s:i, s:s}}", "id", "a0", "dependencies",
			     "id", json_sprintf("a%u", JOBS_MOST - 1), "run", "cpus", 0.1, "mem", 32,
			     "disk", 0, "cmd", "x");
	r = jobs_update(world.controller, "a0", document, false, world.now_ms, &made, &refusal);
	assert_true(r < 0);
	assert_int_equal(refusal.status, 422);
	refusal_done(&refusal);
	json_decref(document);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_run_is_launched_and_kept_in_the_history),
		TEST(test_failure_is_final_unless_it_is_to_be_retried),
		TEST(test_retry_is_not_launched_behind_the_active_deadline),
		TEST(test_stopped_run_is_killed_and_failed),
		TEST(test_run_survives_a_restart_at_every_step),
		TEST(test_launch_that_never_left_is_made_again),
		TEST(test_task_on_an_agent_that_was_given_up_is_not_made_again),
		TEST(test_unreachable_task_is_waited_for),
		TEST(test_stopped_run_does_not_wait_for_an_unreachable_task),
		TEST(test_due_times_across_a_change_of_the_clocks_and_a_restart),
		TEST(test_missed_due_times_are_made_up_for_within_the_deadline),
		TEST(test_clock_that_is_set_starts_nothing_twice_and_loses_nothing),
		TEST(test_forbidden_concurrency_skips_what_is_due),
		TEST(test_due_run_that_finds_no_room_is_dropped),
		TEST(test_disabled_schedule_is_not_made_up_for),
		TEST(test_other_schedule_begins_anew_after_a_clock_that_was_set_back),
		TEST(test_longer_deadline_brings_no_due_time_back),
		TEST(test_job_starts_when_all_it_depends_on_have_succeeded),
		TEST(test_run_of_a_deleted_job_is_stopped),
		TEST(test_so_many_jobs_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
