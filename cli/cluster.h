/* Which node a task is on, and what its agent knows of it. */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include <jansson.h>

struct cli;
struct err;

/* The master's row of a node by its id or hostname; NULL ID: the only node.  New reference. */
int cluster_node(struct cli *cli, const char *id, json_t **ret, struct err *e);

/* "host:port" of a node's row in BUF. */
enum { CLUSTER_ADDRESS_SIZE = 280 };
const char *cluster_address(const json_t *node, char buf[CLUSTER_ADDRESS_SIZE]);

/*
 * The row of tasks_get(), and its agent's row of /containers as cluster_container() has it (NULL: the
 * agent does not know the task).
 */
int cluster_task(struct cli *cli, const char *task_id, json_t **ret_task, json_t **ret_container,
		 char address[CLUSTER_ADDRESS_SIZE], struct err *e);

/*
 * The container of a task that runs, as /containers of its agent has it: a new reference.  Tasks of
 * frameworks, which the controller does not know, are looked for on every node.
 */
int cluster_running(struct cli *cli, const char *task_id, json_t **ret_container,
		    char address[CLUSTER_ADDRESS_SIZE], struct err *e);

/*
 * A task that has ended, or is of a framework, is not in tasks_get(): look for its container on every node.  One that
 * has no container any more has a row with container_id, and executor as the agent's /state tells.
 */
int cluster_container(struct cli *cli, const char *task_id, json_t **ret_container,
		      char address[CLUSTER_ADDRESS_SIZE], struct err *e);

/*
 * Which task a container of a group runs, such as one of a pod, is told by an agent's /state only: name
 * it in ROWS of its /containers, as "executor_id".
 */
void cluster_name_tasks(json_t *rows, const json_t *state);

/* "paused": true of those of TASKS that are, as their agents know. */
int cluster_mark_paused(struct cli *cli, json_t *tasks, struct err *e);

#endif
