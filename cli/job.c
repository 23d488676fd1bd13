/* tepui job: what is run to its end, at once or by a schedule. */
#include "cli/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/print.h"
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

int job_get(struct cli *cli, const char *id, const char *suffix, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = path_of(jobs_path, id, suffix);

	return path ? client_get(cli, NULL, path, ret, e) : no_path(id, e);
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
	int r = job_get(cli, id, "/schedules", &list, e);

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
	int r = job_get(cli, id, "?embed=activeRuns,history", &job, e);

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
