#include "cli/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

int change_call(struct cli *cli, enum http_method method, const char *path, const json_t *body,
		struct reply *ret, struct err *e)
{
	const struct {
		bool is_given;
		const char *query;
	} options[] = {
		{ cli->options.force, "force=true" },
		{ cli->options.in_place, "inPlace=true" },
		{ cli->options.dry_run, "dryRun=true" },
	};
	AUTO_FREE char *target = strdup(path);
	char separator = strchr(path, '?') ? '&' : '?';

	for (size_t i = 0; target && i < ARRAY_SIZE(options); i++) {
		AUTO_FREE char *before = target;

		if (!options[i].is_given) {
			target = TAKE_PTR(before);
			continue;
		}
		if (asprintf(&target, "%s%c%s", before, separator, options[i].query) < 0)
			target = NULL;
		separator = '&';
	}
	if (!target)
		return err_set(e, ENOMEM, "build a path");
	return client_call(cli, NULL, method, target, body, ret, e);
}

/* ---- Dry runs ---- */

static void print_steps(const struct cli *cli, const json_t *plan)
{
	static const struct table_column columns[] = {
		{ "STEP", true }, { "ACTION", false }, { "APP OR POD", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	const json_t *step, *action;
	size_t i, k;

	json_array_foreach(json_object_get(plan, "steps"), i, step) {
		json_array_foreach(json_object_get(step, "actions"), k, action) {
			table_cell(table, TABLE_PLAIN, "%zu", i + 1);
			table_cell(table, TABLE_PLAIN, "%s", member_text(action, "action"));
			table_cell(table, TABLE_PLAIN, "%s", member_subject_id(action));
		}
	}
	table_print(cli, table, "nothing would be done");
}

static int count_on(const json_t *placement, const char *agent)
{
	const json_t *placed;
	int n = 0;
	size_t i;

	json_array_foreach(json_object_get(placement, "placed"), i, placed)
		n += strcmp(member_text(placed, "agentId"), agent) == 0;
	return n;
}

/* Has one of the first N instances gone to AGENT? */
static bool is_told(const json_t *placement, size_t n, const char *agent)
{
	const json_t *placed = json_object_get(placement, "placed");

	for (size_t i = 0; i < n; i++) {
		if (strcmp(member_text(json_array_get(placed, i), "agentId"), agent) == 0)
			return true;
	}
	return false;
}

static void add_node(struct table *table, const json_t *placement, const json_t *node,
		     const char *missing)
{
	table_cell(table, TABLE_PLAIN, "%s", member_subject_id(placement));
	table_cell(table, TABLE_PLAIN, "%s", member_text(node, "hostname"));
	table_cell(table, TABLE_PLAIN, "%d", count_on(placement, member_text(node, "agentId")));
	table_cell(table, *missing ? TABLE_BAD : TABLE_PLAIN, "%s", missing);
}

/* Where some find no place, all nodes are told of: there each of them says why no more. */
static void add_placement(struct table *table, const json_t *placement)
{
	const json_t *nodes = json_object_get(json_object_get(placement, "waiting"), "nodes");
	const json_t *placed = json_object_get(placement, "placed"), *node;
	size_t i;

	json_array_foreach(nodes, i, node)
		add_node(table, placement, node, member_text(node, "missing"));
	if (nodes)
		return;
	json_array_foreach(placed, i, node) {
		if (!is_told(placement, i, member_text(node, "agentId")))
			add_node(table, placement, node, "");
	}
}

static void print_placements(const struct cli *cli, const json_t *placements)
{
	static const struct table_column columns[] = {
		{ "APP OR POD", false }, { "NODE", false }, { "INSTANCES", true },
		{ "NO MORE, FOR", false },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	const json_t *placement, *waiting;
	size_t i;

	json_array_foreach(placements, i, placement)
		add_placement(table, placement);
	if (json_array_size(placements) > 0)
		putchar('\n');
	table_print(cli, table, json_array_size(placements) > 0 ? NULL : "no instance would start");
	json_array_foreach(placements, i, placement) {
		waiting = json_object_get(placement, "waiting");
		if (waiting)
			print_field("waiting", "%.0f of %s: %s", member_number(waiting, "count"),
				    member_subject_id(placement), member_text(waiting, "why"));
	}
}

static void print_dry_run(const struct cli *cli, const json_t *plan)
{
	const json_t *id;
	size_t i;

	print_steps(cli, plan);
	json_array_foreach(json_object_get(plan, "cancels"), i, id)
		print_field("cancels", "deployment %s", json_string_value(id));
	print_placements(cli, json_object_get(plan, "placements"));
}

/* ---- */

int change_finish(struct cli *cli, struct reply *reply, const char *what, struct err *e)
{
	AUTO_FREE char *id = TAKE_PTR(reply->deployment_id);
	int r = 0;

	if (cli->options.json && reply->json)
		print_json(reply->json);
	else if (cli->options.dry_run)
		print_dry_run(cli, reply->json);
	else if (cli->options.quiet)
		puts(id ? id : "");
	else
		printf("%s%s%s\n", what, id ? ", deployment " : "", id ? id : "");
	(void)fflush(stdout);
	reply_done(reply);
	if (cli->options.wait && id)
		r = progress_wait_deployment(cli, id, e);
	if (r == 0 && cli->options.wait && id && !cli->options.json && !cli->options.quiet)
		puts("done");
	return r;
}

int change_send(struct cli *cli, enum http_method method, const char *path, json_t *body,
		const char *what, struct err *e)
{
	struct reply reply;
	int r = path ? change_call(cli, method, path, body, &reply, e)
		     : err_set(e, ENOMEM, "build the path of what is changed");

	json_decref(body);
	return r < 0 ? r : change_finish(cli, &reply, what, e);
}
