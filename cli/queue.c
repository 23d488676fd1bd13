/* tepui queue: what waits to be launched, and why. */
#include "cli/queue.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

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

int queue_find(struct cli *cli, const char *app_id, json_t **ret, struct err *e)
{
	json_t *reply = NULL, *item;
	size_t i;
	int r = client_get(cli, NULL, "/v2/queue", &reply, e);

	*ret = NULL;
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(reply, "queue"), i, item) {
		if (strcmp(member_text(member_subject(item), "id"), app_id) == 0)
			*ret = json_incref(item);
	}
	json_decref(reply);
	return 0;
}

static void app_cell(struct table *table, const json_t *item)
{
	table_cell(table, TABLE_PLAIN, "%s", member_text(member_subject(item), "id"));
}

static void why_cell(struct table *table, const json_t *item)
{
	char why[QUEUE_WHY_SIZE];

	queue_why(item, why, sizeof(why));
	table_cell(table, TABLE_BUSY, "%s", why);
}

static void failure_cell(struct table *table, const json_t *item)
{
	table_cell(table, TABLE_FAINT, "%s",
		   member_text(json_object_get(item, "lastFailure"), "message"));
}

static int queue_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "APP", .cell = app_cell },
		{ "COUNT", .number = "count", .is_right = true },
		{ "SINCE", .since = "since", .is_right = true },
		{ "WHY", .cell = why_cell },
		{ "LAST FAILURE", .cell = failure_cell },
		{ 0 },
	};
	static const struct list list = {
		.columns = columns, .if_empty = "nothing waits", .is_cut = true,
	};

	(void)args, (void)n;
	return list_get(cli, &list, "/v2/queue", "queue", e);
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
	{ "queue", "", "", 0, 0, "", "what waits to be launched, and why", queue_list },
	{ "queue", "list", "", 0, 0, "", "the same", queue_list },
	{ "queue", "reset", "ID", 1, 1, "", "end an app's backoff now", queue_reset },
	{ 0 },
};
