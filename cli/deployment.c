/* tepui deployment: what is being changed. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_parser.h"

/* Why nothing moves; "": it does. */
static const char *pause_of(const json_t *deployment)
{
	if (json_is_true(json_object_get(deployment, "paused")))
		return ", paused";
	return json_is_true(json_object_get(deployment, "awaitsPromotion")) ?
	       ", awaits promotion" : "";
}

static int deployment_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct table_column columns[] = {
		{ "DEPLOYMENT", false }, { "AGE", true }, { "STEP", true }, { "ACTION", false },
		{ "APP", false },
	};
	json_t *list = NULL, *item;
	struct table *table;
	size_t i;
	int r;

	(void)args, (void)n;
	r = client_get(cli, NULL, "/v2/deployments", &list, e);
	if (r < 0)
		return r;
	if (cli->options.json || cli->options.quiet) {
		print_list(cli, list, list, "id");
		json_decref(list);
		return 0;
	}
	table = table_new(columns, ARRAY_SIZE(columns));
	json_array_foreach(list, i, item) {
		const json_t *action = json_array_get(json_object_get(item, "currentActions"), 0);
		char age[HUMAN_SIZE];

		table_cell(table, TABLE_PLAIN, "%s", member_text(item, "id"));
		table_cell(table, TABLE_PLAIN, "%s", human_since(member_text(item, "version"), age));
		table_cell(table, TABLE_PLAIN, "%.0f/%.0f", member_number(item, "currentStep"),
			   member_number(item, "totalSteps"));
		table_cell(table, TABLE_BUSY, "%s%s", member_text(action, "action"),
			   pause_of(item));
		table_cell(table, TABLE_PLAIN, "%s", member_subject_id(action));
	}
	table_print(cli, table, "no deployments");
	json_decref(list);
	return 0;
}

static int deployment_wait(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return progress_wait_deployment(cli, args[0], e);
}

static int deployment_cancel(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *id = http_encode(args[0]);
	AUTO_FREE char *path = NULL;
	struct reply reply;
	int r;

	(void)n;
	if (!id || asprintf(&path, "/v2/deployments/%s%s", id,
			    cli->options.force ? "?force=true" : "") < 0)
		return err_set(e, ENOMEM, "build the path of deployment '%s'", args[0]);
	r = client_call(cli, NULL, HTTP_DELETE, path, NULL, &reply, e);
	if (r < 0)
		return r;
	if (reply.deployment_id)
		printf("rolling back, deployment %s\n", reply.deployment_id);
	else
		puts("cancelled");
	reply_done(&reply);
	return 0;
}

static int decide(struct cli *cli, const char *id, const char *verb, struct err *e)
{
	AUTO_FREE char *escaped = http_encode(id), *path = NULL;
	struct reply reply;
	int r;

	if (!escaped || asprintf(&path, "/v2/deployments/%s/%s", escaped, verb) < 0)
		return err_set(e, ENOMEM, "build the path of deployment '%s'", id);
	r = client_call(cli, NULL, HTTP_POST, path, NULL, &reply, e);
	if (r < 0)
		return r;
	puts(reply.deployment_id ? reply.deployment_id : "");
	reply_done(&reply);
	return 0;
}

static int deployment_promote(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "promote", e);
}

static int deployment_pause(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "pause", e);
}

static int deployment_resume(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "resume", e);
}

static int deployment_abort(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "abort", e);
}

const struct command deployment_commands[] = {
	{ "deployment", "", "", 0, 0, "quiet", "list deployments", deployment_list },
	{ "deployment", "list", "", 0, 0, "quiet", "list deployments", deployment_list },
	{ "deployment", "wait", "ID", 1, 1, "timeout quiet", "until it is done", deployment_wait },
	{ "deployment", "cancel", "ID", 1, 1, "force",
	  "roll back; with --force leave things as they are", deployment_cancel },
	{ "deployment", "promote", "ID", 1, 1, "", "go on behind the canaries", deployment_promote },
	{ "deployment", "abort", "ID", 1, 1, "", "go back, and keep what runs the old version",
	  deployment_abort },
	{ "deployment", "pause", "ID", 1, 1, "", "start and stop nothing for now", deployment_pause },
	{ "deployment", "resume", "ID", 1, 1, "", "go on", deployment_resume },
	{ 0 },
};
