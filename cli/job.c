/* tepui job: what is run to its end, at once or by a schedule. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "net/http_parser.h"

enum { POLL_MS = 100 };

static const char jobs_path[] = "/v1/jobs", scheduled_path[] = "/v0/scheduled-jobs";

/* BASE, "/" and ID escaped, and SUFFIX; owned. */
static char *path_of(const char *base, const char *id, const char *suffix)
{
	AUTO_FREE char *escaped = http_encode(id);
	char *path = NULL;

	if (!escaped || asprintf(&path, "%s/%s%s", base, escaped, suffix) < 0)
		return NULL;
	return path;
}

static int no_path(const char *id, struct err *e)
{
	return err_set(e, ENOMEM, "build the path of job '%s'", id);
}

static int get_job(struct cli *cli, const char *id, const char *suffix, json_t **ret,
		   struct err *e)
{
	AUTO_FREE char *path = path_of(jobs_path, id, suffix);

	return path ? client_get(cli, NULL, path, ret, e) : no_path(id, e);
}

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

static int job_list(struct cli *cli, char **args, size_t n, struct err *e)
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

static int job_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const char embeds[] =
		"?embed=activeRuns,schedules,historySummary,skipped,explanation";
	const json_t *run, *summary, *restart;
	json_t *job = NULL;
	int r = get_job(cli, args[0], embeds, &job, e);

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

static int job_history(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct table_column columns[] = {
		{ "RUN", false }, { "RESULT", false }, { "ENDED", true }, { "TASKS", true },
		{ "LAST TASK", false }, { "MESSAGE", false },
	};
	const json_t *history;
	struct table *table;
	json_t *job = NULL;
	int r = get_job(cli, args[0], "?embed=history", &job, e);

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

/* ---- Changing ---- */

/* Sends BODY (borrowed, or NULL) and says WHAT was done with the job. */
static int change(struct cli *cli, enum http_method method, const char *path, const json_t *body,
		  const char *what, struct err *e)
{
	struct reply reply;
	int r = client_call(cli, NULL, method, path, body, &reply, e);

	if (r < 0)
		return r;
	if (cli->options.json && reply.json)
		print_json(reply.json);
	else
		puts(what);
	reply_done(&reply);
	return 0;
}

static int job_add(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *document = NULL;
	int r = document_read(args[0], &document, e);

	(void)n;
	if (r == 0)
		r = change(cli, HTTP_POST, scheduled_path, document, "added", e);
	json_decref(document);
	return r;
}

/* A file without schedules leaves those that there are alone. */
static int job_update(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = NULL;
	json_t *document = NULL;
	const char *id;
	int r = document_read(args[1], &document, e);

	(void)n;
	if (r < 0)
		return r;
	id = member_text(document, "id");
	if (*id && strcmp(id, args[0]) != 0) {
		r = err_set(e, EINVAL, "update job '%s': '%s' is of job '%.200s'", args[0], args[1], id);
		json_decref(document);
		return r;
	}
	path = path_of(json_object_get(document, "schedules") ? scheduled_path : jobs_path,
		       args[0], "");
	r = path ? change(cli, HTTP_PUT, path, document, "updated", e) : no_path(args[0], e);
	json_decref(document);
	return r;
}

static int job_remove(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = path_of(jobs_path, args[0], cli->options.force ?
				       "?stopCurrentJobRuns=true" : "");

	(void)n;
	return path ? change(cli, HTTP_DELETE, path, NULL, "removed", e) : no_path(args[0], e);
}

static int job_stop(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *runs = path_of(jobs_path, args[0], "/runs");
	AUTO_FREE char *path = runs ? path_of(runs, args[1], "/actions/stop") : NULL;

	(void)n;
	return path ? change(cli, HTTP_POST, path, NULL, "stopping", e) : no_path(args[0], e);
}

/* ---- Schedules ---- */

/* The only one there is: a new reference, or NULL. */
static int get_schedule(struct cli *cli, const char *id, json_t **ret, struct err *e)
{
	json_t *list = NULL;
	int r = get_job(cli, id, "/schedules", &list, e);

	*ret = r < 0 ? NULL : json_incref(json_array_get(list, 0));
	json_decref(list);
	return r;
}

static int put_schedule(struct cli *cli, const char *id, const json_t *old, const json_t *schedule,
			const char *what, struct err *e)
{
	AUTO_FREE char *all = path_of(jobs_path, id, "/schedules");
	AUTO_FREE char *own = all ? path_of(all, member_text(old, "id"), "") : NULL;

	if (!own)
		return no_path(id, e);
	return change(cli, old ? HTTP_PUT : HTTP_POST, old ? own : all, schedule, what, e);
}

/* The schedule in FILE in place of the one that there may be. */
static int job_schedule(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *schedule = NULL, *old = NULL;
	int r = document_read(args[1], &schedule, e);

	(void)n;
	if (r == 0)
		r = get_schedule(cli, args[0], &old, e);
	if (r == 0)
		r = put_schedule(cli, args[0], old, schedule, "scheduled", e);
	json_decref(schedule);
	json_decref(old);
	return r;
}

static int no_schedule(const char *id, struct err *e)
{
	return err_set(e, ENOENT, "job '%s' has no schedule", id);
}

static int set_enabled(struct cli *cli, const char *id, bool is_enabled, const char *what,
		       struct err *e)
{
	json_t *schedule = NULL;
	int r = get_schedule(cli, id, &schedule, e);

	if (r == 0 && !schedule)
		r = no_schedule(id, e);
	else if (r == 0 &&
		 json_object_set_new(schedule, "enabled", json_boolean(is_enabled)) < 0)
		r = err_set(e, ENOMEM, "change the schedule of job '%s'", id);
	if (r == 0)
		r = put_schedule(cli, id, schedule, schedule, what, e);
	json_decref(schedule);
	return r;
}

static int job_enable(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return set_enabled(cli, args[0], true, "enabled", e);
}

static int job_disable(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return set_enabled(cli, args[0], false, "disabled", e);
}

static int job_unschedule(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *all = path_of(jobs_path, args[0], "/schedules");
	AUTO_FREE char *path = NULL;
	json_t *old = NULL;
	int r = get_schedule(cli, args[0], &old, e);

	(void)n;
	if (r == 0 && !old)
		r = no_schedule(args[0], e);
	if (r == 0) {
		path = all ? path_of(all, member_text(old, "id"), "") : NULL;
		r = path ? change(cli, HTTP_DELETE, path, NULL, "unscheduled", e)
			 : no_path(args[0], e);
	}
	json_decref(old);
	return r;
}

/* ---- Running ---- */

static const json_t *find_run(const json_t *runs, const char *id)
{
	json_t *run;
	size_t i;

	json_array_foreach(runs, i, run) {
		if (strcmp(member_text(run, "id"), id) == 0)
			return run;
	}
	return NULL;
}

/* What a run was last seen to do, and why it does not go on. */
enum { SEEN_SIZE = 400 };

/* 1: it goes on, as SEEN tells, 0: it has succeeded. */
static int judge(struct cli *cli, const char *id, const char *run_id, char seen[SEEN_SIZE],
		 struct err *e)
{
	const json_t *history, *failed, *run;
	json_t *job = NULL;
	int r = get_job(cli, id, "?embed=activeRuns,history", &job, e);

	if (r < 0)
		return r;
	history = json_object_get(job, "history");
	failed = find_run(json_object_get(history, "failedFinishedRuns"), run_id);
	run = find_run(json_object_get(job, "activeRuns"), run_id);
	if (run) {
		const char *why = member_text(run, "explanation");

		(void)snprintf(seen, SEEN_SIZE, "%s%s%s", member_text(run, "status"),
			       *why ? ": " : "", why);
		r = 1;
	} else if (failed) {
		r = err_set(e, ECANCELED, "run '%s' of job '%s' has failed: %s", run_id, id,
			    member_text(failed, "message"));
	} else if (!find_run(json_object_get(history, "successfulFinishedRuns"), run_id)) {
		r = err_set(e, ECANCELED, "run '%s' of job '%s' is not in its history", run_id, id);
	}
	json_decref(job);
	return r;
}

static int wait_for_run(struct cli *cli, const char *id, const char *run_id, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int64_t deadline = clock_boot_ms() + cli->options.timeout_ms;
	char seen[SEEN_SIZE];
	int r;

	while ((r = judge(cli, id, run_id, seen, e)) > 0) {
		if (clock_boot_ms() > deadline)
			return err_set(e, ETIMEDOUT, "wait for run '%s' of job '%s': not done after "
				       "the time given by --timeout (last seen: %s)", run_id, id,
				       seen);
		(void)nanosleep(&pause, NULL);
	}
	return r;
}

static int job_run(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = path_of(jobs_path, args[0], "/runs");
	struct reply reply;
	const char *id;
	int r;

	(void)n;
	if (!path)
		return no_path(args[0], e);
	r = client_call(cli, NULL, HTTP_POST, path, NULL, &reply, e);
	if (r < 0)
		return r;
	id = member_text(reply.json, "id");
	if (cli->options.json)
		print_json(reply.json);
	else
		printf("%s%s\n", cli->options.quiet ? "" : "started, run ", id);
	(void)fflush(stdout);
	if (cli->options.wait)
		r = wait_for_run(cli, args[0], id, e);
	if (r == 0 && cli->options.wait && !cli->options.json && !cli->options.quiet)
		puts("succeeded");
	reply_done(&reply);
	return r;
}

const struct command job_commands[] = {
	{ "job", "", "", 0, 0, "quiet", "list jobs", job_list },
	{ "job", "list", "", 0, 0, "quiet", "list jobs", job_list },
	{ "job", "show", "ID", 1, 1, "", "one job: what it is, when it is due, why it does not run",
	  job_show },
	{ "job", "add", "FILE", 1, 1, "", "create from a JSON file, - for stdin", job_add },
	{ "job", "update", "ID FILE", 2, 2, "", "replace its definition", job_update },
	{ "job", "remove", "ID", 1, 1, "force", "forget; with --force stop its runs", job_remove },
	{ "job", "run", "ID", 1, 1, "wait timeout quiet", "start now", job_run },
	{ "job", "stop", "ID RUN", 2, 2, "", "end a run, which then has failed", job_stop },
	{ "job", "history", "ID", 1, 1, "", "the runs that have ended", job_history },
	{ "job", "schedule", "ID FILE", 2, 2, "", "when it is run, from a JSON file", job_schedule },
	{ "job", "unschedule", "ID", 1, 1, "", "never by itself", job_unschedule },
	{ "job", "enable", "ID", 1, 1, "", "follow its schedule", job_enable },
	{ "job", "disable", "ID", 1, 1, "", "keep its schedule and do not follow it", job_disable },
	{ 0 },
};
