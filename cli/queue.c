/* tepui queue: what waits to be launched, and why. */
#include "cli/queue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_parser.h"

/* The reason that declined most offers, from the funnel of /v2/queue. */
static const char *main_reason(const json_t *item)
{
	const json_t *summary = json_object_get(item, "processedOffersSummary");
	const char *reason = "";
	double most = 0;
	size_t i;
	json_t *row;

	json_array_foreach(json_object_get(summary, "rejectSummaryLastOffers"), i, row) {
		if (member_number(row, "declined") > most) {
			most = member_number(row, "declined");
			reason = member_text(row, "reason");
		}
	}
	return reason;
}

void queue_why(const json_t *item, char *ret, size_t size)
{
	double left = member_number(json_object_get(item, "delay"), "timeLeftSeconds");
	const char *explanation = member_text(item, "explanation");

	if (left > 0)
		(void)snprintf(ret, size, "backing off, next start in %gs", left);
	else if (*explanation)
		(void)snprintf(ret, size, "%s", explanation);
	else
		(void)snprintf(ret, size, "waiting for offers %s", main_reason(item));
}

json_t *queue_item(const json_t *queue, const char *app_id)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(queue, "queue"), i, item) {
		if (strcmp(member_text(member_subject(item), "id"), app_id) == 0)
			return item;
	}
	return NULL;
}

int queue_find(struct cli *cli, const char *app_id, json_t **ret, struct err *e)
{
	json_t *reply = NULL;
	int r = client_get(cli, NULL, "/v2/queue", &reply, e);

	*ret = r < 0 ? NULL : json_incref(queue_item(reply, app_id));
	json_decref(reply);
	return r < 0 ? r : 0;
}

/* ---- Runs of jobs ---- */

/* In the shape of /v2/queue, but of a "job" and its "run". */
static json_t *run_item(const json_t *run)
{
	const char *since = member_text(run, "createdAt");

	return json_pack("{s:O, s:O, s:i, s:o, s:O*}", "job", json_object_get(run, "jobId"), "run",
			 json_object_get(run, "id"), "count", 1, "since",
			 json_sprintf("%.*sZ", (int)strcspn(since, "+"), since), "explanation",
			 json_object_get(run, "explanation"));
}

static bool is_queued(const json_t *queued, const json_t *run)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(queued, "runs"), i, row) {
		if (strcmp(member_text(row, "runId"), member_text(run, "id")) == 0)
			return true;
	}
	return false;
}

/* /v1/queue has the ids, the job itself why its runs wait. */
static int add_runs(struct cli *cli, const json_t *queued, json_t *list, struct err *e)
{
	AUTO_FREE char *id = http_encode(member_text(queued, "jobId")), *path = NULL;
	json_t *job = NULL, *run;
	size_t i;
	int r;

	if (!id || asprintf(&path, "/v1/jobs/%s?embed=activeRuns", id) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "build the path of job '%s'", member_text(queued, "jobId"));
	}
	r = client_get(cli, NULL, path, &job, e);
	if (r == -ENOENT) {
		err_clear(e);	/* it was removed meanwhile */
		return 0;
	}
	json_array_foreach(json_object_get(job, "activeRuns"), i, run) {
		if (is_queued(queued, run))
			(void)json_array_append_new(list, run_item(run));
	}
	json_decref(job);
	return r < 0 ? r : 0;
}

static int get_runs(struct cli *cli, json_t **ret, struct err *e)
{
	json_t *reply = NULL, *list = json_array(), *queued;
	int r = client_get(cli, NULL, "/v1/queue", &reply, e);
	size_t i;

	json_array_foreach(reply, i, queued) {
		if (r >= 0)
			r = add_runs(cli, queued, list, e);
	}
	json_decref(reply);
	if (r < 0)
		json_decref(list);
	else
		*ret = list;
	return r < 0 ? r : 0;
}

/* ---- The list ---- */

static const char *subject_of(const json_t *item)
{
	const char *job = member_text(item, "job");

	return *job ? job : member_text(member_subject(item), "id");
}

/* Ids are as well given without the slash that those of apps begin with. */
static void filter(json_t *items, const char *id)
{
	for (size_t i = json_array_size(items); i > 0; i--) {
		const char *subject = subject_of(json_array_get(items, i - 1));

		if (strcmp(subject + (*subject == '/'), id + (*id == '/')) != 0)
			(void)json_array_remove(items, i - 1);
	}
}

/* The last failure has a row of its own: beside the reason there is no room for it on a terminal. */
static void add_item(struct table *table, const json_t *item)
{
	const char *failure = member_text(json_object_get(item, "lastFailure"), "message");
	const char *run = member_text(item, "run");
	char why[QUEUE_WHY_SIZE], since[HUMAN_SIZE];

	queue_why(item, why, sizeof(why));
	table_cell(table, TABLE_PLAIN, "%s%s%s", subject_of(item), *run ? " " : "", run);
	table_cell(table, TABLE_PLAIN, "%.0f", member_number(item, "count"));
	table_cell(table, TABLE_PLAIN, "%s", human_since(member_text(item, "since"), since));
	table_cell(table, TABLE_BUSY, "%s", why);
	if (!*failure)
		return;
	for (size_t i = 0; i < 3; i++)
		table_cell(table, TABLE_PLAIN, "%s", "");
	table_cell(table, TABLE_FAINT, "last failure: %s", failure);
}

static void print_queue(const struct cli *cli, const json_t *items, const json_t *runs)
{
	static const struct table_column columns[] = {
		{ "APP, POD OR RUN", false }, { "COUNT", true }, { "SINCE", true }, { "WHY", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	const json_t *item;
	size_t i;

	table_cut_last(table);
	json_array_foreach(items, i, item)
		add_item(table, item);
	json_array_foreach(runs, i, item)
		add_item(table, item);
	table_print(cli, table, "nothing waits");
}

static int queue_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *reply = NULL, *runs = NULL, *items;
	int r = client_get(cli, NULL, "/v2/queue", &reply, e);

	if (r >= 0)
		r = get_runs(cli, &runs, e);
	items = json_object_get(reply, "queue");
	if (r >= 0 && n > 0) {
		filter(items, args[0]);
		filter(runs, args[0]);
	}
	if (r >= 0 && cli->options.json) {
		(void)json_object_set(reply, "runs", runs);
		print_json(reply);
	} else if (r >= 0) {
		print_queue(cli, items, runs);
	}
	json_decref(runs);
	json_decref(reply);
	return r < 0 ? r : 0;
}

static int queue_reset(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *app = client_app_path(args[0], "/delay");
	AUTO_FREE char *path = NULL;
	struct reply reply;
	int r;

	(void)n;
	/* client_app_path() gives "/v2/apps/ID/delay". */
	if (!app || asprintf(&path, "/v2/queue/%s", app + sizeof("/v2/apps/") - 1) < 0)
		return err_set(e, ENOMEM, "build the path of app '%s'", args[0]);
	r = client_call(cli, NULL, HTTP_DELETE, path, NULL, &reply, e);
	if (r < 0)
		return r;
	printf("delay of %s is reset\n", args[0]);
	reply_done(&reply);
	return 0;
}

const struct command queue_commands[] = {
	{ "queue", "", "[ID]", 0, 1, "", "what waits to be launched, of an app, a pod or a job or at all, and why",
	  queue_list },
	{ "queue", "list", "[ID]", 0, 1, "", "the same", queue_list },
	{ "queue", "reset", "ID", 1, 1, "", "end an app's backoff now", queue_reset },
	{ 0 },
};
