#include "master_stub/marathon/job/due_times.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/job/job.h"
#include "master_stub/marathon/job/skips.h"
#include "master_stub/marathon/state.h"

/*
 * How often the wall clock is looked at, so that one that is set makes no due time late by more; how
 * many due times that were missed are made up for, and how many are counted; and the memory of what
 * was done.
 */
enum {
	CLOCK_CHECK_MS = 10000, MAX_CATCH_UP = 100, MAX_COUNTED = 1000, RANGES_KEPT = 64,
	MINUTE_S = 60,
};

/* ---- What is done with ---- */

/* From the first minute that begins within the starting deadline to the one that it is. */
static void window_of(const struct schedule *schedule, int64_t now_s, uint32_t *ret_first,
		      uint32_t *ret_last)
{
	int64_t first = (now_s - schedule->deadline_s + MINUTE_S - 1) / MINUTE_S;

	*ret_first = first > 0 ? (uint32_t)first : 0;
	*ret_last = now_s > 0 ? (uint32_t)(now_s / MINUTE_S) : 0;
}

/* What is due up to now is done with. */
static int handle_window(struct job *job, int64_t now_s)
{
	uint32_t first, last;

	window_of(job->schedule, now_s, &first, &last);
	if (first <= last && ranges_add(&job->handled, first, last) < 0)
		return -ENOMEM;
	while (job->handled.n > RANGES_KEPT) {
		struct range oldest = job->handled.items[0];

		if (ranges_remove(&job->handled, oldest.first, oldest.last) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * Another schedule begins: what was due before it is not made up for, and where a clock that has been
 * set back went before says nothing of what is to come.
 */
static int begin_anew(struct job *job, int64_t now_s)
{
	uint32_t next = (uint32_t)(now_s / MINUTE_S) + 1;
	int r = handle_window(job, now_s);

	return r < 0 ? r : ranges_remove(&job->handled, next, UINT32_MAX);
}

/* A deadline that is longer now brings nothing back that was given up: from before minute END. */
static int handle_older(struct job *job, uint32_t end, int64_t now_s)
{
	uint32_t first, last;

	window_of(job->schedule, now_s, &first, &last);
	return first < end ? ranges_add(&job->handled, first, end - 1) : 0;
}

static bool is_handled(const struct job *job, int64_t due_s)
{
	uint32_t minute = (uint32_t)(due_s / MINUTE_S);

	return ranges_contains(&job->handled, minute, minute);
}

int due_times_follow(struct controller *c, struct job *job, json_t *json_take)
{
	static const char *const keys[] = { "cron", "timezone", "enabled" };
	const struct schedule *old = job->schedule;
	int64_t now_s = controller_wall_ms(c) / 1000;
	uint32_t first = 0, last;
	bool is_other = !old;

	if (old)
		window_of(old, now_s, &first, &last);
	for (size_t i = 0; i < ARRAY_SIZE(keys) && old && json_take; i++)
		is_other |= !json_equal(json_object_get(old->json, keys[i]),
					json_object_get(json_take, keys[i]));
	if (job_set_schedule(job, json_take) < 0)
		return -ENOMEM;
	if (!job->schedule)
		return 0;
	return is_other ? begin_anew(job, now_s) : handle_older(job, first, now_s);
}

/* ---- What is due ---- */

/* Due times in order: how many, and the last of them. */
struct due_times {
	unsigned n;
	int64_t first_s, last_s;
	int64_t left_out_s;		/* the newest that is not among these */
	int64_t newest_s[MAX_CATCH_UP];	/* a ring: the one numbered N is at N % MAX_CATCH_UP */
};

static void note_due(struct due_times *dues, int64_t due_s)
{
	int64_t *slot = &dues->newest_s[dues->n % MAX_CATCH_UP];

	if (dues->n == 0)
		dues->first_s = due_s;
	dues->left_out_s = *slot;
	dues->last_s = *slot = due_s;
	dues->n++;
}

/* Those after AFTER_S, up to UNTIL_S, that are not done with; the next one is in *RET_NEXT. */
static void find_due(const struct job *job, int64_t after_s, int64_t until_s, unsigned most,
		     struct due_times *ret, int64_t *ret_next)
{
	const struct schedule *schedule = job->schedule;
	int64_t due = cron_next(&schedule->cron, schedule->zone, after_s);

	*ret = (struct due_times){ 0 };
	for (; due <= until_s && ret->n < most;
	     due = cron_next(&schedule->cron, schedule->zone, due)) {
		if (!is_handled(job, due))
			note_due(ret, due);
	}
	while (is_handled(job, due))
		due = cron_next(&schedule->cron, schedule->zone, due);
	*ret_next = due;
}

/*
 * Where due times are looked for: the end of what is done with from the beginning of the window on.
 * In *RET_GAP the end of what was done with before it, behind which nobody has looked; -1: there is
 * no such gap.
 */
static int64_t look_from(const struct job *job, int64_t now_s, int64_t *ret_gap)
{
	uint32_t first, last;

	*ret_gap = -1;
	window_of(job->schedule, now_s, &first, &last);
	for (size_t i = 0; i < job->handled.n; i++) {
		const struct range *range = &job->handled.items[i];

		if (range->last < first)
			*ret_gap = (int64_t)range->last * MINUTE_S;
		else if (range->first <= first)
			return *ret_gap = -1, (int64_t)range->last * MINUTE_S;
	}
	return (int64_t)first * MINUTE_S - 1;
}

/* ---- What becomes of it ---- */

/* From before the window: nobody was there in time, or the clock was set. */
static void skip_late(struct controller *c, struct job *job, int64_t after_s, int64_t until_s)
{
	struct due_times dues;
	int64_t next;

	find_due(job, after_s, until_s, MAX_COUNTED, &dues, &next);
	if (dues.n > 0)
		job_skip(c, job, dues.first_s, dues.last_s, dues.n, SKIP_DEADLINE,
			 "nobody was there to start it within its starting deadline of %lld s%s",
			 (long long)job->schedule->deadline_s,
			 dues.n == MAX_COUNTED ? "; there may be more" : "");
}

static void start_due(struct controller *c, struct job *job, int64_t due_s)
{
	struct refusal refusal = { 0 };
	const char *why;
	struct run *run;

	if (job->schedule->forbids && job->n_runs > 0) {
		job_skip(c, job, due_s, due_s, 1, SKIP_CONCURRENCY, "run '%s' was still active",
			 TAILQ_FIRST(&job->runs)->id);
	} else if (run_start(c, job, due_s, &run, &refusal) < 0) {
		why = json_string_value(json_object_get(refusal.body, "message"));
		job_skip(c, job, due_s, due_s, 1, SKIP_REFUSED, "%s", why ? why : "out of memory");
	}
	refusal_done(&refusal);
}

/*
 * All that is due within the starting deadline and not done with.  That is asked of the calendar
 * alone: a clock that is set, or a process that was away, changes which minutes are looked at, and
 * those that were done with are remembered.
 */
static void look_at_clock(struct controller *c, struct job *job, int64_t now_s)
{
	int64_t gap_s, from_s = look_from(job, now_s, &gap_s);
	struct due_times dues;
	unsigned first;

	find_due(job, from_s, now_s, UINT_MAX, &dues, &job->next_s);
	job->checked_s = now_s;
	if (gap_s >= 0)
		skip_late(c, job, gap_s, from_s);
	/* In the same commit as the runs that are started for it. */
	if (handle_window(job, now_s) < 0 || (dues.n > 0 && job_records_put_job(c, job) < 0)) {
		c->is_out_of_memory = true;
		return;
	}
	first = dues.n > MAX_CATCH_UP ? dues.n - MAX_CATCH_UP : 0;
	if (first > 0)
		job_skip(c, job, dues.first_s, dues.left_out_s, first, SKIP_TOO_MANY,
			 "%u due times were missed, and no more than the last %d are made up for",
			 dues.n, MAX_CATCH_UP);
	for (unsigned i = first; i < dues.n; i++)
		start_due(c, job, dues.newest_s[i % MAX_CATCH_UP]);
}

void due_times_watch(struct controller *c, struct job *job)
{
	int64_t wall_ms = controller_wall_ms(c), now_s = wall_ms / 1000, left_ms;

	if (!job->schedule || !job->schedule->is_enabled)
		return;
	if (now_s < job->checked_s || now_s >= job->next_s)
		look_at_clock(c, job, now_s);
	left_ms = job->next_s * 1000 - wall_ms;
	controller_wake_at(c, c->now_ms + (left_ms < CLOCK_CHECK_MS ? left_ms : CLOCK_CHECK_MS));
}
