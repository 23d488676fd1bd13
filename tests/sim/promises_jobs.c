/*
 * P9, of jobs:
 *
 * - What was answered of a job and its schedule is so.
 * - Whatever is due within the starting deadline, and was not before the schedule was set, has a run, or
 *   is skipped for a reason that holds; whatever the clock does, it has one run at most.
 * - Where concurrency is forbidden no run is started by the schedule while another is active.
 * - A process starts for a run only when the run is recorded; at most one at a time; at most one in all
 *   where it is not to be tried again, none after one has finished, and none is launched behind the
 *   active deadline.
 * - Every run that was started is active or in its job's history, and has succeeded only if a process of
 *   it has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "master_stub/marathon/job/job.h"
#include "tests/sim/calendar.h"
#include "tests/sim/host.h"
#include "tests/sim/job_people.h"
#include "tests/sim/promises.h"
#include "tests/sim/sim.h"

enum { LIFE_SIZE = 16, CLOCK_CHECK_MS = 10000 };

/* A run that was seen. */
struct seen_run {
	UT_hash_handle hh;
	char life[LIFE_SIZE];		/* of its job */
	char key[JOB_ID_SIZE + RUN_ID_SIZE];	/* "job_run", as its tasks are called */
	int64_t seen_ms;
	bool is_recorded, is_ended, retries;
	bool is_taken_for_over;		/* a task of it, by the master's word alone */
	bool has_finished;
	unsigned n_starts, n_live;
};

/* A minute in which a job was due, or that its schedule says nothing of. */
struct seen_minute {
	UT_hash_handle hh;
	struct minute_key {
		char life[LIFE_SIZE];
		int64_t minute;
	} key;
	bool is_recorded, has_run;
	bool is_void;			/* another schedule has begun before it */
};

/* Of one job, as it was at the last look. */
struct look {
	char state[JOB_STATE_SIZE];
	char times[128];		/* what it follows */
	char life[LIFE_SIZE];
	int64_t minute, deadline_s;	/* of the clock, up to which all is accounted for */
	uint64_t n_skipped;
};

struct job_ledger {
	struct seen_run *runs;
	struct seen_minute *minutes;
	struct look looks[N_JOBS];
	struct look recorded[N_JOBS];
};

struct job_ledger *job_ledger_new(void)
{
	return sim_alloc(sizeof(struct job_ledger));
}

static void forget_run(struct job_ledger *ledger, struct seen_run *run)
{
	HASH_DEL(ledger->runs, run);
	free(run);
}

static void forget_minute(struct job_ledger *ledger, struct seen_minute *minute)
{
	HASH_DEL(ledger->minutes, minute);
	free(minute);
}

void job_ledger_keep(struct sim *sim)
{
	struct job_ledger *ledger = sim->job_people->ledger;
	struct seen_minute *minute, *next;

	for (struct seen_run *run = ledger->runs; run; run = run->hh.next)
		run->is_recorded = true;
	HASH_ITER(hh, ledger->minutes, minute, next) {
		minute->is_recorded = true;
		if (minute->is_void)
			forget_minute(ledger, minute);
	}
	memcpy(ledger->recorded, ledger->looks, sizeof(ledger->looks));
}

void job_ledger_drop(struct sim *sim)
{
	struct job_ledger *ledger = sim->job_people->ledger;
	struct seen_minute *minute, *next_minute;
	struct seen_run *run, *next_run;

	HASH_ITER(hh, ledger->runs, run, next_run) {
		if (!run->is_recorded)
			forget_run(ledger, run);
	}
	HASH_ITER(hh, ledger->minutes, minute, next_minute) {
		minute->is_void = false;
		if (!minute->is_recorded)
			forget_minute(ledger, minute);
	}
	memcpy(ledger->looks, ledger->recorded, sizeof(ledger->looks));
	for (int i = 0; i < N_JOBS; i++)
		ledger->looks[i].minute = 0;
}

void job_ledger_free(struct job_ledger *ledger)
{
	struct seen_minute *minute, *next_minute;
	struct seen_run *run, *next_run;

	HASH_ITER(hh, ledger->runs, run, next_run)
		forget_run(ledger, run);
	HASH_ITER(hh, ledger->minutes, minute, next_minute)
		forget_minute(ledger, minute);
	free(ledger);
}

/* ---- minutes ---- */

static struct seen_minute *find_any(struct sim *sim, const char *life, int64_t minute)
{
	struct minute_key key = { .minute = minute };
	struct seen_minute *seen = NULL;

	(void)snprintf(key.life, sizeof(key.life), "%s", life);
	HASH_FIND(hh, sim->job_people->ledger->minutes, &key, sizeof(key), seen);
	return seen;
}

static bool has_seen(struct sim *sim, const char *life, int64_t minute)
{
	const struct seen_minute *seen = find_any(sim, life, minute);

	return seen && !seen->is_void;
}

static struct seen_minute *see_minute(struct sim *sim, const char *life, int64_t minute)
{
	struct seen_minute *seen = find_any(sim, life, minute);

	if (seen && seen->is_void)
		seen->is_void = seen->has_run = false;
	if (seen)
		return seen;
	seen = sim_alloc(sizeof(*seen));
	seen->key.minute = minute;
	(void)snprintf(seen->key.life, sizeof(seen->key.life), "%s", life);
	HASH_ADD(hh, sim->job_people->ledger->minutes, key, sizeof(seen->key), seen);
	return seen;
}

static void see_minutes(struct sim *sim, const char *life, int64_t first, int64_t last)
{
	for (; first <= last; first++)
		(void)see_minute(sim, life, first);
}

static int64_t now_minute(const struct sim *sim)
{
	return sim_wall_ms(sim) / 1000 / 60;
}

/* The first that begins within so many seconds before now. */
static int64_t first_minute(const struct sim *sim, int64_t deadline_s)
{
	return (sim_wall_ms(sim) / 1000 - deadline_s + 59) / 60;
}

/* ---- runs ---- */

static struct seen_run *find_seen(const struct job_ledger *ledger, const char *key)
{
	struct seen_run *seen = NULL;

	HASH_FIND_STR(ledger->runs, key, seen);
	return seen;
}

static void see_due(struct sim *sim, const struct look *look, const struct job *job,
		    const struct run *run)
{
	struct seen_minute *minute;

	if (run->due_s == 0)
		return;
	minute = see_minute(sim, look->life, run->due_s / 60);
	if (minute->has_run)
		sim_fail(sim, "P9 once", "%s has a second run for minute %lld: '%s'", job->id,
			 (long long)minute->key.minute, run->id);
	minute->has_run = true;
	if (job->schedule && job->schedule->forbids && job->n_runs > 1)
		sim_fail(sim, "P9 forbidden", "'%s' of %s is started beside %u others", run->id,
			 job->id, job->n_runs - 1);
}

static bool is_word_alone(const char *status)
{
	static const char *const states[] = {
		"TASK_GONE", "TASK_GONE_BY_OPERATOR", "TASK_LOST", "TASK_UNKNOWN", "TASK_DROPPED",
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (strcmp(states[i], status) == 0)
			return true;
	}
	return false;
}

static void look_at_tasks(struct sim *sim, struct seen_run *seen, const struct run *run)
{
	const struct instance *instance = TAILQ_FIRST(&run->entry->instances);
	json_t *task;
	size_t i;

	json_array_foreach(run->tasks, i, task)
		seen->is_taken_for_over |= is_word_alone(
			json_string_value(json_object_get(task, "status")));
	/* When a process before this one has launched it is not kept. */
	if (instance && instance->launched_ms > sim->host->started_ms &&
	    json_array_size(run->tasks) > 0 && run->active_deadline_ms >= 0 &&
	    sim->jumped_ms <= seen->seen_ms &&
	    instance->launched_ms > seen->seen_ms + run->active_deadline_ms)
		sim_fail(sim, "P9 deadline", "a task of '%s' is launched %lld ms behind the active"
			 " deadline", seen->key, (long long)(instance->launched_ms - seen->seen_ms -
							     run->active_deadline_ms));
}

static void look_at_run(struct sim *sim, struct look *look, const struct job *job,
			const struct run *run)
{
	struct job_ledger *ledger = sim->job_people->ledger;
	char key[sizeof(((struct seen_run *)0)->key)];
	struct seen_run *seen;

	(void)snprintf(key, sizeof(key), "%s_%s", job->id, run->id);
	seen = find_seen(ledger, key);
	if (!seen) {
		seen = sim_alloc(sizeof(*seen));
		(void)snprintf(seen->key, sizeof(seen->key), "%s", key);
		(void)snprintf(seen->life, sizeof(seen->life), "%s", look->life);
		seen->seen_ms = sim->now_ms;
		seen->retries = run->retries;
		HASH_ADD_STR(ledger->runs, key, seen);
		sim->n_runs++;
		see_due(sim, look, job, run);
	}
	look_at_tasks(sim, seen, run);
}

static bool has_id(const json_t *runs, const char *id)
{
	json_t *run;
	size_t i;

	json_array_foreach(runs, i, run) {
		if (strcmp(json_string_value(json_object_get(run, "id")), id) == 0)
			return true;
	}
	return false;
}

static void check_history(struct sim *sim, const struct look *look, const struct job *job)
{
	const char *id;
	unsigned n = 0;

	for (struct seen_run *run = sim->job_people->ledger->runs; run; run = run->hh.next) {
		if (strcmp(run->life, look->life) != 0)
			continue;
		n++;
		id = run->key + strlen(job->id) + 1;
		if (run->is_ended || run_find(job, id))
			continue;
		run->is_ended = true;
		if (has_id(job->succeeded, id) && !run->has_finished)
			sim_fail(sim, "P9 truth", "'%s' has succeeded, and no task of it has", run->key);
	}
	if (n != job->n_runs + job->n_successes + job->n_failures)
		sim_fail(sim, "P9 history", "%s has had %u runs: %u are active, %llu have succeeded,"
			 " %llu have failed", job->id, n, job->n_runs,
			 (unsigned long long)job->n_successes, (unsigned long long)job->n_failures);
}

/* "job-a_20200913...": the run that a task is of; NULL: none. */
static struct seen_run *run_of(const struct sim *sim, const struct fate *fate)
{
	const char *task = strchr(fate_key(fate), '/');
	char key[sizeof(((struct seen_run *)0)->key)];

	for (unsigned i = 0; sim->job_people && task && i < N_JOBS; i++) {
		const char *id = job_people_id(i);

		if (strncmp(task + 1, id, strlen(id)) != 0)
			continue;
		(void)snprintf(key, sizeof(key), "%.*s", (int)strlen(id) + RUN_ID_SIZE, task + 1);
		return find_seen(sim->job_people->ledger, key);
	}
	return NULL;
}

static bool is_of_job(const struct sim *sim, const struct fate *fate)
{
	return sim->job_people && strstr(fate_key(fate), "/job-");
}

void promises_job_process(struct sim *sim, const struct fate *fate, bool is_start)
{
	struct seen_run *run = run_of(sim, fate);

	if (!is_of_job(sim, fate))
		return;
	if (!run || !run->is_recorded) {
		sim_fail(sim, "P9 recorded", "'%s' starts, and its run is not recorded",
			 fate_key(fate));
		return;
	}
	if (!is_start) {
		run->n_live--;
		return;
	}
	run->n_starts++;
	run->n_live++;
	if (run->is_taken_for_over)
		return;
	if (run->n_live > 1)
		sim_fail(sim, "P9 one", "'%s' is run twice at the same time", run->key);
	if (run->n_starts > 1 && !run->retries)
		sim_fail(sim, "P9 policy", "'%s' is run again, which it is not to be", run->key);
	if (run->has_finished)
		sim_fail(sim, "P9 policy", "'%s' is run again after it has finished", run->key);
}

void promises_job_finished(struct sim *sim, const struct fate *fate)
{
	struct seen_run *run = run_of(sim, fate);

	if (run)
		run->has_finished = true;
}

/* ---- skips ---- */

static int64_t minute_of(const json_t *skip, const char *key)
{
	const char *text = json_string_value(json_object_get(skip, key));
	char plain[CLOCK_TEXT_SIZE];
	int64_t wall_ms = 0;

	(void)snprintf(plain, sizeof(plain), "%.*sZ", (int)strcspn(text, "+"), text);
	(void)clock_parse(plain, &wall_ms);
	return wall_ms / 1000 / 60;
}

/* Does its reason hold, now that it was given? */
static void check_reason(struct sim *sim, const struct job *job, const json_t *skip)
{
	const char *reason = json_string_value(json_object_get(skip, "reason"));
	int64_t last = minute_of(skip, "lastDueAt");
	bool holds = false;

	if (strcmp(reason, "deadline") == 0)
		holds = last < first_minute(sim, job->schedule->deadline_s);
	else if (strcmp(reason, "concurrencyPolicy") == 0)
		holds = job->schedule->forbids && job->n_runs > 0;
	else if (strcmp(reason, "tooMany") == 0)
		holds = job->n_runs >= 100 || job->schedule->forbids;
	if (!holds)
		sim_fail(sim, "P9 reason", "%s is skipped up to minute %lld: %s, which does not hold",
			 job->id, (long long)last, reason);
}

/* The newest rows, as many as there are new due times in them. */
static void look_at_skips(struct sim *sim, struct look *look, const struct job *job)
{
	uint64_t n = 0, n_new = job->n_skipped - look->n_skipped;

	for (size_t i = 0; n < n_new && i < json_array_size(job->skipped); i++) {
		const json_t *skip = json_array_get(job->skipped, i);

		check_reason(sim, job, skip);
		n += (uint64_t)json_integer_value(json_object_get(skip, "count"));
		if (strcmp(json_string_value(json_object_get(skip, "reason")), "deadline") != 0)
			see_minutes(sim, look->life, minute_of(skip, "dueAt"),
				    minute_of(skip, "lastDueAt"));
	}
	if (n < n_new)
		sim_fail(sim, "P9 skipped", "%s has skipped %llu due times more and says it of %llu",
			 job->id, (unsigned long long)n_new, (unsigned long long)n);
	sim->n_skips += n_new;
	look->n_skipped = job->n_skipped;
}

/* ---- due times ---- */

/*
 * From minute FROM on; while the clock IS_NEW what is due need not be seen yet.  What is not due is done
 * with for another schedule, too, should the clock be set back to it.
 */
static void check_due(struct sim *sim, struct look *look, const struct job *job, int64_t from,
		      bool is_new)
{
	const char *cron = json_string_value(json_object_get(job->schedule->json, "cron"));
	const char *zone = json_string_value(json_object_get(job->schedule->json, "timezone"));
	int64_t minute = from, now = now_minute(sim);

	for (; minute <= now; minute++) {
		if (has_seen(sim, look->life, minute))
			continue;
		if (!calendar_is_due(sim->job_people->calendar, cron, zone, minute))
			(void)see_minute(sim, look->life, minute);
		else if (!is_new)
			sim_fail(sim, "P9 due", "%s was due in minute %lld by '%s' in %s, and it is"
				 " %lld", job->id, (long long)minute, cron, zone, (long long)now);
	}
	look->minute = is_new ? 0 : now;
}

/* What the clock has shown since the last look; all of the window when it was set. */
static void look_at_clock(struct sim *sim, struct look *look, const struct job *job)
{
	int64_t first;

	if (!job->schedule || !job->schedule->is_enabled)
		return;
	/* One that was set is seen within so long; and once more then, whatever was seen before. */
	first = first_minute(sim, job->schedule->deadline_s);
	if (sim->now_ms - sim->jumped_ms <= CLOCK_CHECK_MS && sim->jumped_ms > 0)
		check_due(sim, look, job, first, true);
	else
		check_due(sim, look, job, look->minute >= first ? look->minute + 1 : first, false);
}

/* ---- a look ---- */

static void print_times(const struct job *job, char *ret, size_t size)
{
	const json_t *json = job->schedule ? job->schedule->json : NULL;

	ret[0] = '\0';
	if (json)
		(void)snprintf(ret, size, "%s %s %d",
			       json_string_value(json_object_get(json, "cron")),
			       json_string_value(json_object_get(json, "timezone")),
			       json_is_true(json_object_get(json, "enabled")));
}

/* A clock that has been set back will come to them again. */
static void void_what_comes(struct sim *sim, const struct look *look)
{
	struct seen_minute *minute;

	for (minute = sim->job_people->ledger->minutes; minute; minute = minute->hh.next) {
		if (strcmp(minute->key.life, look->life) == 0 &&
		    minute->key.minute > now_minute(sim))
			minute->is_void = true;
	}
}

/* Another schedule makes up for nothing that was due before it, and begins anew with what is to come. */
static void note_change(struct sim *sim, struct look *look, const struct job *job,
			const char *state)
{
	int64_t deadline_s = job->schedule ? job->schedule->deadline_s : 0;
	int64_t longest_s = deadline_s > look->deadline_s ? deadline_s : look->deadline_s;

	char times[sizeof(look->times)];

	(void)snprintf(look->state, sizeof(look->state), "%s", state);
	print_times(job, times, sizeof(times));
	if (*times && strcmp(times, look->times) != 0)
		void_what_comes(sim, look);
	(void)snprintf(look->times, sizeof(look->times), "%s", times);
	see_minutes(sim, look->life, first_minute(sim, longest_s), now_minute(sim));
	look->deadline_s = deadline_s;
}

static void look_at(struct sim *sim, struct look *look, const struct job *job, const char *state)
{
	const char *life = json_string_value(json_object_get(job->spec, "description"));
	bool is_same = strcmp(look->life, life) == 0;
	const struct run *run;

	if (!is_same) {
		memset(look, 0, sizeof(*look));
		(void)snprintf(look->life, sizeof(look->life), "%s", life);
	}
	if (strcmp(look->state, state) != 0)
		note_change(sim, look, job, state);
	TAILQ_FOREACH(run, &job->runs, of_job)
		look_at_run(sim, look, job, run);
	look_at_skips(sim, look, job);
	check_history(sim, look, job);
	look_at_clock(sim, look, job);
}

void promises_check_jobs(struct sim *sim)
{
	const struct job_people *people = sim->job_people;
	char state[JOB_STATE_SIZE];

	for (unsigned i = 0; people && i < N_JOBS; i++) {
		const struct job_state *wanted = people->asked[i].is_known ? &people->asked[i]
									   : &people->wanted[i];
		const struct job *job = job_find(sim->host->controller, job_people_id(i));

		job_people_look(sim, i, state);
		if (wanted->is_known && strcmp(state, wanted->text) != 0)
			sim_fail(sim, "P1 jobs", "%s was answered to be '%s' and is '%s'",
				 job_people_id(i), wanted->text, state);
		if (job)
			look_at(sim, &people->ledger->looks[i], job, state);
	}
}

/* ---- the end ---- */

static bool run_is_healed(struct sim *sim, const struct run *run, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;
	const struct instance *instance = TAILQ_FIRST(&run->entry->instances);
	bool is_live;

	if (!instance) {
		UNLESS(!promises_have_room(sim, run->entry->target->cpus,
					   run->entry->target->mem_mb, 0),
		       "run '%s' waits where there is room", run->entry->id);
		return true;
	}
	is_live = promises_is_live(promises_fate(sim, c->framework_id, instance->tasks[0].id));
	UNLESS(is_live == (instance->state == MESOS__V1__TASK_STATE__TASK_RUNNING),
	       "the controller takes '%s' for %s, and it %s", instance->tasks[0].id,
	       instance_state_name(instance->state), is_live ? "runs" : "does not run");
	return true;
}

bool promises_jobs_are_healed(struct sim *sim, char *text, size_t size)
{
	const struct job *job, *next;
	const struct run *run;

	if (!sim->job_people)
		return true;
	HASH_ITER(by_id, sim->host->controller->jobs, job, next) {
		TAILQ_FOREACH(run, &job->runs, of_job) {
			if (!run_is_healed(sim, run, text, size))
				return false;
		}
	}
	UNLESS(TAILQ_EMPTY(&sim->host->controller->orphans), "a run of a deleted job goes on");
	return true;
}

bool promises_jobs_are_settled(const struct sim *sim, char *text, size_t size)
{
	const struct controller *c = sim->host->controller;

	UNLESS(!c || (!c->jobs && !c->runs && TAILQ_EMPTY(&c->orphans)),
	       "the controller has jobs or runs");
	return true;
}
