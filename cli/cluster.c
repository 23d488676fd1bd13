#include "cli/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/print.h"
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

static int container_on(struct cli *cli, const char *address, const char *task_id, json_t **ret,
			struct err *e)
{
	json_t *rows = NULL;
	int r = client_get(cli, address, "/containers", &rows, e);

	if (r < 0)
		return r;
	*ret = json_incref(find_row(rows, "executor_id", task_id));
	json_decref(rows);
	return 0;
}

int cluster_task(struct cli *cli, const char *task_id, json_t **ret_task, json_t **ret_container,
		 char address[CLUSTER_ADDRESS_SIZE], struct err *e)
{
	json_t *reply = NULL, *node = NULL, *task;
	int r;

	r = client_get(cli, NULL, "/v2/tasks", &reply, e);
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

/* What a framework on an agent has, or had, to run the task; owned, NULL: nothing. */
static json_t *executor_of(const json_t *framework, const char *task_id)
{
	static const char *const lists[] = { "executors", "completed_executors" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		json_t *row = find_row(json_object_get(framework, lists[i]), "id", task_id);

		if (row)
			return json_pack("{s:O, s:O}", "container_id",
					 json_object_get(row, "container"), "executor", row);
	}
	return NULL;
}

/* Sandboxes outlive their containers: an agent's completed executors are told by its /state. */
static int completed_on(struct cli *cli, const char *address, const char *task_id, json_t **ret,
			struct err *e)
{
	static const char *const lists[] = { "frameworks", "completed_frameworks" };
	json_t *state = NULL, *framework;
	size_t i;
	int r = client_get(cli, address, "/state", &state, e);

	if (r < 0)
		return r;
	*ret = NULL;
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		json_array_foreach(json_object_get(state, lists[k]), i, framework) {
			if (!*ret)
				*ret = executor_of(framework, task_id);
		}
	}
	json_decref(state);
	return 0;
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
		if (r >= 0 && !*ret_container)
			r = completed_on(cli, address, task_id, ret_container, e);
		if (r < 0 || *ret_container)
			break;
	}
	json_decref(reply);
	if (r >= 0 && !*ret_container)
		r = err_set(e, ENOENT, "no node knows a task '%s'", task_id);
	return r;
}
