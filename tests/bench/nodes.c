/*
 * Nodes that are sockets, against a running tepui-master: whatever they are given runs at once, and
 * until it is killed.
 *
 *	nodes PORT N RESOURCES
 *
 * N of them with RESOURCES each ("cpus:64;mem:65536;ports:[1-9]").  Says "ready" when all are
 * subscribed, again whenever they are after the master has come back, and ends when its input does.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "tests/bench/fleet_io.h"
#include "tests/bench/messages.h"

enum { N_CALLERS = 16, RETRY_MS = 20, AGENT_ID_SIZE = 64 };

static const char PATH[] = "/api/v1/agent";

/* Kept until its end is acknowledged. */
struct task {
	UT_hash_handle by_id;
	Tepui__AgentEvent *event;	/* owned: RUN_TASK */
	Mesos__V1__TaskState state;
};

struct node {
	struct stream stream;		/* first: it is found by it */
	struct nodes *nodes;
	unsigned number;
	char id[AGENT_ID_SIZE];
	bool is_subscribed, is_closed;
	struct task *tasks;
};

struct nodes {
	struct fleet_io *io;
	struct rng rng;
	Mesos__V1__Resource **resources;
	size_t n_resources;
	struct node *list;
	unsigned n, n_subscribed;
};

static struct task *find(const struct node *node, const char *id)
{
	struct task *task;

	HASH_FIND(by_id, node->tasks, id, strlen(id), task);
	return task;
}

static void update(struct node *node, const struct task *task)
{
	const Tepui__AgentEvent__RunTask *run = task->event->run_task;
	struct bench_agent_call m;
	uint8_t uuid[BENCH_UUID];

	id_uuid_bytes(&node->nodes->rng, uuid);
	bench_agent_update(&m, node->id, run->framework->id->value, run->task->task_id->value,
			   task->state, uuid);
	call_post(node->nodes->io, PATH, node->stream.id, &m.call.base, NULL, NULL);
}

/* ---- what the master says ---- */

static void on_subscribed(struct node *node, const Tepui__AgentEvent *event)
{
	struct task *task, *next;

	(void)snprintf(node->id, sizeof(node->id), "%s", event->subscribed->agent_id->value);
	node->is_subscribed = true;
	node->nodes->n_subscribed++;
	HASH_ITER(by_id, node->tasks, task, next)
		update(node, task);
}

/* Takes EVENT. */
static void on_run(struct node *node, Tepui__AgentEvent *event)
{
	struct task *task = fleet_must(calloc(1, sizeof(*task)));
	const char *id = event->run_task->task->task_id->value;

	task->event = event;
	task->state = MESOS__V1__TASK_STATE__TASK_RUNNING;
	HASH_ADD_KEYPTR(by_id, node->tasks, id, strlen(id), task);
	update(node, task);
}

static void on_kill(struct node *node, const Tepui__AgentEvent *event)
{
	struct task *task = find(node, event->kill_task->task_id->value);

	if (!task)
		return;
	task->state = MESOS__V1__TASK_STATE__TASK_KILLED;
	update(node, task);
}

static void on_acknowledge(struct node *node, const Tepui__AgentEvent *event)
{
	struct task *task = find(node, event->acknowledge->task_id->value);

	if (!task || task->state != MESOS__V1__TASK_STATE__TASK_KILLED)
		return;
	HASH_DELETE(by_id, node->tasks, task);
	tepui__agent_event__free_unpacked(task->event, NULL);
	free(task);
}

static void on_heartbeat(struct node *node)
{
	struct bench_agent_call m;

	bench_agent_init(&m, TEPUI__AGENT_CALL__TYPE__HEARTBEAT, node->id);
	call_post(node->nodes->io, PATH, node->stream.id, &m.call.base, NULL, NULL);
}

static void on_record(struct stream *stream, const void *data, size_t size)
{
	struct node *node = (struct node *)stream;
	Tepui__AgentEvent *event = tepui__agent_event__unpack(NULL, size, data);

	if (!event)
		fleet_die("read an event", "not one");
	if (event->run_task) {
		on_run(node, event);
		return;
	}
	if (event->subscribed)
		on_subscribed(node, event);
	else if (event->kill_task)
		on_kill(node, event);
	else if (event->acknowledge)
		on_acknowledge(node, event);
	else if (event->type == TEPUI__AGENT_EVENT__TYPE__HEARTBEAT)
		on_heartbeat(node);
	else if (event->error)
		fleet_die("subscribe", event->error->message);
	tepui__agent_event__free_unpacked(event, NULL);
}

static void on_closed(struct stream *stream)
{
	struct node *node = (struct node *)stream;

	node->nodes->n_subscribed -= node->is_subscribed;
	node->is_subscribed = false;
	node->is_closed = true;
}

/* ---- subscribing ---- */

/* With what it has. */
static void subscribe(struct node *node)
{
	unsigned n = HASH_CNT(by_id, node->tasks), i = 0;
	Tepui__RunningTask *running = fleet_must(calloc(n + 1, sizeof(*running)));
	Tepui__RunningTask **list = fleet_must(calloc(n + 1, sizeof(*list)));
	struct bench_agent_call m;
	struct task *task, *next;

	bench_agent_subscribe(&m, node->number, node->id[0] ? node->id : NULL, 0, 0);
	m.info.resources = node->nodes->resources;
	m.info.n_resources = node->nodes->n_resources;
	HASH_ITER(by_id, node->tasks, task, next) {
		tepui__running_task__init(&running[i]);
		running[i].framework = task->event->run_task->framework;
		running[i].task = task->event->run_task->task;
		running[i].state = task->state;
		list[i] = &running[i];
		i++;
	}
	m.subscribe.n_tasks = n;
	m.subscribe.tasks = list;
	node->is_closed = false;
	stream_open(node->nodes->io, &node->stream, node->number, PATH, &m.call.base);
	free(list);
	free(running);
}

static void subscribe_closed(struct nodes *nodes)
{
	for (unsigned i = 0; i < nodes->n; i++) {
		if (nodes->list[i].is_closed)
			subscribe(&nodes->list[i]);
	}
}

static struct nodes *make_nodes(uint16_t port, unsigned n, const char *text)
{
	struct nodes *nodes = fleet_must(calloc(1, sizeof(*nodes)));
	struct resources resources = { 0 };
	struct err e = { 0 };

	if (resources_parse(text, &resources, &e) < 0 ||
	    resources_to_messages(&resources, "*", &nodes->resources, &nodes->n_resources) < 0)
		fleet_die("read the resources", e.msg);
	resources_done(&resources);
	rng_seed(&nodes->rng, 1);
	nodes->io = fleet_io_new(port, N_CALLERS);
	nodes->list = fleet_must(calloc(n, sizeof(*nodes->list)));
	nodes->n = n;
	for (unsigned i = 0; i < n; i++)
		nodes->list[i] = (struct node){
			.nodes = nodes, .number = i, .is_closed = true,
			.stream = { .fd = -1, .record = on_record, .closed = on_closed },
		};
	return nodes;
}

static bool has_input_ended(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

int main(int argc, char **argv)
{
	unsigned n = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	bool was_ready = false;
	struct nodes *nodes;

	if (n == 0)
		fleet_die("usage", "nodes PORT N RESOURCES");
	nodes = make_nodes((uint16_t)strtoul(argv[1], NULL, 10), n, argv[3]);
	while (!has_input_ended()) {
		subscribe_closed(nodes);
		fleet_poll(nodes->io, RETRY_MS);
		if (nodes->n_subscribed == n && !was_ready)
			printf("ready\n");
		was_ready = nodes->n_subscribed == n;
		(void)fflush(stdout);
	}
	return EXIT_SUCCESS;
}
