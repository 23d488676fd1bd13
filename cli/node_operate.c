#include "cli/node_operate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster.h"
#include "cli/print.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { POLL_MS = 100, NS_PER_MS = 1000000 };

/* POST /api/v1 to ADDRESS (NULL: the master) with BODY, which is given up, as the member that the call has. */
static int call_at(struct cli *cli, const char *address, const char *type, const char *member,
		   json_t *body_take, json_t **ret, struct err *e)
{
	json_t *request = json_pack("{s:s}", "type", type);
	struct reply reply;
	int r;

	if (!request || (body_take && json_object_set(request, member, body_take) < 0))
		r = err_set(e, ENOMEM, "make call %s", type);
	else
		r = client_call(cli, address, HTTP_POST, "/api/v1", request, &reply, e);
	json_decref(request);
	json_decref(body_take);
	if (r < 0)
		return r;
	if (ret)
		*ret = json_incref(json_object_get(reply.json, member));
	reply_done(&reply);
	return 0;
}

int node_call(struct cli *cli, const char *type, const char *member, json_t *body_take, json_t **ret,
	      struct err *e)
{
	return call_at(cli, NULL, type, member, body_take, ret, e);
}

/* ---- nodes ---- */

/* By its id, or by a hostname that only one of those that may come back has.  New reference. */
static int find_node(struct cli *cli, const char *name, json_t **ret, struct err *e)
{
	static const char *const lists[] = { "slaves", "recovered_slaves", "unreachable_slaves" };
	json_t *reply = NULL, *node, *found = NULL;
	size_t i, n = 0;
	int r = client_get(cli, NULL, "/slaves", &reply, e);

	for (size_t k = 0; r >= 0 && k < ARRAY_SIZE(lists); k++) {
		json_array_foreach(json_object_get(reply, lists[k]), i, node) {
			if (strcmp(member_text(node, "id"), name) != 0 &&
			    strcmp(member_text(node, "hostname"), name) != 0)
				continue;
			found = node;
			n++;
		}
	}
	if (r >= 0 && n == 0)
		r = err_set(e, ENOENT, "no node '%s'", name);
	else if (n > 1)
		r = err_set(e, EINVAL, "%zu nodes are called '%s': name one by its id", n, name);
	else
		*ret = json_incref(found);
	json_decref(reply);
	return r;
}

static int operate(struct cli *cli, const char *name, const char *type, const char *member,
		   json_t *more_take, const char *done, struct err *e)
{
	json_t *node = NULL;
	int r = find_node(cli, name, &node, e);

	if (r >= 0) {
		json_object_set_new(more_take, "agent_id",
				    json_pack("{s:O}", "value", json_object_get(node, "id")));
		r = node_call(cli, type, member, json_incref(more_take), NULL, e);
	}
	if (r >= 0 && !cli->options.quiet)
		printf("node %s on %s %s\n", member_text(node, "id"),
		       member_text(node, "hostname"), done);
	json_decref(node);
	json_decref(more_take);
	return r;
}

/* 1: it still drains; 0: it is drained, or gone. */
static int look(struct cli *cli, const char *name, struct err *e)
{
	json_t *node = NULL;
	const char *state;
	int r = find_node(cli, name, &node, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	state = member_text(json_object_get(node, "drain_info"), "state");
	r = r < 0 ? r : strcmp(state, "DRAINING") == 0;
	json_decref(node);
	return r;
}

static int wait_drained(struct cli *cli, const char *name, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * NS_PER_MS };
	int64_t deadline = clock_boot_ms() + cli->options.timeout_ms;
	int r;

	while ((r = look(cli, name, e)) > 0) {
		if (clock_boot_ms() > deadline)
			return err_set(e, ETIMEDOUT, "wait for node '%s': its tasks have not ended"
				       " after the time given by --timeout", name);
		(void)nanosleep(&pause, NULL);
	}
	return r;
}

/* The ids of the apps' tasks on NODE, as the body of what kills them. */
static int list_tasks(struct cli *cli, const json_t *node, json_t **ret, struct err *e)
{
	json_t *reply = NULL, *ids = json_array(), *task;
	size_t i;
	int r = client_get(cli, NULL, "/v2/tasks", &reply, e);

	json_array_foreach(json_object_get(reply, "tasks"), i, task) {
		if (strcmp(member_text(task, "slaveId"), member_text(node, "id")) == 0)
			(void)json_array_append(ids, json_object_get(task, "id"));
	}
	json_decref(reply);
	if (r >= 0)
		*ret = json_incref(ids);
	json_decref(ids);
	return r;
}

/* 1: some of its apps' tasks are there yet, but each will go when another is good in its place. */
static int replace_tasks(struct cli *cli, const json_t *node, struct err *e)
{
	json_t *ids = NULL, *body;
	struct reply reply;
	int r = list_tasks(cli, node, &ids, e);

	if (r >= 0)
		r = json_array_size(ids) > 0;
	if (r > 0) {
		body = json_pack("{s:O}", "ids", ids);
		r = client_call(cli, NULL, HTTP_POST, "/v2/tasks/delete?replaceFirst=true", body,
				&reply, e);
		json_decref(body);
		if (r >= 0)
			reply_done(&reply);
		r = r < 0 ? r : 1;
	}
	json_decref(ids);
	return r;
}

/* Offered no more, it gets none of the others. */
static int empty_node(struct cli *cli, const char *name, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * NS_PER_MS };
	int64_t deadline = clock_boot_ms() + cli->options.timeout_ms;
	json_t *node = NULL;
	int r = find_node(cli, name, &node, e);

	if (r >= 0)
		r = operate(cli, name, "DEACTIVATE_AGENT", "deactivate_agent", json_object(),
			    "is offered no more", e);
	while (r >= 0 && (r = replace_tasks(cli, node, e)) > 0) {
		if (clock_boot_ms() > deadline)
			r = err_set(e, ETIMEDOUT, "drain node '%s': others have not come up in "
				    "the places of its tasks after the time given by --timeout; "
				    "it is deactivated, and its tasks run on", name);
		else
			(void)nanosleep(&pause, NULL);
	}
	json_decref(node);
	return r;
}

int node_drain(struct cli *cli, char **args, size_t n, struct err *e)
{
	int64_t grace = cli->options.grace_ms;
	json_t *body = json_pack("{s:b}", "mark_gone", cli->options.gone);
	int r = cli->options.replace_first ? empty_node(cli, args[0], e) : 0;

	(void)n;
	if (r < 0) {
		json_decref(body);
		return r;
	}
	if (grace >= 0)
		json_object_set_new(body, "max_grace_period",
				    json_pack("{s:I, s:I}", "seconds", (json_int_t)(grace / 1000),
					      "nanos", (json_int_t)(grace % 1000 * NS_PER_MS)));
	r = operate(cli, args[0], "DRAIN_AGENT", "drain_agent", body, "is draining", e);
	return r < 0 || !cli->options.wait ? r : wait_drained(cli, args[0], e);
}

int node_deactivate(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return operate(cli, args[0], "DEACTIVATE_AGENT", "deactivate_agent", json_object(),
		       "is offered no more", e);
}

int node_reactivate(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return operate(cli, args[0], "REACTIVATE_AGENT", "reactivate_agent", json_object(),
		       "is offered again", e);
}

int node_gone(struct cli *cli, char **args, size_t n, struct err *e)
{
	(void)n;
	return operate(cli, args[0], "MARK_AGENT_GONE", "mark_agent_gone", json_object(),
		       "is gone for good", e);
}

int node_prune(struct cli *cli, char **args, size_t n, struct err *e)
{
	char address[CLUSTER_ADDRESS_SIZE];
	json_t *node = NULL, *kept = json_array();
	int r = kept ? cluster_node(cli, args[0], &node, e) : err_set(e, ENOMEM, "prune images");

	for (size_t i = 1; i < n && r >= 0; i++) {
		if (json_array_append_new(kept, json_pack("{s:s, s:{s:s}}", "type", "DOCKER",
							  "docker", "name", args[i])) < 0)
			r = err_set(e, EINVAL, "keep image '%.200s': not UTF-8", args[i]);
	}
	if (r >= 0)
		r = call_at(cli, cluster_address(node, address), "PRUNE_IMAGES", "prune_images",
			    json_pack("{s:O}", "excluded_images", kept), NULL, e);
	if (r >= 0 && !cli->options.quiet)
		printf("node %s on %s has no images but those that run or are kept\n",
		       member_text(node, "id"), member_text(node, "hostname"));
	json_decref(node);
	json_decref(kept);
	return r;
}
