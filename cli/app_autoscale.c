/* tepui app autoscale: the load that the autoscaler has seen, what it did and why. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/app.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void metric_cell(struct table *table, const json_t *metric)
{
	const char *name = member_text(metric, "name");

	table_cell(table, TABLE_PLAIN, "%s", *name ? name : member_text(metric, "metric"));
}

static void value_cell(struct table *table, const json_t *metric)
{
	const json_t *value = json_object_get(metric, "value");

	if (value)
		table_cell(table, TABLE_PLAIN, "%.4g", json_number_value(value));
	else
		table_cell(table, TABLE_BAD, "-");
}

static const struct list_column metric_columns[] = {
	{ "METRIC", .cell = metric_cell },
	{ "VALUE", .cell = value_cell, .is_right = true },
	{ "TARGET", .number = "target", .is_right = true },
	{ "KNOWN", .number = "known", .is_right = true },
	{ "UNKNOWN", .number = "unknown", .is_right = true },
	{ 0 },
};
static const struct list metric_list = { .columns = metric_columns };

static const struct list_column decision_columns[] = {
	{ "AGE", .since = "timestamp", .is_right = true },
	{ "REASON", .text = "reason" },
	{ "WHAT", .text = "message" },
	{ 0 },
};
static const struct list decision_list = {
	.columns = decision_columns, .if_empty = "nothing was decided yet", .is_cut = true,
};

/* The last one first. */
static void print_decisions(const struct cli *cli, const json_t *decisions)
{
	json_t *newest = json_array();

	for (size_t i = json_array_size(decisions); i-- > 0;)
		(void)json_array_append(newest, json_array_get(decisions, i));
	list_table(cli, &decision_list, newest);
	json_decref(newest);
}

int app_autoscale(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = client_app_path(args[0], "/autoscale");
	const json_t *last;
	json_t *reply = NULL;
	int r;

	(void)n;
	r = path ? client_get(cli, NULL, path, &reply, e) : err_set(e, ENOMEM, "build a path");
	if (r < 0)
		return r;
	last = json_object_get(reply, "last");
	if (cli->options.json) {
		print_json(reply);
	} else {
		printf("%.0f instances, from %.0f to %.0f allowed now\n",
		       member_number(reply, "instances"), member_number(reply, "min"),
		       member_number(reply, "max"));
		if (json_is_true(json_object_get(reply, "isPaused")))
			puts("paused, until somebody scales the app up from 0");
		if (last) {
			printf("%s\n\n", member_text(last, "message"));
			list_table(cli, &metric_list, json_object_get(last, "metrics"));
		}
		putchar('\n');
		print_decisions(cli, json_object_get(reply, "decisions"));
	}
	json_decref(reply);
	return 0;
}
