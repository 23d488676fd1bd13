/* tepui app autoscale: the load that the autoscaler has seen, what it did and why. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/app.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static void print_metrics(const struct cli *cli, const json_t *metrics)
{
	static const struct table_column columns[] = {
		{ "METRIC", false }, { "VALUE", true }, { "TARGET", true }, { "KNOWN", true },
		{ "UNKNOWN", true },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	const json_t *metric;
	size_t i;

	json_array_foreach(metrics, i, metric) {
		const json_t *value = json_object_get(metric, "value");
		const char *name = member_text(metric, "name");

		table_cell(table, TABLE_PLAIN, "%s", *name ? name : member_text(metric, "metric"));
		if (value)
			table_cell(table, TABLE_PLAIN, "%.4g", json_number_value(value));
		else
			table_cell(table, TABLE_BAD, "-");
		table_cell(table, TABLE_PLAIN, "%.4g", member_number(metric, "target"));
		table_cell(table, TABLE_PLAIN, "%.0f", member_number(metric, "known"));
		table_cell(table, TABLE_PLAIN, "%.0f", member_number(metric, "unknown"));
	}
	table_print(cli, table, NULL);
}

static void print_decisions(const struct cli *cli, const json_t *decisions)
{
	static const struct table_column columns[] = {
		{ "AGE", true }, { "REASON", false }, { "WHAT", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	char age[HUMAN_SIZE];

	for (size_t i = json_array_size(decisions); i-- > 0;) {
		const json_t *decision = json_array_get(decisions, i);

		table_cell(table, TABLE_PLAIN, "%s",
			   human_since(member_text(decision, "timestamp"), age));
		table_cell(table, TABLE_PLAIN, "%s", member_text(decision, "reason"));
		table_cell(table, TABLE_PLAIN, "%s", member_text(decision, "message"));
	}
	table_cut_last(table);
	table_print(cli, table, "nothing was decided yet");
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
			print_metrics(cli, json_object_get(last, "metrics"));
		}
		putchar('\n');
		print_decisions(cli, json_object_get(reply, "decisions"));
	}
	json_decref(reply);
	return 0;
}
