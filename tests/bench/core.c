/*
 * How much the whole core of the master does, on one cpu and without sockets: agents and frameworks
 * are structs, the clock is virtual, the store is in memory.
 *
 *	core decline AGENTS FRAMEWORKS ROUNDS
 *		as of the allocator alone (allocator.c), but offers are events and declined by calls
 *	core place AGENTS TASKS WAVES
 *		ACCEPT, RUN_TASK, RUNNING, ACKNOWLEDGE for TASKS tasks on each agent, and then the same
 *		with FINISHED; a round is a wave
 *	core memory AGENTS TASKS
 *		what TASKS running tasks on each agent take, in kB an agent and kB a task
 *
 * The first two print one line: shape, sizes, rounds, what was done, milliseconds a round (median, p99, worst).
 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/master.h"
#include "master_stub/scheduler.h"
#include "tests/bench/figures.h"
#include "tests/bench/messages.h"

enum { ID_SIZE = 128, EVENTS_A_TURN = 5000 };

struct agent {
	char id[ID_SIZE];
	unsigned number;
};

/* One that an agent was told to run, and is to be told of. */
struct run {
	struct agent *agent;
	char task_id[BENCH_TASK_ID];
};

struct framework {
	struct sim *sim;
	struct scheduler *scheduler;
	char id[ID_SIZE];
};

struct offer {
	struct framework *framework;
	char id[ID_SIZE], agent_id[ID_SIZE];
};

struct sim {
	struct master *master;
	struct store *store;
	struct rng rng;
	int64_t now_ms;
	struct agent *agents;
	struct framework *frameworks;
	struct offer *offers;		/* that are not answered */
	struct run *runs;
	unsigned n_agents, n_frameworks, n_offers, n_runs, max_runs;
	unsigned long n_tasks, n_done, n_acknowledged;
	double *seconds;
	unsigned n_rounds;
};

static void copy_id(char id[ID_SIZE], const char *from)
{
	(void)snprintf(id, ID_SIZE, "%s", from);
}

/* ---- what the core tells ---- */

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	struct sim *sim = arg;
	struct agent *agent = stream;
	struct run *run = &sim->runs[sim->n_runs];

	if (event->type == TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED)
		copy_id(agent->id, event->subscribed->agent_id->value);
	if (event->type != TEPUI__AGENT_EVENT__TYPE__RUN_TASK)
		return;
	if (sim->n_runs == sim->max_runs)
		die("more tasks than were asked for");
	run->agent = agent;
	(void)snprintf(run->task_id, sizeof(run->task_id), "%s",
		       event->run_task->task->task_id->value);
	sim->n_runs++;
}

static int64_t on_wall(void *arg)
{
	const struct sim *sim = arg;

	return sim->now_ms + 1600000000000;
}

static void call(struct framework *framework, const struct bench_call *m)
{
	struct err e = { 0 };

	if (scheduler_call(framework->scheduler, &m->call, framework->sim->now_ms, &e) < 0)
		die(e.msg);
}

static void keep_offers(struct framework *framework,
			const Mesos__V1__Scheduler__Event__Offers *offers)
{
	struct sim *sim = framework->sim;

	for (size_t i = 0; i < offers->n_offers; i++) {
		struct offer *offer = &sim->offers[sim->n_offers++];

		if (sim->n_offers > sim->n_agents)
			die("more offers than agents");
		offer->framework = framework;
		copy_id(offer->id, offers->offers[i]->id->value);
		copy_id(offer->agent_id, offers->offers[i]->agent_id->value);
	}
}

static void on_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct framework *framework = arg;
	static struct bench_call m;

	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS)
		keep_offers(framework, event->offers);
	if (event->type != MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE)
		return;
	if (!event->update->status->has_uuid)
		die(event->update->status->message ? event->update->status->message : "no uuid");
	bench_acknowledge(&m, framework->id, event->update->status);
	call(framework, &m);
	framework->sim->n_acknowledged++;
}

/* ---- the cluster ---- */

static void turn(struct sim *sim)
{
	struct err e = { 0 };

	master_turn(sim->master, sim->now_ms);
	if (store_commit(sim->store, &e) < 0)
		die(e.msg);
}

static void add_agent(struct sim *sim, unsigned number)
{
	struct agent *agent = &sim->agents[number];
	struct bench_agent_call m;
	struct err e = { 0 };

	agent->number = number;
	bench_agent_subscribe(&m, number, NULL, 24, 24576);
	if (master_agent_subscribe(sim->master, &m.call, agent, sim->now_ms, &e) < 0)
		die(e.msg);
}

static void add_framework(struct sim *sim, struct framework *framework)
{
	Mesos__V1__Scheduler__Call__Subscribe subscribe =
		MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	Mesos__V1__FrameworkInfo info;
	struct err e = { 0 };

	framework->sim = sim;
	bench_framework(&info);
	subscribe.framework_info = &info;
	if (scheduler_subscribe(sim->master, &subscribe, on_event, framework, sim->now_ms,
				&framework->scheduler, &e) < 0)
		die(e.msg);
	copy_id(framework->id, scheduler_framework_id(framework->scheduler));
}

static void start(struct sim *sim, unsigned n_agents, unsigned n_frameworks, unsigned tasks_each,
		  unsigned n_rounds)
{
	const struct master_io io = {
		.agent_event = on_agent_event, .agent_close = on_agent_close,
		.explain = on_explain, .wall_ms = on_wall, .arg = sim,
	};
	struct master_options options = master_default_options;
	struct err e = { 0 };

	/* Nobody answers pings here. */
	options.agent_ping_ms = INT64_MAX / 4;
	options.offer_timeout_ms = 0;
	*sim = (struct sim){
		.n_agents = n_agents, .n_frameworks = n_frameworks, .now_ms = 1000000,
		.max_runs = n_agents * tasks_each,
	};
	rng_seed(&sim->rng, 1);
	sim->agents = must(calloc(n_agents, sizeof(*sim->agents)));
	sim->frameworks = must(calloc(n_frameworks, sizeof(*sim->frameworks)));
	sim->offers = must(calloc(n_agents, sizeof(*sim->offers)));
	sim->runs = must(calloc(n_agents * tasks_each + 1, sizeof(*sim->runs)));
	sim->seconds = must(calloc(n_rounds, sizeof(double)));
	if (store_open_memory(&sim->store, &e) < 0 ||
	    master_new(&options, &io, sim->store, &sim->rng, sim->now_ms, &sim->master, &e) < 0)
		die(e.msg);
}

static void fill(struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_agents; i++)
		add_agent(sim, i);
	for (unsigned i = 0; i < sim->n_frameworks; i++)
		add_framework(sim, &sim->frameworks[i]);
}

static void stop(struct sim *sim)
{
	master_free(sim->master);
	store_close(sim->store);
	free(sim->agents);
	free(sim->frameworks);
	free(sim->offers);
	free(sim->runs);
	free(sim->seconds);
}

/* ---- shapes ---- */

static void decline(struct sim *sim)
{
	static struct bench_call m;

	turn(sim);
	sim->n_done += sim->n_offers;
	for (unsigned i = 0; i < sim->n_offers; i++) {
		struct offer *offer = &sim->offers[i];

		bench_decline(&m, offer->framework->id, offer->id, 1e6);
		call(offer->framework, &m);
	}
	sim->n_offers = 0;
}

/* Every task that runs: each is told to be in STATE, and acknowledged in the next turn. */
static void update_all(struct sim *sim, Mesos__V1__TaskState state)
{
	for (unsigned i = 0; i < sim->n_runs; i++) {
		uint8_t uuid[BENCH_UUID] = { (uint8_t)state };
		struct bench_agent_call m;
		struct err e = { 0 };

		memcpy(uuid + 1, &i, sizeof(i));
		bench_agent_update(&m, sim->runs[i].agent->id, sim->frameworks[0].id,
				   sim->runs[i].task_id, state, uuid);
		if (master_agent_call(sim->master, &m.call, sim->now_ms, &e) < 0)
			die(e.msg);
		if (i % EVENTS_A_TURN == EVENTS_A_TURN - 1)
			turn(sim);
	}
	turn(sim);
}

static void accept_all(struct sim *sim, unsigned tasks_each)
{
	static struct bench_call m;

	turn(sim);
	for (unsigned i = 0; i < sim->n_offers; i++) {
		struct offer *offer = &sim->offers[i];

		bench_accept(&m, offer->framework->id, offer->id, offer->agent_id, tasks_each,
			     sim->n_tasks, 24.0 / tasks_each, 24576.0 / tasks_each);
		call(offer->framework, &m);
		sim->n_tasks += tasks_each;
	}
	sim->n_offers = 0;
	if (sim->n_runs != sim->max_runs)
		die("not all tasks were placed");
}

static void place(struct sim *sim, unsigned tasks_each)
{
	accept_all(sim, tasks_each);
	update_all(sim, MESOS__V1__TASK_STATE__TASK_RUNNING);
	sim->n_done += sim->n_runs;
	update_all(sim, MESOS__V1__TASK_STATE__TASK_FINISHED);
	sim->n_runs = 0;
	if (sim->n_acknowledged != 2 * sim->n_tasks)
		die("not all updates were acknowledged");
	/* What was left of an offer, if anything, is offered again. */
	sim->now_ms += 2000;
}

/* In kB, with what the memory of this program's own lists takes once they are written to. */
static double memory_kb(void)
{
	long pages = 0;
	FILE *file = must(fopen("/proc/self/statm", "re"));

	if (fscanf(file, "%*d %ld", &pages) != 1)
		die("cannot read /proc/self/statm");
	(void)fclose(file);
	return (double)(pages * sysconf(_SC_PAGESIZE)) / 1024;
}

static void report_memory(struct sim *sim, unsigned tasks_each)
{
	double empty, with_agents, with_tasks;

	memset(sim->offers, 0, sim->n_agents * sizeof(*sim->offers));
	memset(sim->runs, 0, sim->max_runs * sizeof(*sim->runs));
	memset(sim->agents, 0, sim->n_agents * sizeof(*sim->agents));
	empty = memory_kb();
	for (unsigned i = 0; i < sim->n_agents; i++) {
		add_agent(sim, i);
		if (i % EVENTS_A_TURN == 0)
			turn(sim);
	}
	turn(sim);
	with_agents = memory_kb();
	add_framework(sim, &sim->frameworks[0]);
	accept_all(sim, tasks_each);
	update_all(sim, MESOS__V1__TASK_STATE__TASK_RUNNING);
	with_tasks = memory_kb();
	printf("memory   %6u %9lu %9.2f %9.2f\n", sim->n_agents, sim->n_tasks,
	       (with_agents - empty) / sim->n_agents,
	       (with_tasks - with_agents) / (double)sim->n_tasks);
}

static void report(struct sim *sim, const char *shape)
{
	unsigned n = sim->n_rounds;
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += sim->seconds[i];
	sort_times(sim->seconds, n);
	printf("%-8s %6u %6u %6u %9lu %9.3f %9.3f %9.3f %9.0f\n", shape, sim->n_agents,
	       sim->n_frameworks, n, sim->n_done, sim->seconds[n / 2] * 1e3,
	       sim->seconds[n - 1 - n / 100] * 1e3, sim->seconds[n - 1] * 1e3,
	       (double)sim->n_done / sum);
}

static void run_rounds(struct sim *sim, const char *shape, unsigned tasks_each, unsigned n)
{
	fill(sim);
	while (sim->n_rounds < n) {
		double begin = now();

		if (tasks_each > 0)
			place(sim, tasks_each);
		else
			decline(sim);
		sim->seconds[sim->n_rounds++] = now() - begin;
	}
	report(sim, shape);
}

int main(int argc, char **argv)
{
	bool is_place = argc == 5 && strcmp(argv[1], "place") == 0;
	bool is_decline = argc == 5 && strcmp(argv[1], "decline") == 0;
	bool is_memory = argc == 4 && strcmp(argv[1], "memory") == 0;
	unsigned n[3] = { 0 }, tasks_each;
	struct sim sim;

	for (int i = 0; i < 3 && i + 2 < argc; i++)
		n[i] = (unsigned)strtoul(argv[i + 2], NULL, 10);
	tasks_each = is_decline ? 0 : n[1];
	if (!(is_place || is_decline || is_memory) || !n[0] || !n[1] || (!is_memory && !n[2]) ||
	    tasks_each > BENCH_MAX_TASKS)
		die("usage: core decline AGENTS FRAMEWORKS ROUNDS | place AGENTS TASKS WAVES |"
		    " memory AGENTS TASKS");
	start(&sim, n[0], is_decline ? n[1] : 1, tasks_each, n[2]);
	if (is_memory)
		report_memory(&sim, tasks_each);
	else
		run_rounds(&sim, argv[1], tasks_each, n[2]);
	stop(&sim);
	return EXIT_SUCCESS;
}
