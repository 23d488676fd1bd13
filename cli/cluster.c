#include "cli/cluster.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/tasks.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static json_t *find_row(const json_t *rows, const char *key, const char *value)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row) {
		if (strcmp(member_text(row, key), value) == 0)
			return row;
	}
	return NULL;
}

int cluster_node(struct cli *cli, const char *id, json_t **ret, struct err *e)
{
	json_t *reply = NULL, *rows, *row;
	int r;

	r = client_get(cli, NULL, "/slaves", &reply, e);
	if (r < 0)
		return r;
	rows = json_object_get(reply, "slaves");
	if (!id && json_array_size(rows) != 1) {
		r = err_set(e, EINVAL, "name a node: there are %zu (see 'tepui node list')",
			    json_array_size(rows));
		json_decref(reply);
		return r;
	}
	row = id ? find_row(rows, "id", id) : json_array_get(rows, 0);
	if (!row && id)
		row = find_row(rows, "hostname", id);
	*ret = json_incref(row);
	json_decref(reply);
	return row ? 0 : err_set(e, ENOENT, "no node '%s'", id);
}

/* The address that the agent itself told, as Mesos shows it: "slave(1)@127.0.0.1:5051". */
const char *cluster_address(const json_t *node, char buf[CLUSTER_ADDRESS_SIZE])
{
	const char *at = strchr(member_text(node, "pid"), '@');

	if (at)
		(void)snprintf(buf, CLUSTER_ADDRESS_SIZE, "%s", at + 1);
	else
		(void)snprintf(buf, CLUSTER_ADDRESS_SIZE, "%s:%.0f", member_text(node, "hostname"),
			       member_number(node, "port"));
	return buf;
}

/* Has EXECUTOR, as an agent's /state tells of it, the task?  One of a command has its task's id. */
static bool runs_task(const json_t *executor, const char *task_id)
{
	static const char *const lists[] = { "tasks", "queued_tasks", "completed_tasks" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (find_row(json_object_get(executor, lists[i]), "id", task_id))
			return true;
	}
	return strcmp(member_text(executor, "id"), task_id) == 0;
}

/* Sandboxes outlive their containers: completed executors are told, too; borrowed, NULL: none. */
static const json_t *find_executor(const json_t *state, const char *task_id)
{
	static const char *const kinds[] = { "frameworks", "completed_frameworks" };
	static const char *const lists[] = { "executors", "completed_executors" };
	json_t *framework, *executor;
	size_t i, m;

	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		json_array_foreach(json_object_get(state, kinds[kind]), i, framework) {
			for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
				json_array_foreach(json_object_get(framework, lists[k]), m, executor) {
					if (runs_task(executor, task_id))
						return executor;
				}
			}
		}
	}
	return NULL;
}

/*
 * Which container a task is in is told by an agent's /state: those of groups, such as the containers
 * of pods, are in /containers under their executor's id.  *RET: NULL, unless the agent knows the task.
 */
static int container_on(struct cli *cli, const char *address, const char *task_id, json_t **ret,
			struct err *e)
{
	json_t *state = NULL, *rows = NULL;
	const json_t *executor;
	const char *id;
	int r = client_get(cli, address, "/state", &state, e);

	*ret = NULL;
	executor = find_executor(state, task_id);
	id = member_text(executor, "container");
	if (executor)
		r = client_get(cli, address, "/containers", &rows, e);
	if (executor && r >= 0)
		*ret = json_incref(find_row(rows, "container_id", id));
	if (executor && r >= 0 && !*ret)
		*ret = json_pack("{s:s, s:O}", "container_id", id, "executor", executor);
	json_decref(rows);
	json_decref(state);
	return r < 0 ? r : 0;
}

void cluster_name_tasks(json_t *rows, const json_t *state)
{
	json_t *framework, *executor, *row;
	size_t i, k, m;

	json_array_foreach(json_object_get(state, "frameworks"), i, framework) {
		json_array_foreach(json_object_get(framework, "executors"), k, executor) {
			const char *id = member_text(executor, "container");
			const json_t *task = json_array_get(json_object_get(executor, "tasks"), 0);

			json_array_foreach(rows, m, row) {
				if (task && !json_object_get(row, "executor_id") &&
				    strcmp(member_text(row, "container_id"), id) == 0)
					(void)json_object_set(row, "executor_id",
							      json_object_get(task, "id"));
			}
		}
	}
}

int cluster_task(struct cli *cli, const char *task_id, json_t **ret_task, json_t **ret_container,
		 char address[CLUSTER_ADDRESS_SIZE], struct err *e)
{
	json_t *reply = NULL, *node = NULL, *task;
	int r;

	r = tasks_get(cli, &reply, e);
	if (r < 0)
		return r;
	task = json_incref(find_row(json_object_get(reply, "tasks"), "id", task_id));
	json_decref(reply);
	if (!task)
		return err_set(e, ENOENT, "no task '%s'", task_id);
	r = cluster_node(cli, member_text(task, "slaveId"), &node, e);
	if (r >= 0) {
		cluster_address(node, address);
		r = container_on(cli, address, task_id, ret_container, e);
	}
	json_decref(node);
	if (r < 0)
		json_decref(task);
	else
		*ret_task = task;
	return r;
}

int cluster_running(struct cli *cli, const char *task_id, json_t **ret_container,
		    char address[CLUSTER_ADDRESS_SIZE], struct err *e)
{
	json_t *task = NULL;
	int r = cluster_task(cli, task_id, &task, ret_container, address, e);

	json_decref(task);
	if (r == -ENOENT) {
		err_clear(e);
		r = cluster_container(cli, task_id, ret_container, address, e);
	}
	if (r < 0 || (*ret_container && !json_object_get(*ret_container, "executor")))
		return r;
	json_decref(*ret_container);
	*ret_container = NULL;
	return err_set(e, ENOENT, "task '%s' has no container on '%s'", task_id, address);
}

int cluster_container(struct cli *cli, const char *task_id, json_t **ret_container,
		      char address[CLUSTER_ADDRESS_SIZE], struct err *e)
{
	json_t *reply = NULL, *node;
	size_t i;
	int r;

	*ret_container = NULL;
	r = client_get(cli, NULL, "/slaves", &reply, e);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(reply, "slaves"), i, node) {
		if (!json_is_true(json_object_get(node, "active")))
			continue;
		cluster_address(node, address);
		r = container_on(cli, address, task_id, ret_container, e);
		if (r < 0 || *ret_container)
			break;
	}
	json_decref(reply);
	if (r >= 0 && !*ret_container)
		r = err_set(e, ENOENT, "no node knows a task '%s'", task_id);
	return r;
}

/* ---- Paused tasks ---- */

static bool has_paused(const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (json_is_true(json_object_get(json_object_get(row, "tepui"), "paused")))
			return true;
	}
	return false;
}

/* Of the tasks on the agent at ADDRESS. */
static int mark_on(struct cli *cli, const char *address, json_t *tasks, struct err *e)
{
	json_t *rows = NULL, *state = NULL, *row, *task;
	size_t i;
	int r = client_get_soon(cli, address, "/containers", &rows, e);

	if (r >= 0 && has_paused(rows))
		r = client_get_soon(cli, address, "/state", &state, e);
	cluster_name_tasks(rows, state);
	json_array_foreach(rows, i, row) {
		if (!json_is_true(json_object_get(json_object_get(row, "tepui"), "paused")))
			continue;
		task = find_row(tasks, "id", member_text(row, "executor_id"));
		if (task)
			(void)json_object_set_new(task, "paused", json_true());
	}
	json_decref(state);
	json_decref(rows);
	return r < 0 ? r : 0;
}

int cluster_mark_paused(struct cli *cli, json_t *tasks, struct err *e)
{
	json_t *reply = NULL, *node;
	char address[CLUSTER_ADDRESS_SIZE];
	size_t i;
	int r = client_get(cli, NULL, "/slaves", &reply, e);

	json_array_foreach(json_object_get(reply, "slaves"), i, node) {
		if (r >= 0 && json_is_true(json_object_get(node, "active")) &&
		    find_row(tasks, "slaveId", member_text(node, "id")))
			r = mark_on(cli, cluster_address(node, address), tasks, e);
	}
	json_decref(reply);
	return r < 0 ? r : 0;
}
