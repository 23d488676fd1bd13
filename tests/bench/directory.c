/*
 * What the master's directory takes, on one cpu and without sockets: memory of its entries, and the
 * time to tell agents of it, packed as their streams have it.
 *
 *	directory AGENTS TASKS ROUNDS
 *		TASKS running tasks on each of AGENTS agents, ten behind each service; a round is one of
 *		them that is found unhealthy or healthy again, told to all agents
 *
 * Prints: agents, endpoints, services, kB an endpoint beside its task, ms and MB of all of it for an
 * agent that is new, ms a round (median, p99, worst).
 */
#include <malloc.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/master.h"
#include "tests/bench/figures.h"
#include "tests/bench/messages.h"

enum { ID_SIZE = 128, EVENTS_A_TURN = 5000, BACKENDS = 10, MAX_ROUNDS = 100000 };

struct agent {
	char id[ID_SIZE];
};

struct sim {
	struct master *master;
	struct store *store;
	struct rng rng;
	struct agent *agents, newcomer;
	unsigned n_agents, tasks_each, n_rounds;
	uint8_t *packed;
	size_t room, n_bytes;		/* packed since it was cleared */
};

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	struct sim *sim = arg;
	struct agent *agent = stream;
	size_t size = tepui__agent_event__get_packed_size(event);

	if (event->subscribed)
		(void)snprintf(agent->id, sizeof(agent->id), "%s", event->subscribed->agent_id->value);
	if (size > sim->room)
		sim->packed = must(realloc(sim->packed, sim->room = size));
	sim->n_bytes += tepui__agent_event__pack(event, sim->packed);
}

static int64_t on_wall(void *arg)
{
	(void)arg;
	return 1600000000000;
}

static void turn(struct sim *sim)
{
	struct err e = { 0 };

	master_turn(sim->master, 1000000);
	if (store_commit(sim->store, &e) < 0)
		die(e.msg);
}

static void start(struct sim *sim)
{
	const struct master_io io = {
		.agent_event = on_agent_event, .agent_close = on_agent_close,
		.explain = on_explain, .wall_ms = on_wall, .arg = sim,
	};
	struct master_options options = master_default_options;
	struct err e = { 0 };

	options.agent_ping_ms = INT64_MAX / 4;
	rng_seed(&sim->rng, 1);
	if (store_open_memory(&sim->store, &e) < 0 ||
	    master_new(&options, &io, sim->store, &sim->rng, 1000000, &sim->master, &e) < 0)
		die(e.msg);
}

static void subscribe(struct sim *sim, struct agent *agent, unsigned number)
{
	struct bench_agent_call m;
	struct err e = { 0 };
	char address[32];

	bench_agent_subscribe(&m, number, NULL, 24, 24576);
	(void)snprintf(address, sizeof(address), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
		       number & 255);
	m.subscribe.address = address;
	m.subscribe.has_takes_directory = m.subscribe.takes_directory = true;
	if (master_agent_subscribe(sim->master, &m.call, agent, 1000000, &e) < 0)
		die(e.msg);
}

/* A task that an agent brings, with all that it points to. */
struct brought {
	struct bench_agent_call call;
	Tepui__RunningTask running;
	Mesos__V1__FrameworkInfo framework;
	Mesos__V1__FrameworkID framework_id;
	Mesos__V1__TaskInfo task;
	Mesos__V1__TaskID task_id;
	Mesos__V1__AgentID agent_id;
	Mesos__V1__CommandInfo command;
	Mesos__V1__DiscoveryInfo discovery;
	Mesos__V1__Ports ports;
	Mesos__V1__Port port, *port_list[1];
	Mesos__V1__Labels labels;
	Mesos__V1__Label label, *label_list[1];
	Mesos__V1__TaskStatus status;
	char name[BENCH_TASK_ID], service[32], vip[32];
};

static void describe(struct brought *m, char *agent_id, unsigned number, bool is_healthy)
{
	static char framework_id[] = "c0ffee00-0000-4000-8000-000000000000-0000", user[] = "root";
	static char name[] = "marathon", command[] = "true", http[] = "http", key[] = "VIP_0";

	bench_agent_init(&m->call, TEPUI__AGENT_CALL__TYPE__TASK, agent_id);
	tepui__running_task__init(&m->running);
	mesos__v1__framework_info__init(&m->framework);
	mesos__v1__framework_id__init(&m->framework_id);
	mesos__v1__task_info__init(&m->task);
	mesos__v1__task_id__init(&m->task_id);
	mesos__v1__agent_id__init(&m->agent_id);
	mesos__v1__command_info__init(&m->command);
	mesos__v1__discovery_info__init(&m->discovery);
	mesos__v1__ports__init(&m->ports);
	mesos__v1__port__init(&m->port);
	mesos__v1__labels__init(&m->labels);
	mesos__v1__label__init(&m->label);
	mesos__v1__task_status__init(&m->status);
	(void)snprintf(m->name, sizeof(m->name), "app-%u.instance-%u", number / BACKENDS, number);
	(void)snprintf(m->service, sizeof(m->service), "app-%u", number / BACKENDS);
	(void)snprintf(m->vip, sizeof(m->vip), "/app-%u:80", number / BACKENDS);
	m->framework_id.value = framework_id;
	m->framework.id = &m->framework_id;
	m->framework.user = user;
	m->framework.name = name;
	m->task_id.value = m->name;
	m->agent_id.value = agent_id;
	m->command.value = command;
	m->task.name = m->service;
	m->task.task_id = &m->task_id;
	m->task.agent_id = &m->agent_id;
	m->task.command = &m->command;
	m->label.key = key;
	m->label.value = m->vip;
	m->label_list[0] = &m->label;
	m->labels.labels = m->label_list;
	m->labels.n_labels = 1;
	m->port.name = http;
	m->port.number = 31000 + number % 1000;
	m->port.labels = &m->labels;
	m->port_list[0] = &m->port;
	m->ports.ports = m->port_list;
	m->ports.n_ports = 1;
	m->discovery.name = m->service;
	m->discovery.ports = &m->ports;
	m->task.discovery = &m->discovery;
	m->status.task_id = &m->task_id;
	m->status.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
	m->status.has_healthy = true;
	m->status.healthy = is_healthy;
	m->running.framework = &m->framework;
	m->running.task = &m->task;
	m->running.status = &m->status;
	m->running.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
	m->call.call.task = &m->running;
}

/* HAS_PORTS: or nothing but a task, for comparison. */
static void bring(struct sim *sim, unsigned number, bool is_healthy, bool has_ports)
{
	static struct brought m;
	struct err e = { 0 };

	describe(&m, sim->agents[number % sim->n_agents].id, number, is_healthy);
	if (!has_ports)
		m.ports.n_ports = 0;
	if (master_agent_call(sim->master, &m.call.call, 1000000, &e) < 0)
		die(e.msg);
}

/* In kB, of what is allocated: what an earlier run has given back may still be the process's. */
static double memory_kb(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd) / 1024;
}

/* All tasks; what they take. */
static double fill(struct sim *sim, bool has_ports)
{
	unsigned n = sim->n_agents * sim->tasks_each;
	double before = memory_kb();

	for (unsigned i = 0; i < n; i++) {
		bring(sim, i, true, has_ports);
		if (i % EVENTS_A_TURN == EVENTS_A_TURN - 1)
			turn(sim);
	}
	turn(sim);
	return (memory_kb() - before) / n;
}

static void stop(struct sim *sim)
{
	master_free(sim->master);
	store_close(sim->store);
}

/* Until everybody has been told all that there is. */
static void settle(struct sim *sim)
{
	size_t before;

	do {
		before = sim->n_bytes;
		turn(sim);
	} while (sim->n_bytes > before);
}

/* With the agents, and nothing else. */
static void begin(struct sim *sim)
{
	start(sim);
	for (unsigned i = 0; i < sim->n_agents; i++)
		subscribe(sim, &sim->agents[i], i);
	settle(sim);
}

static void run(struct sim *sim, double kb_without)
{
	double *seconds = must(calloc(sim->n_rounds, sizeof(double))), began, whole;
	double kb = fill(sim, true) - kb_without;
	size_t n_whole;

	settle(sim);
	sim->n_bytes = 0;
	began = now();
	subscribe(sim, &sim->newcomer, sim->n_agents);
	turn(sim);
	whole = now() - began;
	n_whole = sim->n_bytes;
	for (unsigned i = 0; i < sim->n_rounds; i++) {
		began = now();
		bring(sim, i / 2, i % 2, true);
		turn(sim);
		seconds[i] = now() - began;
	}
	sort_times(seconds, sim->n_rounds);
	printf("directory %u %u %u %.2f %.1f %.2f %.3f %.3f %.3f\n", sim->n_agents,
	       sim->n_agents * sim->tasks_each, sim->n_agents * sim->tasks_each / BACKENDS, kb,
	       whole * 1e3, (double)n_whole / (1 << 20), seconds[sim->n_rounds / 2] * 1e3,
	       seconds[sim->n_rounds - 1 - sim->n_rounds / 100] * 1e3,
	       seconds[sim->n_rounds - 1] * 1e3);
	free(seconds);
}

int main(int argc, char **argv)
{
	struct sim sim = { .n_agents = 0 };
	double kb_without;

	if (argc == 4) {
		sim.n_agents = (unsigned)strtoul(argv[1], NULL, 10);
		sim.tasks_each = (unsigned)strtoul(argv[2], NULL, 10);
		sim.n_rounds = (unsigned)strtoul(argv[3], NULL, 10);
	}
	if (!sim.n_agents || !sim.tasks_each || !sim.n_rounds || sim.n_rounds > MAX_ROUNDS)
		die("usage: directory AGENTS TASKS ROUNDS");
	sim.agents = must(calloc(sim.n_agents, sizeof(*sim.agents)));
	begin(&sim);
	kb_without = fill(&sim, false);
	stop(&sim);
	begin(&sim);
	run(&sim, kb_without);
	stop(&sim);
	free(sim.agents);
	free(sim.packed);
	return EXIT_SUCCESS;
}
