/* tepui pod: instances of several containers each. */
#include "cli/pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/document.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int get_pod(struct cli *cli, const char *id, const char *suffix, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = client_pod_path(id, suffix);

	return path ? client_get(cli, NULL, path, ret, e) : err_set(e, ENOMEM, "build a path");
}

/* ---- Lists ---- */

static double wanted_of(const json_t *status)
{
	return member_number(json_object_get(json_object_get(status, "spec"), "scaling"),
			     "instances");
}

static size_t count_stable(const json_t *status)
{
	const json_t *instance;
	size_t i, n = 0;

	json_array_foreach(json_object_get(status, "instances"), i, instance)
		n += strcmp(member_text(instance, "status"), "STABLE") == 0;
	return n;
}

static enum table_color color_of(const char *state)
{
	static const struct {
		const char *state;
		enum table_color color;
	} colors[] = {
		{ "STABLE", TABLE_GOOD },
		{ "DEGRADED", TABLE_BAD },
		{ "TERMINAL", TABLE_FAINT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(colors); i++) {
		if (strcmp(colors[i].state, state) == 0)
			return colors[i].color;
	}
	return TABLE_BUSY;
}

static void stable_cell(struct table *table, const json_t *status)
{
	double stable = (double)count_stable(status);

	table_cell(table, stable < wanted_of(status) ? TABLE_BUSY : TABLE_PLAIN, "%.0f", stable);
}

static void containers_cell(struct table *table, const json_t *status)
{
	const json_t *spec = json_object_get(status, "spec");

	table_cell(table, TABLE_PLAIN, "%zu", json_array_size(json_object_get(spec, "containers")));
}

static void state_cell(struct table *table, const json_t *status)
{
	const char *state = member_text(status, "status");

	table_cell(table, color_of(state), "%s", state);
}

static const struct list_column columns[] = {
	{ "POD", .text = "id" },
	{ "WANTED", .number = "spec.scaling.instances", .is_right = true },
	{ "STABLE", .cell = stable_cell, .is_right = true },
	{ "CONTAINERS", .cell = containers_cell, .is_right = true },
	{ "STATE", .cell = state_cell },
	{ 0 },
};
const struct list pod_statuses = { .columns = columns, .if_empty = "no pods", .key = "id" };

static int pod_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)args, (void)n;
	return list_get(cli, &pod_statuses, "/v2/pods/::status", NULL, e);
}

/* ---- One pod ---- */

static void print_definition(const json_t *spec)
{
	const json_t *container;
	char age[HUMAN_SIZE];
	size_t i;

	print_field("pod", "%s", member_text(spec, "id"));
	print_field("version", "%s (%s ago)", member_text(spec, "version"),
		    human_since(member_text(spec, "version"), age));
	json_array_foreach(json_object_get(spec, "containers"), i, container) {
		const json_t *resources = json_object_get(container, "resources");
		const char *image = member_text(json_object_get(container, "image"), "id");
		char mem[HUMAN_SIZE];

		print_field(i == 0 ? "containers" : "", "%s: %g cpus, %s memory%s%s",
			    member_text(container, "name"), member_number(resources, "cpus"),
			    human_bytes((uint64_t)(member_number(resources, "mem") * 1048576), mem),
			    *image ? ", image " : "", image);
	}
}

/* "http 31007, admin 31008" */
static void join_endpoints(const json_t *endpoints, char *ret, size_t size)
{
	const json_t *endpoint;
	size_t i, used = 0;

	ret[0] = '\0';
	json_array_foreach(endpoints, i, endpoint) {
		int n = snprintf(ret + used, size - used, "%s%s %.0f", i ? ", " : "",
				 member_text(endpoint, "name"),
				 member_number(endpoint, "allocatedHostPort"));

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

static void add_instance(struct table *table, const json_t *instance)
{
	const char *state = member_text(instance, "status");
	const json_t *container;
	size_t i;

	json_array_foreach(json_object_get(instance, "containers"), i, container) {
		char endpoints[256];

		join_endpoints(json_object_get(container, "endpoints"), endpoints,
			       sizeof(endpoints));
		table_cell(table, TABLE_PLAIN, "%s", member_text(container, "containerId"));
		table_cell(table, TABLE_PLAIN, "%s", member_text(container, "name"));
		table_cell(table, TABLE_PLAIN, "%s", member_text(container, "status"));
		table_cell(table, color_of(state), "%s", state);
		table_cell(table, TABLE_PLAIN, "%s", member_text(instance, "agentHostname"));
		table_cell(table, TABLE_PLAIN, "%s", endpoints);
	}
}

static void print_status(const struct cli *cli, const json_t *status)
{
	static const struct table_column titles[] = {
		{ "TASK", false },     { "CONTAINER", false }, { "STATE", false },
		{ "INSTANCE", false }, { "NODE", false },      { "ENDPOINTS", false },
	};
	struct table *table = table_new(titles, ARRAY_SIZE(titles));
	const json_t *instance, *end;
	char age[HUMAN_SIZE];
	size_t i;

	print_definition(json_object_get(status, "spec"));
	print_field("instances", "%zu of %.0f stable", count_stable(status), wanted_of(status));
	json_array_foreach(json_object_get(status, "terminationHistory"), i, end)
		print_field("last end", "%s ago: %s",
			    human_since(member_text(end, "terminatedAt"), age),
			    member_text(end, "message"));
	json_array_foreach(json_object_get(status, "instances"), i, instance) {
		if (*member_text(instance, "message"))
			print_field(member_text(instance, "status"), "%s: %s",
				    member_text(instance, "id"), member_text(instance, "message"));
		add_instance(table, instance);
	}
	putchar('\n');
	table_print(cli, table, "no instances");
}

static int pod_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *status = NULL;
	int r = get_pod(cli, args[0], "::status", &status, e);

	(void)n;
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(status);
	else
		print_status(cli, status);
	json_decref(status);
	return 0;
}

static int pod_versions(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *versions = NULL;
	int r = get_pod(cli, args[0], "::versions", &versions, e);

	(void)n;
	if (r < 0)
		return r;
	list_texts(cli, versions, versions);
	json_decref(versions);
	return 0;
}

/* ---- Changes ---- */

/* Takes BODY; NULL only with DELETE. */
static int change(struct cli *cli, enum http_method method, const char *id, json_t *body,
		  const char *what, struct err *e)
{
	AUTO_FREE char *path = client_pod_path(id, "");

	return change_send(cli, method, path, body, what, e);
}

static int pod_add(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *body = NULL;
	int r = document_read(args[0], &body, e);

	(void)n;
	return r < 0 ? r : change(cli, HTTP_POST, "", body, "created", e);
}

/* PUT creates a pod that is not there: what changes one asks for it first. */
static int pod_update(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *pod = NULL, *body = NULL;
	int r = document_read(args[1], &body, e);

	(void)n;
	if (r >= 0)
		r = get_pod(cli, args[0], "", &pod, e);
	json_decref(pod);
	if (r >= 0)
		return change(cli, HTTP_PUT, args[0], body, "updated", e);
	json_decref(body);
	return r;
}

static int pod_scale(struct cli *cli, char **args, size_t n, struct err *e)
{
	char *end;
	long instances = strtol(args[1], &end, 10);
	json_t *pod = NULL;
	int r;

	(void)n;
	if (*end || end == args[1] || instances < 0)
		return err_set(e, CLI_MISUSE, "scale pod '%s': '%s' is not a number of instances",
			       args[0], args[1]);
	r = get_pod(cli, args[0], "", &pod, e);
	if (r < 0)
		return r;
	(void)json_object_set_new(json_object_get(pod, "scaling"), "instances",
				  json_integer(instances));
	return change(cli, HTTP_PUT, args[0], pod, "scaling", e);
}

static int pod_remove(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return change(cli, HTTP_DELETE, args[0], NULL, "removing", e);
}

const struct command pod_commands[] = {
	{ "pod", "", "", 0, 0, "quiet", "list pods", pod_list },
	{ "pod", "list", "", 0, 0, "quiet", "list pods", pod_list },
	{ "pod", "show", "ID", 1, 1, "", "one pod, and the containers of its instances", pod_show },
	{ "pod", "add", "FILE", 1, 1, "dry-run wait timeout force quiet",
	  "create from a JSON file, - for stdin", pod_add },
	{ "pod", "update", "ID FILE", 2, 2, "dry-run wait timeout force quiet",
	  "replace its definition by the file", pod_update },
	{ "pod", "scale", "ID N", 2, 2, "dry-run wait timeout force quiet",
	  "change the number of instances", pod_scale },
	{ "pod", "remove", "ID", 1, 1, "dry-run wait timeout force quiet", "stop and forget",
	  pod_remove },
	{ "pod", "versions", "ID", 1, 1, "", "stored versions", pod_versions },
	{ 0 },
};
