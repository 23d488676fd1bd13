/* tepui job list, show and history. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/job.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* ---- Times ---- */

/* As the table's cells read them: "2016-07-15T13:02:59.735+0000" is not. */
static const char *ago(const json_t *object, const char *key, char buf[HUMAN_SIZE])
{
	const char *text = member_text(object, key);
	char plain[CLOCK_TEXT_SIZE];

	if (!*text)
		return "-";
	(void)snprintf(plain, sizeof(plain), "%.*sZ", (int)strcspn(text, "+"), text);
	return human_since(plain, buf);
}

static const char *until(const json_t *object, const char *key, char buf[HUMAN_SIZE])
{
	const char *text = member_text(object, key);
	char plain[CLOCK_TEXT_SIZE];
	int64_t wall_ms;

	(void)snprintf(plain, sizeof(plain), "%.*sZ", (int)strcspn(text, "+"), text);
	if (!*text || clock_parse(plain, &wall_ms) < 0)
		return "-";
	return human_duration(wall_ms - clock_wall_ms(), buf);
}

/* ---- Reading ---- */

static const char *last_result(const json_t *summary, enum table_color *ret_color)
{
	const char *good = member_text(summary, "lastSuccessAt");
	const char *bad = member_text(summary, "lastFailureAt");

	*ret_color = TABLE_FAINT;
	if (!*good && !*bad)
		return "-";
	*ret_color = strcmp(good, bad) >= 0 ? TABLE_GOOD : TABLE_BAD;
	return *ret_color == TABLE_GOOD ? "success" : "failure";
}

static const json_t *schedule_of(const json_t *job)
{
	return json_array_get(json_object_get(job, "schedules"), 0);
}

static bool is_followed(const json_t *schedule)
{
	return json_is_true(json_object_get(schedule, "enabled"));
}

static void runs_cell(struct table *table, const json_t *job)
{
	table_cell(table, TABLE_BUSY, "%zu", json_array_size(json_object_get(job, "activeRuns")));
}

static void last_cell(struct table *table, const json_t *job)
{
	enum table_color color;
	const char *last = last_result(json_object_get(job, "historySummary"), &color);

	table_cell(table, color, "%s", last);
}

static void next_cell(struct table *table, const json_t *job)
{
	const json_t *schedule = schedule_of(job);
	char next[HUMAN_SIZE];

	table_cell(table, TABLE_PLAIN, "%s",
		   is_followed(schedule) ? until(schedule, "nextRunAt", next) : "-");
}

static void schedule_cell(struct table *table, const json_t *job)
{
	const json_t *schedule = schedule_of(job);

	table_cell(table, TABLE_FAINT, "%s%s%s%s", member_text(schedule, "cron"),
		   schedule ? " " : "", member_text(schedule, "timezone"),
		   schedule && !is_followed(schedule) ? " (disabled)" : "");
}

int job_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "JOB", .text = "id" },
		{ "RUNS", .cell = runs_cell, .is_right = true },
		{ "LAST", .cell = last_cell },
		{ "GOOD", .number = "historySummary.successCount", .is_right = true },
		{ "BAD", .number = "historySummary.failureCount", .is_right = true },
		{ "NEXT IN", .cell = next_cell, .is_right = true },
		{ "SCHEDULE", .cell = schedule_cell },
		{ 0 },
	};
	static const struct list list = { .columns = columns, .if_empty = "no jobs", .key = "id" };

	(void)args, (void)n;
	return list_get(cli, &list, "/v1/jobs?embed=activeRuns,schedules,historySummary", NULL, e);
}

static void print_runs(const json_t *job)
{
	json_t *run;
	size_t i;

	json_array_foreach(json_object_get(job, "activeRuns"), i, run) {
		const json_t *tasks = json_object_get(run, "tasks");
		const json_t *task = json_array_get(tasks, json_array_size(tasks) - 1);
		const char *why = member_text(run, "explanation");
		char age[HUMAN_SIZE];

		print_field(i == 0 ? "runs" : "", "%s %s for %s%s%s%s%s", member_text(run, "id"),
			    member_text(run, "status"), ago(run, "createdAt", age),
			    task ? ", task " : "", member_text(task, "id"), *why ? ": " : "", why);
	}
}

static void print_dependencies(const json_t *job)
{
	json_t *dependency;
	size_t i;

	json_array_foreach(json_object_get(job, "dependencies"), i, dependency)
		print_field(i == 0 ? "follows" : "", "%s", member_text(dependency, "id"));
}

static void print_schedule(const json_t *schedule)
{
	double deadline_s = member_number(schedule, "startingDeadlineSeconds");
	char next[HUMAN_SIZE], deadline[HUMAN_SIZE];

	if (!schedule)
		return;
	print_field("schedule", "%s: %s %s, %s, missed by at most %s%s",
		    member_text(schedule, "id"), member_text(schedule, "cron"),
		    member_text(schedule, "timezone"), member_text(schedule, "concurrencyPolicy"),
		    human_duration((int64_t)(deadline_s * 1000), deadline),
		    is_followed(schedule) ? "" : ", disabled");
	if (is_followed(schedule))
		print_field("next run", "in %s, %s", until(schedule, "nextRunAt", next),
			    member_text(schedule, "nextRunAt"));
}

/* Of one kind: "3 succeeded, last 2h05m ago"; nothing was the last of none. */
static void print_ends(const char *label, const json_t *summary, const char *count,
		       const char *what, const char *last)
{
	double n = member_number(summary, count);
	char age[HUMAN_SIZE];

	if (n > 0)
		print_field(label, "%.0f %s, last %s ago", n, what, ago(summary, last, age));
	else
		print_field(label, "%.0f %s", n, what);
}

/* What there is to say of it now, unless that is when it runs next, which was said. */
static void print_now(const json_t *job)
{
	const json_t *schedule = schedule_of(job);
	const char *now = member_text(job, "explanation"), *next = member_text(schedule, "nextRunAt");

	if (!is_followed(schedule) || !*next || !strstr(now, next))
		print_field("now", "%s", now);
}

/* The last ones: each is one due time, or a row of them. */
static void print_skipped(const json_t *skipped)
{
	enum { SHOWN = 5 };
	const json_t *last = json_object_get(skipped, "last");

	if (member_number(skipped, "count") > 0)
		print_field("skipped", "%.0f due times", member_number(skipped, "count"));
	for (size_t i = 0; i < json_array_size(last) && i < SHOWN; i++) {
		const json_t *skip = json_array_get(last, i);
		bool is_row = member_number(skip, "count") > 1;

		print_field("", "%s%s%s: %s", member_text(skip, "dueAt"), is_row ? " to " : "",
			    is_row ? member_text(skip, "lastDueAt") : "",
			    member_text(skip, "message"));
	}
}

int job_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const char embeds[] =
		"?embed=activeRuns,schedules,historySummary,skipped,explanation";
	const json_t *run, *summary, *restart;
	json_t *job = NULL;
	int r = job_get(cli, args[0], embeds, &job, e);

	(void)n;
	if (r < 0)
		return r;
	if (cli->options.json) {
		print_json(job);
		json_decref(job);
		return 0;
	}
	run = json_object_get(job, "run");
	restart = json_object_get(run, "restart");
	summary = json_object_get(job, "historySummary");
	print_field("job", "%s", member_text(job, "id"));
	if (*member_text(job, "description"))
		print_field("description", "%s", member_text(job, "description"));
	if (*member_text(run, "cmd"))
		print_field("command", "%s", member_text(run, "cmd"));
	print_field("each", "%g cpus, %g MiB memory, %g MiB disk", member_number(run, "cpus"),
		    member_number(run, "mem"), member_number(run, "disk"));
	print_field("restart", "%s", member_text(restart, "policy"));
	print_dependencies(job);
	print_schedule(schedule_of(job));
	print_ends("history", summary, "successCount", "succeeded", "lastSuccessAt");
	print_ends("", summary, "failureCount", "failed", "lastFailureAt");
	print_skipped(json_object_get(job, "skipped"));
	print_now(job);
	print_runs(job);
	json_decref(job);
	return 0;
}

static void print_ended(struct table *table, const json_t *runs, bool is_good)
{
	json_t *run;
	size_t i;

	json_array_foreach(runs, i, run) {
		const json_t *tasks = json_object_get(run, "tasks");
		const json_t *task = json_array_get(tasks, json_array_size(tasks) - 1);
		char age[HUMAN_SIZE];

		table_cell(table, TABLE_PLAIN, "%s", member_text(run, "id"));
		table_cell(table, is_good ? TABLE_GOOD : TABLE_BAD, "%s",
			   is_good ? "success" : "failure");
		table_cell(table, TABLE_PLAIN, "%s", ago(run, "finishedAt", age));
		table_cell(table, TABLE_PLAIN, "%zu", json_array_size(tasks));
		table_cell(table, TABLE_PLAIN, "%s",
			   task ? json_string_value(task) : "-");
		table_cell(table, TABLE_FAINT, "%s", member_text(run, "message"));
	}
}

int job_history(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct table_column columns[] = {
		{ "RUN", false }, { "RESULT", false }, { "ENDED", true }, { "TASKS", true },
		{ "LAST TASK", false }, { "MESSAGE", false },
	};
	const json_t *history;
	struct table *table;
	json_t *job = NULL;
	int r = job_get(cli, args[0], "?embed=history", &job, e);

	(void)n;
	if (r < 0)
		return r;
	history = json_object_get(job, "history");
	if (cli->options.json) {
		print_json(history);
		json_decref(job);
		return 0;
	}
	table = table_new(columns, ARRAY_SIZE(columns));
	table_cut_last(table);
	print_ended(table, json_object_get(history, "successfulFinishedRuns"), true);
	print_ended(table, json_object_get(history, "failedFinishedRuns"), false);
	table_print(cli, table, "no run has ended");
	json_decref(job);
	return 0;
}
