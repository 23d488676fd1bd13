/*
 * Agents that are sockets, and a framework, against a running tepui-master:
 *
 *	fleet PORT PID COMMAND...
 *
 * PID is the master's, of which memory and cpu are read.  The commands, done in order; each prints
 * a line of NAME=VALUE:
 *
 *	agents N		N of them connect and subscribe
 *	place T			the framework subscribes and runs T tasks on each, all acknowledged
 *	rest SECONDS		nothing but pings: the master's cpu
 *	updates RATE SECONDS PATH
 *				so many status updates a second, acknowledged; meanwhile GET PATH
 *	get PATH		once, with GET /health beside it: how long others wait
 *	restart			says "restart", waits for a line with the new master's pid, and
 *				everybody comes back with all tasks
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/rng.h"
#include "tests/bench/fleet_io.h"
#include "tests/bench/figures.h"
#include "tests/bench/messages.h"

enum {
	ID = 128, N_CALLERS = 128, MAX_SAMPLES = 1 << 20, CONNECTING = 1000, RETRY_MS = 20,
};

static const char AGENT_PATH[] = "/api/v1/agent", SCHEDULER_PATH[] = "/api/v1/scheduler";

struct agent {
	struct stream stream;		/* first: it is found by it */
	struct fleet *fleet;
	unsigned number, n_tasks;
	unsigned long *tasks;		/* their numbers */
	char id[64];
	bool is_subscribed, is_closed;
};

struct fleet {
	struct fleet_io *io;
	uint16_t port;
	long pid;
	struct rng rng;
	struct agent *agents;
	unsigned n_agents, n_subscribed, n_connecting, tasks_each;
	struct stream scheduler;
	char framework_id[ID];
	bool is_framework_subscribed, is_framework_closed;
	unsigned long n_tasks, n_running, n_updates;
	double *samples;
	size_t n_samples;
	bool is_reading;
};

/* ---- the master's process ---- */

static double memory_kb(const struct fleet *fleet)
{
	char path[64], line[256];
	double kb = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", fleet->pid);
	file = fleet_must(fopen(path, "re"));
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtod(line + 6, NULL);
	}
	(void)fclose(file);
	return kb;
}

static double cpu_seconds(const struct fleet *fleet)
{
	char path[64], line[1024];
	unsigned long user = 0, system = 0;
	const char *rest;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", fleet->pid);
	file = fleet_must(fopen(path, "re"));
	rest = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	(void)fclose(file);
	/* Fields 14 and 15; the one after the name is the third. */
	if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			    &system) != 2)
		fleet_die("read the master's cpu", path);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- samples ---- */

static void add_sample(struct fleet *fleet, double seconds)
{
	if (fleet->n_samples < MAX_SAMPLES)
		fleet->samples[fleet->n_samples++] = seconds;
}

static double quantile_ms(struct fleet *fleet, double q)
{
	size_t n = fleet->n_samples;

	if (n == 0)
		return -1;
	sort_times(fleet->samples, n);
	return fleet->samples[(size_t)((double)(n - 1) * q)] * 1e3;
}

static void on_read(void *arg, int status, double seconds, size_t size)
{
	struct fleet *fleet = arg;

	(void)size;
	if (status != 200)
		fleet_die("read", "not 200");
	fleet->is_reading = false;
	add_sample(fleet, seconds);
}

/* ---- agents ---- */

static void update(struct agent *agent, unsigned long task)
{
	struct fleet *fleet = agent->fleet;
	struct bench_agent_call m;
	char task_id[BENCH_TASK_ID];
	uint64_t uuid[2] = { ++fleet->n_updates, task };

	(void)snprintf(task_id, sizeof(task_id), "task-%lu", task);
	bench_agent_update(&m, agent->id, fleet->framework_id, task_id,
			   MESOS__V1__TASK_STATE__TASK_RUNNING, (uint8_t *)uuid);
	call_post(fleet->io, AGENT_PATH, agent->stream.id, &m.call.base, NULL, NULL);
}

static void on_run_task(struct agent *agent, const Tepui__AgentEvent *event)
{
	unsigned long task = strtoul(event->run_task->task->task_id->value + strlen("task-"), NULL,
				     10);

	agent->tasks = fleet_must(reallocarray(agent->tasks, agent->n_tasks + 1,
					       sizeof(*agent->tasks)));
	agent->tasks[agent->n_tasks++] = task;
	update(agent, task);
}

static void on_agent_record(struct stream *stream, const void *data, size_t size)
{
	struct agent *agent = (struct agent *)stream;
	Tepui__AgentEvent *event = tepui__agent_event__unpack(NULL, size, data);
	struct bench_agent_call m;

	if (!event)
		fleet_die("read an event", "not one");
	if (event->type == TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED) {
		(void)snprintf(agent->id, sizeof(agent->id), "%s",
			       event->subscribed->agent_id->value);
		agent->is_subscribed = true;
		agent->fleet->n_subscribed++;
		agent->fleet->n_connecting--;
	} else if (event->type == TEPUI__AGENT_EVENT__TYPE__RUN_TASK) {
		on_run_task(agent, event);
	} else if (event->type == TEPUI__AGENT_EVENT__TYPE__HEARTBEAT) {
		bench_agent_init(&m, TEPUI__AGENT_CALL__TYPE__HEARTBEAT, agent->id);
		call_post(agent->fleet->io, AGENT_PATH, stream->id, &m.call.base, NULL, NULL);
	} else if (event->type == TEPUI__AGENT_EVENT__TYPE__ERROR) {
		fleet_die("subscribe", event->error->message);
	}
	tepui__agent_event__free_unpacked(event, NULL);
}

static void on_agent_closed(struct stream *stream)
{
	struct agent *agent = (struct agent *)stream;

	if (agent->is_subscribed)
		agent->fleet->n_subscribed--;
	else
		agent->fleet->n_connecting--;
	agent->is_subscribed = false;
	agent->is_closed = true;
}

/* With what it has, if it is not the first time. */
static void subscribe_agent(struct agent *agent)
{
	struct fleet *fleet = agent->fleet;
	unsigned n = agent->n_tasks;
	Tepui__RunningTask *running = fleet_must(calloc(n + 1, sizeof(*running)));
	Tepui__RunningTask **list = fleet_must(calloc(n + 1, sizeof(*list)));
	struct bench_call *tasks = fleet_must(calloc(1, sizeof(*tasks)));
	Mesos__V1__FrameworkInfo framework;
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	struct bench_agent_call m;

	bench_agent_subscribe(&m, agent->number, agent->id[0] ? agent->id : NULL, 24, 24576);
	bench_framework(&framework);
	framework_id.value = fleet->framework_id;
	framework.id = &framework_id;
	if (n > BENCH_MAX_TASKS)
		fleet_die("subscribe an agent", "too many tasks");
	bench_accept(tasks, fleet->framework_id, NULL, agent->id, n, 0, 24.0 / (n + 1),
		     24576.0 / (n + 1));
	for (unsigned i = 0; i < n; i++) {
		tepui__running_task__init(&running[i]);
		(void)snprintf(tasks->task_names[i], BENCH_TASK_ID, "task-%lu", agent->tasks[i]);
		running[i].framework = &framework;
		running[i].task = &tasks->tasks[i];
		running[i].state = MESOS__V1__TASK_STATE__TASK_RUNNING;
		list[i] = &running[i];
	}
	m.subscribe.n_tasks = n;
	m.subscribe.tasks = list;
	agent->is_closed = false;
	fleet->n_connecting++;
	stream_open(fleet->io, &agent->stream, agent->number, AGENT_PATH, &m.call.base);
	free(tasks);
	free(list);
	free(running);
}

/* So many at a time as the master's backlog takes. */
static void subscribe_agents(struct fleet *fleet)
{
	while (fleet->n_subscribed < fleet->n_agents) {
		for (unsigned i = 0; i < fleet->n_agents && fleet->n_connecting < CONNECTING; i++) {
			if (fleet->agents[i].is_closed)
				subscribe_agent(&fleet->agents[i]);
		}
		fleet_poll(fleet->io, RETRY_MS);
	}
}

static void run_agents(struct fleet *fleet, unsigned n)
{
	double begin = fleet_now(), before = memory_kb(fleet), seconds;

	fleet->agents = fleet_must(calloc(n, sizeof(*fleet->agents)));
	fleet->n_agents = n;
	for (unsigned i = 0; i < n; i++) {
		struct agent *agent = &fleet->agents[i];

		agent->fleet = fleet;
		agent->number = i;
		agent->is_closed = true;
		agent->stream.fd = -1;
		agent->stream.record = on_agent_record;
		agent->stream.closed = on_agent_closed;
	}
	subscribe_agents(fleet);
	seconds = fleet_now() - begin;
	printf("agents=%u seconds=%.2f a_second=%.0f kb_each=%.2f\n", n, seconds, n / seconds,
	       (memory_kb(fleet) - before) / n);
}

/* ---- the framework ---- */

static void on_offers(struct fleet *fleet, const Mesos__V1__Scheduler__Event__Offers *offers)
{
	static struct bench_call m;

	for (size_t i = 0; i < offers->n_offers; i++) {
		const Mesos__V1__Offer *offer = offers->offers[i];

		if (fleet->n_tasks >= (unsigned long)fleet->tasks_each * fleet->n_agents) {
			bench_decline(&m, fleet->framework_id, offer->id->value, 1e6);
		} else {
			bench_accept(&m, fleet->framework_id, offer->id->value,
				     offer->agent_id->value, fleet->tasks_each, fleet->n_tasks,
				     24.0 / (fleet->tasks_each + 1),
				     24576.0 / (fleet->tasks_each + 1));
			m.filters.refuse_seconds = 1e6;
			fleet->n_tasks += fleet->tasks_each;
		}
		call_post(fleet->io, SCHEDULER_PATH, fleet->scheduler.id, &m.call.base, NULL, NULL);
	}
}

static void on_update(struct fleet *fleet, const Mesos__V1__TaskStatus *status)
{
	static struct bench_call m;

	if (status->state != MESOS__V1__TASK_STATE__TASK_RUNNING || !status->has_uuid)
		fleet_die("update", status->message ? status->message : "not of a running task");
	fleet->n_running++;
	bench_acknowledge(&m, fleet->framework_id, status);
	call_post(fleet->io, SCHEDULER_PATH, fleet->scheduler.id, &m.call.base, NULL, NULL);
}

static void on_scheduler_record(struct stream *stream, const void *data, size_t size)
{
	struct fleet *fleet = (struct fleet *)(void *)
			      ((char *)stream - offsetof(struct fleet, scheduler));
	Mesos__V1__Scheduler__Event *event =
		mesos__v1__scheduler__event__unpack(NULL, size, data);

	if (!event)
		fleet_die("read an event", "not one");
	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED) {
		(void)snprintf(fleet->framework_id, ID, "%s",
			       event->subscribed->framework_id->value);
		fleet->is_framework_subscribed = true;
	} else if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS) {
		on_offers(fleet, event->offers);
	} else if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE) {
		on_update(fleet, event->update->status);
	} else if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR) {
		fleet_die("framework", event->error->message);
	}
	mesos__v1__scheduler__event__free_unpacked(event, NULL);
}

static void on_scheduler_closed(struct stream *stream)
{
	struct fleet *fleet = (struct fleet *)(void *)
			      ((char *)stream - offsetof(struct fleet, scheduler));

	fleet->is_framework_subscribed = false;
	fleet->is_framework_closed = true;
}

static void subscribe_framework(struct fleet *fleet)
{
	Mesos__V1__Scheduler__Call__Subscribe subscribe =
		MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	Mesos__V1__FrameworkInfo info;
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
	struct bench_call m;

	bench_call_init(&m, MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE, fleet->framework_id);
	bench_framework(&info);
	id.value = fleet->framework_id;
	info.id = fleet->framework_id[0] ? &id : NULL;
	m.call.framework_id = info.id;
	subscribe.framework_info = &info;
	m.call.subscribe = &subscribe;
	fleet->scheduler.record = on_scheduler_record;
	fleet->scheduler.closed = on_scheduler_closed;
	do {
		fleet->is_framework_closed = false;
		stream_open(fleet->io, &fleet->scheduler, 60000, SCHEDULER_PATH, &m.call.base);
		while (!fleet->is_framework_subscribed && !fleet->is_framework_closed)
			fleet_poll(fleet->io, RETRY_MS);
	} while (!fleet->is_framework_subscribed);
}

static void run_place(struct fleet *fleet, unsigned each)
{
	double begin = fleet_now(), before = memory_kb(fleet), cpu = cpu_seconds(fleet), seconds;
	unsigned long all = (unsigned long)each * fleet->n_agents;

	if (each > BENCH_MAX_TASKS)
		fleet_die("place", "too many tasks on one agent");
	fleet->tasks_each = each;
	subscribe_framework(fleet);
	while (fleet->n_running < all || calls_open(fleet->io) > 0)
		fleet_poll(fleet->io, RETRY_MS);
	seconds = fleet_now() - begin;
	printf("tasks=%lu seconds=%.2f a_second=%.0f cpu=%.2f kb_each=%.2f\n", all, seconds,
	       (double)all / seconds, cpu_seconds(fleet) - cpu,
	       (memory_kb(fleet) - before) / (double)all);
}

/* ---- what is measured then ---- */

static void poll_for(struct fleet *fleet, double seconds)
{
	double end = fleet_now() + seconds;

	while (fleet_now() < end)
		fleet_poll(fleet->io, RETRY_MS);
}

static void run_rest(struct fleet *fleet, double seconds)
{
	double cpu = cpu_seconds(fleet);

	poll_for(fleet, seconds);
	printf("rest=%.0f cpu_percent=%.2f rss_mb=%.1f\n", seconds,
	       (cpu_seconds(fleet) - cpu) / seconds * 100, memory_kb(fleet) / 1024);
}

static void update_any(struct fleet *fleet)
{
	struct agent *agent = &fleet->agents[rng_below(&fleet->rng, fleet->n_agents)];

	update(agent, agent->tasks[rng_below(&fleet->rng, agent->n_tasks)]);
}

static void run_updates(struct fleet *fleet, double rate, double seconds, const char *path)
{
	double begin = fleet_now(), cpu = cpu_seconds(fleet), now = begin;
	unsigned long before = fleet->n_running, sent = 0;

	fleet->n_samples = 0;
	while (now < begin + seconds) {
		for (; (double)sent < (now - begin) * rate; sent++)
			update_any(fleet);
		if (!fleet->is_reading) {
			fleet->is_reading = true;
			call_get(fleet->io, path, on_read, fleet);
		}
		fleet_poll(fleet->io, 1);
		now = fleet_now();
	}
	while (fleet->n_running < before + sent || calls_open(fleet->io) > 0)
		fleet_poll(fleet->io, RETRY_MS);
	printf("updates=%lu a_second=%.0f cpu_percent=%.0f reads=%zu read_ms_median=%.2f"
	       " read_ms_p99=%.2f\n", sent, (double)sent / (fleet_now() - begin),
	       (cpu_seconds(fleet) - cpu) / (fleet_now() - begin) * 100, fleet->n_samples,
	       quantile_ms(fleet, .5), quantile_ms(fleet, .99));
}

struct answer {
	bool is_there;
	double seconds;
	size_t size;
};

static void on_answer(void *arg, int status, double seconds, size_t size)
{
	struct answer *answer = arg;

	if (status != 200)
		fleet_die("get", "not 200");
	*answer = (struct answer){ true, seconds, size };
}

static void run_get(struct fleet *fleet, const char *path)
{
	struct answer answer = { .is_there = false };

	fleet->n_samples = 0;
	call_get(fleet->io, path, on_answer, &answer);
	while (!answer.is_there) {
		if (!fleet->is_reading) {
			fleet->is_reading = true;
			call_get(fleet->io, "/health", on_read, fleet);
		}
		fleet_poll(fleet->io, 1);
	}
	while (calls_open(fleet->io) > 0)
		fleet_poll(fleet->io, 1);
	printf("get=%s ms=%.0f mb=%.1f others_waited_ms=%.0f\n", path, answer.seconds * 1e3,
	       (double)answer.size / 1e6, quantile_ms(fleet, 1));
}

static void run_restart(struct fleet *fleet)
{
	char line[64];
	double begin;

	printf("restart\n");
	(void)fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		fleet_die("restart", "nobody says which master");
	fleet->pid = strtol(line, NULL, 10);
	/* Those that are not closed yet are, by what is read from them. */
	fleet_poll(fleet->io, 0);
	begin = fleet_now();
	while (!fleet->is_framework_closed || fleet->n_subscribed > 0)
		fleet_poll(fleet->io, RETRY_MS);
	subscribe_framework(fleet);
	subscribe_agents(fleet);
	printf("returned=%u tasks=%lu seconds=%.2f cpu=%.2f rss_mb=%.1f\n", fleet->n_agents,
	       fleet->n_tasks, fleet_now() - begin, cpu_seconds(fleet), memory_kb(fleet) / 1024);
}

static unsigned number(char **argv, int *i)
{
	if (!argv[++*i])
		fleet_die("read the commands", "a number is missing");
	return (unsigned)strtoul(argv[*i], NULL, 10);
}

static void run_command(struct fleet *fleet, char **argv, int *i)
{
	const char *command = argv[*i];

	if (strcmp(command, "agents") == 0) {
		run_agents(fleet, number(argv, i));
	} else if (strcmp(command, "place") == 0) {
		run_place(fleet, number(argv, i));
	} else if (strcmp(command, "rest") == 0) {
		run_rest(fleet, number(argv, i));
	} else if (strcmp(command, "updates") == 0 && argv[*i + 1] && argv[*i + 2] && argv[*i + 3]) {
		run_updates(fleet, strtod(argv[*i + 1], NULL), strtod(argv[*i + 2], NULL),
			    argv[*i + 3]);
		*i += 3;
	} else if (strcmp(command, "get") == 0 && argv[*i + 1]) {
		run_get(fleet, argv[++*i]);
	} else if (strcmp(command, "restart") == 0) {
		run_restart(fleet);
	} else {
		fleet_die("not a command, or not all of one", command);
	}
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	struct fleet fleet = { .scheduler.fd = -1 };

	if (argc < 4)
		fleet_die("usage", "fleet PORT PID COMMAND...");
	fleet.port = (uint16_t)strtoul(argv[1], NULL, 10);
	fleet.pid = strtol(argv[2], NULL, 10);
	rng_seed(&fleet.rng, 1);
	fleet.io = fleet_io_new(fleet.port, N_CALLERS);
	fleet.samples = fleet_must(calloc(MAX_SAMPLES, sizeof(double)));
	for (int i = 3; i < argc; i++)
		run_command(&fleet, argv, &i);
	return EXIT_SUCCESS;
}
