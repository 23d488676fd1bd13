/* tepui deployment: what is being changed. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/queue.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_parser.h"

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
	table_cell(table, TABLE_BUSY, "%s", member_text(action_of(deployment), "action"));
}

/* A step of a group's has one for each app. */
static void app_cell(struct table *table, const json_t *deployment)
{
	size_t n = json_array_size(json_object_get(deployment, "currentActions"));
	const char *id = member_subject_id(action_of(deployment));

	if (n > 1)
		table_cell(table, TABLE_PLAIN, "%s, %zu more", id, n - 1);
	else
		table_cell(table, TABLE_PLAIN, "%s", id);
}

static const json_t *rollback_of(const json_t *deployment)
{
	return json_object_get(deployment, "rollbackOf");
}

/* What holds it; else what it waits for, which find_reasons() has left there; else why it is. */
static void reason_cell(struct table *table, const json_t *deployment)
{
	const char *why = member_text(deployment, "why");
	char held[PROGRESS_HELD_SIZE];

	if (*progress_held(deployment, held))
		table_cell(table, TABLE_BUSY, "%s", held);
	else if (*why || !rollback_of(deployment))
		table_cell(table, TABLE_BUSY, "%s", why);
	else
		table_cell(table, TABLE_FAINT, "rolls back deployment %s: %s",
			   member_text(rollback_of(deployment), "id"),
			   member_text(rollback_of(deployment), "reason"));
}

/* Of each what the first app of it that waits in the queue waits for, as its member "why". */
static int find_reasons(struct cli *cli, json_t *deployments, struct err *e)
{
	json_t *queue = NULL, *deployment, *action, *item;
	int r = client_get(cli, NULL, "/v2/queue", &queue, e);
	size_t i, k;

	json_array_foreach(deployments, i, deployment) {
		json_array_foreach(json_object_get(deployment, "currentActions"), k, action) {
			char why[QUEUE_WHY_SIZE];

			item = queue_item(queue, member_subject_id(action));
			if (!item || json_object_get(deployment, "why"))
				continue;
			queue_why(item, why, sizeof(why));
			(void)json_object_set_new(
				deployment, "why",
				json_sprintf("%s: %s", member_subject_id(action), why));
		}
	}
	json_decref(queue);
	return r < 0 ? r : 0;
}

static int deployment_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list_column columns[] = {
		{ "DEPLOYMENT", .text = "id" },
		{ "AGE", .since = "version", .is_right = true },
		{ "STEP", .cell = step_cell, .is_right = true },
		{ "ACTION", .cell = action_cell },
		{ "APP OR POD", .cell = app_cell },
		{ "REASON", .cell = reason_cell },
		{ 0 },
	};
	static const struct list list = {
		.columns = columns, .if_empty = "no deployments", .key = "id", .is_cut = true,
	};
	json_t *deployments = NULL;
	int r = client_get(cli, NULL, "/v2/deployments", &deployments, e);

	(void)args, (void)n;
	if (r >= 0 && !cli->options.json && !cli->options.quiet)
		r = find_reasons(cli, deployments, e);
	if (r >= 0)
		list_print(cli, &list, deployments, deployments);
	json_decref(deployments);
	return r < 0 ? r : 0;
}

/* ---- One deployment ---- */

static void print_ids(const char *label, const json_t *ids)
{
	const json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
		print_field(i == 0 ? label : "", "%s", json_string_value(id));
}

static void print_steps(const json_t *deployment)
{
	double current = member_number(deployment, "currentStep");
	const json_t *step, *action;
	size_t i, k;

	json_array_foreach(json_object_get(deployment, "steps"), i, step) {
		bool is_past = (double)i + 1 < current, is_now = (double)i + 1 == current;

		json_array_foreach(json_object_get(step, "actions"), k, action)
			print_field(i + k == 0 ? "steps" : "", "%zu %s %s%s", i + 1,
				    member_text(action, "action"), member_subject_id(action),
				    is_past ? ", done" : is_now ? ", now" : "");
	}
}

static int print_running(struct cli *cli, const json_t *deployment, struct err *e)
{
	struct progress now;
	int r = progress_describe(cli, deployment, &now, e);

	if (r < 0)
		return r;
	print_ids("apps", json_object_get(deployment, "affectedApps"));
	print_ids("pods", json_object_get(deployment, "affectedPods"));
	print_ids("canaries of", json_object_get(deployment, "canaries"));
	if (json_object_get(deployment, "canaryWeight"))
		print_field("their traffic", "%.0f %%", member_number(deployment, "canaryWeight"));
	print_steps(deployment);
	print_field("now", "%s", now.line);
	if (*now.why)
		print_field("waiting", "%s", now.why);
	return 0;
}

static int print_deployment(struct cli *cli, const json_t *deployment, struct err *e)
{
	const json_t *of = rollback_of(deployment);
	const char *begun = member_text(deployment, "version"), *by;
	char age[HUMAN_SIZE];

	print_field("deployment", "%s", member_text(deployment, "id"));
	print_field("state", "%s", member_text(deployment, "state"));
	print_field("begun", "%s ago", human_since(begun, age));
	if (of)
		print_field("rolls back", "deployment %s, which failed: %s", member_text(of, "id"),
			    member_text(of, "reason"));
	if (!json_object_get(deployment, "endedAt"))
		return print_running(cli, deployment, e);
	print_field("ended", "%s ago", human_since(member_text(deployment, "endedAt"), age));
	if (*member_text(deployment, "reason"))
		print_field("reason", "%s", member_text(deployment, "reason"));
	by = member_text(deployment, "rolledBackBy");
	if (*by)
		print_field("rolled back", "by deployment %s", by);
	return 0;
}

static int deployment_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *deployment = NULL;
	int r = progress_get(cli, args[0], &deployment, e);

	(void)n;
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(deployment);
	else
		r = print_deployment(cli, deployment, e);
	json_decref(deployment);
	return r;
}

/* ---- What is done with one ---- */

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

static int decide(struct cli *cli, const char *id, const char *verb, const json_t *body,
		  const char *what, struct err *e)
{
	AUTO_FREE char *escaped = http_encode(id), *path = NULL;
	struct reply reply;
	int r;

	if (!escaped || asprintf(&path, "/v2/deployments/%s/%s", escaped, verb) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "build the path of deployment '%s'", id);
	}
	r = client_call(cli, NULL, HTTP_POST, path, body, &reply, e);
	if (r < 0)
		return r;
	if (cli->options.quiet)
		puts(reply.deployment_id ? reply.deployment_id : "");
	else
		printf("%s, deployment %s\n", what, reply.deployment_id ? reply.deployment_id : id);
	reply_done(&reply);
	return 0;
}

static int deployment_promote(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "promote", NULL, "promoted: goes on", e);
}

static int deployment_pause(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "pause", NULL, "paused", e);
}

static int deployment_resume(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "resume", NULL, "goes on", e);
}

static int deployment_abort(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return decide(cli, args[0], "abort", NULL, "aborted: goes back", e);
}

static int deployment_weight(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO(json_decrefp) json_t *body = NULL;
	json_t *percent = json_loads(args[1], JSON_DECODE_ANY, NULL);
	char what[64];

	(void)n;
	if (!json_is_integer(percent)) {
		json_decref(percent);
		return err_set(e, EINVAL, "weigh the canaries of deployment '%s': '%.80s' is not a"
			       " percentage", args[0], args[1]);
	}
	(void)snprintf(what, sizeof(what), "%lld %% of the traffic is the canaries'",
		       (long long)json_integer_value(percent));
	body = json_pack("{s:o}", "weight", percent);
	return decide(cli, args[0], "weight", body, what, e);
}

const struct command deployment_commands[] = {
	{ "deployment", "", "", 0, 0, "quiet", "list deployments", deployment_list },
	{ "deployment", "list", "", 0, 0, "quiet", "list deployments", deployment_list },
	{ "deployment", "show", "ID", 1, 1, "",
	  "one, also one that has ended: how far it is, what it waits for, why it failed",
	  deployment_show },
	{ "deployment", "wait", "ID", 1, 1, "timeout quiet", "until it is done", deployment_wait },
	{ "deployment", "cancel", "ID", 1, 1, "force",
	  "roll back; with --force leave things as they are", deployment_cancel },
	{ "deployment", "promote", "ID", 1, 1, "quiet", "go on behind the canaries", deployment_promote },
	{ "deployment", "weight", "ID PERCENT", 2, 2, "quiet",
	  "of the traffic, that is the canaries' until they are promoted", deployment_weight },
	{ "deployment", "abort", "ID", 1, 1, "quiet", "go back, and keep what runs the old version",
	  deployment_abort },
	{ "deployment", "pause", "ID", 1, 1, "quiet", "start and stop nothing for now", deployment_pause },
	{ "deployment", "resume", "ID", 1, 1, "quiet", "go on", deployment_resume },
	{ 0 },
};
