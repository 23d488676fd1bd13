/* tepui task: the instances of apps, and the containers of those of pods. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/control.h"
#include "cli/exec.h"
#include "cli/list.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/task_log.h"
#include "cli/tasks.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

static bool is_of_app(const json_t *task, const char *app)
{
	const char *id = tasks_owner(task);

	return !app || strcmp(id + (*id == '/'), app + (*app == '/')) == 0;
}

enum { PORTS_SIZE = 128 };
static const char *format_ports(const json_t *ports, char buf[PORTS_SIZE])
{
	size_t i, used = 0;
	json_t *port;

	*buf = '\0';
	json_array_foreach(ports, i, port) {
		int n = snprintf(buf + used, PORTS_SIZE - used, "%s%" JSON_INTEGER_FORMAT,
				 i ? "," : "", json_integer_value(port));

		if (n < 0 || (size_t)n >= PORTS_SIZE - used)
			break;
		used += (size_t)n;
	}
	return buf;
}

/* Of several checks one may have told nothing yet. */
static bool is_silent(const json_t *result)
{
	return json_is_null(json_object_get(result, "lastSuccess")) &&
	       json_is_null(json_object_get(result, "lastFailure"));
}

static const char *health_of(const json_t *results, enum table_color *ret_color)
{
	bool is_known = json_array_size(results) > 0;
	json_t *result;
	size_t i;

	*ret_color = TABLE_BAD;
	json_array_foreach(results, i, result) {
		if (is_silent(result))
			is_known = false;
		else if (!json_is_true(json_object_get(result, "alive")))
			return "unhealthy";
	}
	*ret_color = is_known ? TABLE_GOOD : TABLE_FAINT;
	return is_known ? "healthy" : "-";
}

static void state_cell(struct table *table, const json_t *task)
{
	const char *state = member_text(task, "state");
	bool is_running = strcmp(state, "TASK_RUNNING") == 0;

	bool is_paused = json_is_true(json_object_get(task, "paused"));

	table_cell(table, is_running && !is_paused ? TABLE_GOOD : TABLE_BUSY, "%s%s",
		   strncmp(state, "TASK_", 5) == 0 ? state + 5 : state,
		   is_paused ? ", paused" : "");
}

static void health_cell(struct table *table, const json_t *task)
{
	enum table_color color;
	const char *health = health_of(json_object_get(task, "healthCheckResults"), &color);

	table_cell(table, color, "%s", health);
}

static void ports_cell(struct table *table, const json_t *task)
{
	char ports[PORTS_SIZE];

	table_cell(table, TABLE_PLAIN, "%s", format_ports(json_object_get(task, "ports"), ports));
}

static void owner_cell(struct table *table, const json_t *task)
{
	table_cell(table, TABLE_PLAIN, "%s", tasks_owner(task));
}

/* Leaves only the tasks of APP, unless that is NULL. */
static void filter_tasks(json_t *tasks, const char *app)
{
	for (size_t i = json_array_size(tasks); i > 0; i--) {
		if (!is_of_app(json_array_get(tasks, i - 1), app))
			(void)json_array_remove(tasks, i - 1);
	}
}

/* No task may mean that there is no such app. */
static int check_owner(struct cli *cli, const char *id, struct err *e)
{
	AUTO_FREE char *app = client_app_path(id, ""), *pod = client_pod_path(id, "");
	const char *const paths[] = { app, pod };
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && r == -ENOENT; i++) {
		json_t *reply = NULL;

		err_clear(e);
		r = paths[i] ? client_get(cli, NULL, paths[i], &reply, e)
			     : err_set(e, ENOMEM, "build a path");
		json_decref(reply);
	}
	if (r != -ENOENT)
		return r;
	err_clear(e);
	return err_set(e, ENOENT, "no app or pod '%s'", id);
}

static const struct list_column task_columns[] = {
	{ "TASK", .text = "id" },
	{ "APP OR POD", .cell = owner_cell },
	{ "STATE", .cell = state_cell },
	{ "HEALTH", .cell = health_cell },
	{ "HOST", .text = "host" },
	{ "PORTS", .cell = ports_cell },
	{ "AGE", .since = "startedAt", .is_right = true },
	/* While there are canaries, they are told from the others. */
	{ "WEIGHT", .number = "weight", .is_right = true, .if_any = "weight" },
	{ "VERSION", .text = "version", .if_any = "weight" },
	{ 0 },
};

/* The list is as good without: some nodes may be out of reach from here. */
static void mark_paused(struct cli *cli, json_t *tasks)
{
	struct err e = { 0 };

	if (cluster_mark_paused(cli, tasks, &e) < 0)
		fprintf(stderr, "warning: which tasks are paused is not known of all: %s\n", e.msg);
}

static int task_list(struct cli *cli, char **args, size_t n, struct err *e)
{
	static const struct list list = { .columns = task_columns, .if_empty = "no tasks", .key = "id" };
	const char *owner = n > 0 ? args[0] : cli->options.app;
	json_t *reply = NULL, *tasks;
	int r;

	r = tasks_get(cli, &reply, e);
	if (r < 0)
		return r;
	tasks = json_object_get(reply, "tasks");
	filter_tasks(tasks, owner);
	if (owner && json_array_size(tasks) == 0)
		r = check_owner(cli, owner, e);
	if (r >= 0 && !cli->options.json && !cli->options.quiet)
		mark_paused(cli, tasks);
	if (r >= 0)
		list_print(cli, &list, reply, tasks);
	json_decref(reply);
	return r < 0 ? r : 0;
}

/* Why the first health check that fails does; "" if none. */
static const char *unhealthy_why(const json_t *results)
{
	json_t *result;
	size_t i;

	json_array_foreach(results, i, result) {
		if (!json_is_true(json_object_get(result, "alive")) && !is_silent(result))
			return member_text(result, "lastFailureCause");
	}
	return "";
}

/* What the master knows of a task that lives. */
static void print_task_details(const json_t *task)
{
	const json_t *results = json_object_get(task, "healthCheckResults");
	const json_t *volumes = json_object_get(task, "localVolumes");
	const json_t *addresses = json_object_get(task, "ipAddresses");
	const char *why = unhealthy_why(results);
	char age[HUMAN_SIZE], ports[PORTS_SIZE];
	enum table_color ignored;

	print_field("task", "%s", member_text(task, "id"));
	if (*member_text(task, "podId"))
		print_field("pod", "%s, container %s", member_text(task, "podId"),
			    member_text(task, "container"));
	else
		print_field("app", "%s", member_text(task, "appId"));
	print_field("version", "%s", member_text(task, "version"));
	if (json_object_get(task, "weight"))
		print_field("weight", "%.0f, beside the other tasks of its services",
			    member_number(task, "weight"));
	print_field("state", "%s", member_text(task, "state"));
	print_field("health", "%s%s%s", health_of(results, &ignored), *why ? ": " : "", why);
	print_field("host", "%s", member_text(task, "host"));
	print_field("ports", "%s", format_ports(json_object_get(task, "ports"), ports));
	for (size_t i = 0; i < json_array_size(addresses); i++)
		print_field(i == 0 ? "addresses" : "", "%s",
			    member_text(json_array_get(addresses, i), "ipAddress"));
	print_field("started", "%s ago", human_since(member_text(task, "startedAt"), age));
	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);

		print_field(i == 0 ? "volumes" : "", "%s persistent, %s",
			    member_text(volume, "containerPath"),
			    member_text(volume, "persistenceId"));
	}
}

/* What its agent knows. */
static void print_container(const json_t *container)
{
	const json_t *statistics = json_object_get(container, "statistics");
	const json_t *ours = json_object_get(container, "tepui");
	char used[HUMAN_SIZE], peak[HUMAN_SIZE], limit[HUMAN_SIZE];

	print_field("container", "%s", member_text(container, "container_id"));
	print_field("pid", "%.0f%s", member_number(ours, "pid"),
		    json_is_true(json_object_get(ours, "paused")) ? " (paused)" : "");
	print_field("memory", "%s used, %s at most, limit %s",
		    human_bytes((uint64_t)member_number(statistics, "mem_total_bytes"), used),
		    human_bytes((uint64_t)member_number(ours, "mem_peak_bytes"), peak),
		    human_bytes((uint64_t)member_number(statistics, "mem_limit_bytes"), limit));
	print_field("cpu", "%.2fs user, %.2fs system",
		    member_number(statistics, "cpus_user_time_secs"),
		    member_number(statistics, "cpus_system_time_secs"));
	print_field("sandbox", "%s", member_text(ours, "sandbox"));
}

/* What its agent remembers of a task that the master has forgotten. */
static void print_ended_task(const json_t *container, const char *id, const char *address)
{
	const json_t *executor = json_object_get(container, "executor");
	const json_t *task = json_array_get(json_object_get(executor, "completed_tasks"), 0);
	const json_t *status = json_array_get(json_object_get(task, "statuses"), 0);
	double ended = member_number(status, "timestamp");
	char age[HUMAN_SIZE];

	print_field("task", "%s", id);
	print_field("state", "%s", *member_text(task, "state") ? member_text(task, "state") :
		    "ended");
	if (ended > 0)
		print_field("ended", "%s ago",
			    human_duration(clock_wall_ms() - (int64_t)(ended * 1000), age));
	if (*member_text(status, "message"))
		print_field("message", "%s", member_text(status, "message"));
	print_field("agent", "%s", address);
	print_field("container", "%s", member_text(container, "container_id"));
	print_field("sandbox", "%s", member_text(executor, "directory"));
	if (strcmp(member_text(task, "state"), "TASK_ERROR") != 0)	/* that one never ran */
		print_field("", "see: tepui task log %s --stderr", id);
}

/* One of a framework, or one whose end the master has told of already. */
static void print_other_task(const json_t *container, const char *id, const char *address)
{
	print_field("task", "%s", id);
	print_field("framework", "%s", member_text(container, "framework_id"));
	print_field("agent", "%s", address);
	print_container(container);
}

static int show_other_task(struct cli *cli, const char *id, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *container = NULL;
	int r = cluster_container(cli, id, &container, address, e);

	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(container);
	else if (json_object_get(container, "executor"))
		print_ended_task(container, id, address);
	else
		print_other_task(container, id, address);
	json_decref(container);
	return 0;
}

static int task_show(struct cli *cli, char **args, size_t n, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *task = NULL, *container = NULL;
	int r;

	(void)n;
	r = cluster_task(cli, args[0], &task, &container, address, e);
	if (r == -ENOENT) {
		err_clear(e);
		return show_other_task(cli, args[0], e);
	}
	if (r < 0)
		return r;
	if (cli->options.json) {
		json_t *both = json_pack("{s:O, s:O?}", "task", task, "container", container);

		print_json(both);
		json_decref(both);
	} else {
		print_task_details(task);
		if (container && !json_object_get(container, "executor"))
			print_container(container);
	}
	json_decref(task);
	json_decref(container);
	return 0;
}

static int task_pid(struct cli *cli, char **args, size_t n, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *container = NULL;
	double pid;
	int r;

	(void)n;
	r = cluster_running(cli, args[0], &container, address, e);
	if (r < 0)
		return r;
	pid = member_number(json_object_get(container, "tepui"), "pid");
	if (pid > 0)
		printf("%.0f\n", pid);
	else
		r = err_set(e, ENOENT, "task '%s' has no process on '%s'", args[0], address);
	json_decref(container);
	return r;
}

static int task_kill(struct cli *cli, char **args, size_t n, struct err *e)
{
	char query[64];
	struct reply reply;
	json_t *body = json_object(), *ids = json_array();
	int r;

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(ids, json_string(args[i]));
	(void)json_object_set_new(body, "ids", ids);
	(void)snprintf(query, sizeof(query), "/v2/tasks/delete?scale=%s&wipe=%s&force=%s",
		       cli->options.scale ? "true" : "false", cli->options.wipe ? "true" : "false",
		       cli->options.force ? "true" : "false");
	r = client_call(cli, NULL, HTTP_POST, query, body, &reply, e);
	json_decref(body);
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(reply.json);
	else if (!cli->options.scale && json_array_size(json_object_get(reply.json, "tasks")) == 0)
		r = err_set(e, ENOENT, "no task '%s'", args[0]);
	else
		puts("killing");
	reply_done(&reply);
	return r;
}

const struct command task_commands[] = {
	{ "task", "", "[ID]", 0, 1, "app quiet", "list tasks, or those of an app or a pod", task_list },
	{ "task", "list", "[ID]", 0, 1, "app quiet", "the same", task_list },
	{ "task", "show", "ID", 1, 1, "", "one task, with what it uses, or how it ended", task_show },
	{ "task", "pid", "ID", 1, 1, "", "pid of its main process on its node", task_pid },
	{ "task", "log", "ID", 1, 1, "stderr follow",
	  "its output, as far back as files of it are kept", task_log },
	{ "task", "exec", "ID -- COMMAND ...", 2, 1000, "interactive tty",
	  "run a command beside it; its exit status is passed on, 125 is ours", task_exec },
	{ "task", "attach", "ID", 1, 1, "interactive",
	  "its output as it comes; with -i its terminal too, until Ctrl-P Ctrl-Q", task_attach },
	{ "task", "pause", "ID", 1, 1, "quiet", "stop all of its processes", task_pause },
	{ "task", "resume", "ID", 1, 1, "quiet", "let them go on", task_resume },
	{ "task", "signal", "ID SIGNAL", 2, 2, "quiet", "to its main process: HUP, USR1, 10", task_signal },
	{ "task", "resize", "ID", 1, 1, "cpus mem quiet",
	  "give it other resources as it runs; new instances are as the app says", task_resize },
	{ "task", "kill", "ID ...", 1, 100, "scale wipe force",
	  "end tasks; replaced unless --scale", task_kill },
	{ 0 },
};
