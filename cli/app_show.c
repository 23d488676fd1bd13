/* tepui app show: what an app is, what it waits for, and why it failed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/app.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/queue.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { SHORT_SIZE = 300, MEBI = 1 << 20 };

/* ---- One item of a list in short form ---- */

static void short_port(const json_t *port, char *ret, size_t size)
{
	const json_t *number = json_object_get(port, "port");
	const char *protocol = member_text(port, "protocol"), *name = member_text(port, "name");

	if (!number)
		number = json_object_get(port, "containerPort");
	(void)snprintf(ret, size, "%.0f%s%s%s%s", json_number_value(number), *protocol ? "/" : "",
		       protocol, *name ? " " : "", name);
}

static void short_argument(const json_t *argument, char *ret, size_t size)
{
	const char *text = json_string_value(argument);

	(void)snprintf(ret, size, "%s", text ? text : "");
}

static void short_constraint(const json_t *constraint, char *ret, size_t size)
{
	size_t i, used = 0;
	json_t *word;

	ret[0] = '\0';
	json_array_foreach(constraint, i, word) {
		const char *text = json_string_value(word);
		int n = snprintf(ret + used, size - used, "%s%s", i ? " " : "", text ? text : "");

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

static void short_volume(const json_t *volume, char *ret, size_t size)
{
	const char *host = member_text(volume, "hostPath");
	const json_t *persistent = json_object_get(volume, "persistent");
	char disk[HUMAN_SIZE];

	if (persistent) {
		(void)snprintf(ret, size, "%s persistent, %s", member_text(volume, "containerPath"),
			       human_bytes((uint64_t)(member_number(persistent, "size") * MEBI),
					   disk));
		return;
	}
	(void)snprintf(ret, size, "%s%s%s %s", host, *host ? " at " : "",
		       member_text(volume, "containerPath"), member_text(volume, "mode"));
}

static void short_health_check(const json_t *check, char *ret, size_t size)
{
	const char *protocol = member_text(check, "protocol"), *path = member_text(check, "path");
	const char *command = member_text(json_object_get(check, "command"), "value");

	(void)snprintf(ret, size, "%s %.150s, every %gs, timeout %gs, %g failures, grace %gs",
		       protocol, *command ? command : *path ? path : "/",
		       member_number(check, "intervalSeconds"),
		       member_number(check, "timeoutSeconds"),
		       member_number(check, "maxConsecutiveFailures"),
		       member_number(check, "gracePeriodSeconds"));
}

/* ---- Lines ---- */

static void print_each(const char *label, const json_t *list,
		       void (*format)(const json_t *item, char *ret, size_t size))
{
	char text[SHORT_SIZE];
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		format(item, text, sizeof(text));
		print_field(i == 0 ? label : "", "%s", text);
	}
}

/* A value of env that is not text names a secret. */
static void print_map(const char *label, const json_t *map)
{
	const char *key, *text;
	bool is_first = true;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)map, key, value) {
		text = json_string_value(value);
		print_field(is_first ? label : "", "%s=%s", key, text ? text : "(secret)");
		is_first = false;
	}
}

static void print_last_failure(const struct cli *cli, const json_t *failure)
{
	AUTO_FREE char *message = strdup(member_text(failure, "message"));
	char age[HUMAN_SIZE];

	if (!failure || !message)
		return;
	print_tame(message);
	printf("%-14s ", "last failure");
	print_colored(cli, TABLE_BAD, member_text(failure, "state"));
	printf(" %s ago on %s: %s\n", human_since(member_text(failure, "timestamp"), age),
	       member_text(failure, "host"), message);
	/* TASK_ERROR: it never ran, and there is no log. */
	if (*member_text(failure, "taskId") && strcmp(member_text(failure, "state"), "TASK_ERROR") != 0)
		print_field("", "see: tepui task log %s --stderr", member_text(failure, "taskId"));
}

static void print_ports(const json_t *app)
{
	const json_t *container = json_object_get(app, "container");

	print_each(json_is_true(json_object_get(app, "requirePorts")) ? "ports required" : "ports",
		   json_object_get(app, "portDefinitions"), short_port);
	print_each("ports", json_object_get(container, "portMappings"), short_port);
}

static void short_network(const json_t *network, char *ret, size_t size)
{
	const char *name = member_text(network, "name");

	(void)snprintf(ret, size, "%s", *name ? name : member_text(network, "mode"));
}

static void print_definition(const json_t *app)
{
	const json_t *container = json_object_get(app, "container");
	const char *cmd = member_text(app, "cmd");
	const char *image = member_text(json_object_get(container, "docker"), "image");
	char age[HUMAN_SIZE], mem[HUMAN_SIZE], disk[HUMAN_SIZE];

	print_field("app", "%s", member_text(app, "id"));
	print_field("version", "%s (%s ago)", member_text(app, "version"),
		    human_since(member_text(app, "version"), age));
	if (*cmd)
		print_field("command", "%s", cmd);
	print_each("arguments", json_object_get(app, "args"), short_argument);
	if (*image)
		print_field("image", "%s", image);
	print_each("volumes", json_object_get(container, "volumes"), short_volume);
	print_field("each", "%g cpus, %s memory, %s disk", member_number(app, "cpus"),
		    human_bytes((uint64_t)(member_number(app, "mem") * MEBI), mem),
		    human_bytes((uint64_t)(member_number(app, "disk") * MEBI), disk));
	print_each("networks", json_object_get(app, "networks"), short_network);
	print_ports(app);
	if (json_object_get(app, "weight"))
		print_field("weight", "%.0f", member_number(app, "weight"));
	print_map("env", json_object_get(app, "env"));
	print_map("labels", json_object_get(app, "labels"));
	print_each("constraints", json_object_get(app, "constraints"), short_constraint);
	print_each("health checks", json_object_get(app, "healthChecks"), short_health_check);
}

/* With what holds it, if that can still be asked for. */
static void print_deployment(struct cli *cli, const json_t *app)
{
	const json_t *list = json_object_get(app, "deployments");
	const char *id = member_text(json_array_get(list, 0), "id");
	char held[PROGRESS_HELD_SIZE];
	json_t *deployment = NULL;
	struct err ended = { 0 };

	if (!*id)
		return;
	(void)progress_get(cli, id, &deployment, &ended);
	(void)progress_held(deployment, held);
	print_field("deployment", "%s%s%s", id, *held ? " " : "", held);
	json_decref(deployment);
}

static void print_waiting(const json_t *item)
{
	char why[QUEUE_WHY_SIZE], age[HUMAN_SIZE];

	if (!item)
		return;
	queue_why(item, why, sizeof(why));
	print_field("waiting", "%.0f for %s: %s", member_number(item, "count"),
		    human_since(member_text(item, "since"), age), why);
}

static void print_app(struct cli *cli, const json_t *app, const json_t *item)
{
	print_definition(app);
	print_field("instances", "%.0f wanted, %.0f staged, %.0f running, %.0f healthy, "
		    "%.0f unhealthy", member_number(app, "instances"),
		    member_number(app, "tasksStaged"), member_number(app, "tasksRunning"),
		    member_number(app, "tasksHealthy"), member_number(app, "tasksUnhealthy"));
	print_deployment(cli, app);
	if (*member_text(app, "unhealthyKillsStopped"))
		print_field("kills stopped", "%s", member_text(app, "unhealthyKillsStopped"));
	print_waiting(item);
	print_last_failure(cli, json_object_get(app, "lastTaskFailure"));
}

int app_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	AUTO_FREE char *path = client_app_path(args[0], "");
	json_t *reply = NULL, *item = NULL, *app;
	int r;

	(void)n;
	if (!path)
		return err_set(e, ENOMEM, "build the path of app '%s'", args[0]);
	r = client_get(cli, NULL, path, &reply, e);
	if (r < 0)
		return r;
	app = json_object_get(reply, "app");
	if (cli->options.json)
		print_json(app);
	else
		r = queue_find(cli, member_text(app, "id"), &item, e);
	if (r >= 0 && !cli->options.json)
		print_app(cli, app, item);
	json_decref(item);
	json_decref(reply);
	return r;
}
