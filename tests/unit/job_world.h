/* Jobs in a controller with a master of paper, whose clock on the wall can be set. */
#ifndef TESTS_UNIT_JOB_WORLD_H
#define TESTS_UNIT_JOB_WORLD_H

#include "controller_world.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/job/jobs.h"

#define RUN "\"run\":{\"cpus\":0.1,\"mem\":32,\"disk\":0,\"cmd\":\"true\""

#define SCHEDULED(cron, more) \
	"{\"id\":\"a\"," RUN "},\"schedules\":[{\"id\":\"s\",\"cron\":\"" cron "\"" more "}]}"

/* The status that DEFINITION is refused with; 0: it is a job. */
static inline int add_status(const char *definition)
{
	struct refusal refusal = { 0 };
	json_t *document = json_loads(definition, 0, NULL);
	struct job *job;
	int r;

	assert_non_null(document);
	r = jobs_create(world.controller, document, true, world.now_ms, &job, &refusal);
	json_decref(document);
	r = r < 0 ? refusal.status : 0;
	refusal_done(&refusal);
	turn();
	return r;
}

static inline void add(const char *definition)
{
	assert_int_equal(add_status(definition), 0);
}

static inline const struct job *job(const char *id)
{
	const struct job *found = job_find(world.controller, id);

	assert_non_null(found);
	return found;
}

static inline void run_now(const char *id)
{
	struct refusal refusal = { 0 };
	struct run *run;

	assert_int_equal(jobs_start(world.controller, id, world.now_ms, &run, &refusal), 0);
	turn();
}

static inline void stop_first(const char *id)
{
	struct refusal refusal = { 0 };
	struct run *run;

	assert_int_equal(jobs_stop(world.controller, id, TAILQ_FIRST(&job(id)->runs)->id,
				   world.now_ms, &run, &refusal), 0);
	turn();
}

static inline int64_t wall_s(void)
{
	return wall_now(NULL) / 1000;
}

static inline int64_t seconds(const char *text)
{
	int64_t ms;

	assert_int_equal(clock_parse(text, &ms), 0);
	return ms / 1000;
}

/* The wall clock is set; the boot clock goes on. */
static inline void set_clock(const char *text)
{
	world.wall_offset_ms += (seconds(text) - wall_s()) * 1000;
}

/* Time passes as it does for the program: it sleeps no longer than it has said. */
static inline void pass_until(const char *text)
{
	int64_t end = seconds(text);

	while (wall_s() < end) {
		int64_t left_ms = end * 1000 - wall_now(NULL);
		int64_t sleep_ms = controller_next_ms(world.controller) - world.now_ms;

		assert_true(sleep_ms > 0);
		wait_ms(sleep_ms < left_ms ? sleep_ms : left_ms);
		if (sleep_ms < left_ms)
			offer();
	}
}

static inline void pass_and_offer(const char *text)
{
	pass_until(text);
	offer();
}

/* What was launched and is not over succeeds. */
static inline void succeed_all(void)
{
	for (unsigned i = 0; i < world.scheduler.n_tasks; i++) {
		if (!task_at(i)->is_over)
			say(task_at(i), MESOS__V1__TASK_STATE__TASK_FINISHED, UNKNOWN_HEALTH);
	}
}

#endif
