/* tepui deployment: what is being changed. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/list.h"
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

static const json_t *action_of(const json_t *deployment)
{
	return json_array_get(json_object_get(deployment, "currentActions"), 0);
}

static void step_cell(struct table *table, const json_t *deployment)
{
	table_cell(table, TABLE_PLAIN, "%.0f/%.0f", member_number(deployment, "currentStep"),
		   member_number(deployment, "totalSteps"));
}

static void action_cell(struct table *table, const json_t *deployment)
{
	table_cell(table, TABLE_BUSY, "%s%s", member_text(action_of(deployment), "action"),
		   pause_of(deployment));
}

static void app_cell(struct table *table, const json_t *deployment)
{
	table_cell(table, TABLE_PLAIN, "%s", member_subject_id(action_of(deployment)));
}

static int deployment_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "DEPLOYMENT", .text = "id" },
		{ "AGE", .since = "version", .is_right = true },
		{ "STEP", .cell = step_cell, .is_right = true },
		{ "ACTION", .cell = action_cell },
		{ "APP", .cell = app_cell },
		{ 0 },
	};
	static const struct list list = {
		.columns = columns, .if_empty = "no deployments", .key = "id",
	};

	(void)args, (void)n;
	return list_get(cli, &list, "/v2/deployments", NULL, e);
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
