#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/agent.h"
#include "tests/sim/autoscaled.h"
#include "tests/sim/directories.h"
#include "tests/sim/executors.h"
#include "tests/sim/framework.h"
#include "tests/sim/groups.h"
#include "tests/sim/host.h"
#include "tests/sim/job_people.h"
#include "tests/sim/link.h"
#include "tests/sim/operator.h"
#include "tests/sim/people.h"
#include "tests/sim/operations.h"
#include "tests/sim/promises.h"
#include "tests/sim/residents.h"

enum {
	MAX_AGENTS = 6, MAX_FRAMEWORKS = 4,
	ASK_MS = 45 * 1000,		/* how often a framework asks what became of its tasks */
	PATIENCE_MS = 40 * 60 * 1000,	/* longer than any timeout and any backoff */
	MAX_STEPS = 2000000,
};

void *sim_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

/* ---- time ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event old = *a;

	*a = *b;
	*b = old;
}

void sim_at(struct sim *sim, int64_t at_ms, sim_fn *fn, void *arg, uint64_t tag)
{
	size_t i = sim->n_heap;

	if (sim->n_heap == sim->heap_room) {
		sim->heap_room = sim->heap_room ? 2 * sim->heap_room : 256;
		sim->heap = realloc(sim->heap, sim->heap_room * sizeof(*sim->heap));
		if (!sim->heap)
			abort();
	}
	sim->heap[sim->n_heap++] = (struct sim_event){
		.at_ms = at_ms > sim->now_ms ? at_ms : sim->now_ms,
		.order = sim->n_planned++, .fn = fn, .arg = arg, .tag = tag,
	};
	for (; i > 0 && is_before(&sim->heap[i], &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&sim->heap[i], &sim->heap[(i - 1) / 2]);
}

static struct sim_event take_event(struct sim *sim)
{
	struct sim_event first = sim->heap[0];
	size_t i = 0;

	sim->heap[0] = sim->heap[--sim->n_heap];
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
			if (child < sim->n_heap && is_before(&sim->heap[child], &sim->heap[least]))
				least = child;
		}
		if (least == i)
			return first;
		swap(&sim->heap[i], &sim->heap[least]);
		i = least;
	}
}

int64_t sim_wall_ms(const struct sim *sim)
{
	return INT64_C(1600000000000) + sim->now_ms + sim->wall_offset_ms;
}

void sim_jump(struct sim *sim, int64_t ms)
{
	sim->wall_offset_ms += ms;
	sim->jumped_ms = sim->now_ms;
}

/* ---- chance ---- */

bool sim_chance(struct sim *sim, unsigned n)
{
	return rng_below(&sim->rng, 1000) < n;
}

int64_t sim_between(struct sim *sim, int64_t least, int64_t most)
{
	return least + (int64_t)rng_below(&sim->rng, (uint64_t)(most - least) + 1);
}

/* ---- what is told ---- */

void sim_trace(struct sim *sim, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *c = text; *c; c++)
		sim->hash = (sim->hash ^ (uint8_t)*c) * 1099511628211u;
	sim->hash = (sim->hash ^ (uint64_t)sim->now_ms) * 1099511628211u;
	if (sim->is_tracing)
		printf("%6llu %10.3f %s\n", (unsigned long long)sim->n_steps,
		       (double)sim->now_ms / 1000, text);
}

void sim_fail(struct sim *sim, const char *promise, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (sim->is_failed)
		return;
	sim->is_failed = true;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("seed %llu, step %llu, %.3f s: %s: %s\n", (unsigned long long)sim->seed,
	       (unsigned long long)sim->n_steps, (double)sim->now_ms / 1000, promise, text);
}

void sim_fault(struct sim *sim, enum fault fault)
{
	sim->faults[fault]++;
	sim_trace(sim, "fault: %s", fault_names[fault]);
}

/* ---- a run ---- */

static void run_until(struct sim *sim, int64_t until_ms)
{
	while (!sim->is_failed && sim->n_heap > 0 && sim->heap[0].at_ms <= until_ms) {
		struct sim_event event = take_event(sim);

		sim->now_ms = event.at_ms;
		if (++sim->n_steps > MAX_STEPS)
			sim_fail(sim, "steps", "more than %d: something goes round", MAX_STEPS);
		event.fn(event.arg, event.tag);
	}
	if (sim->now_ms < until_ms)
		sim->now_ms = until_ms;
}

typedef bool reached_fn(struct sim *sim, char *text, size_t size);

static void wait_for(struct sim *sim, const char *promise, reached_fn *is_reached)
{
	int64_t deadline = sim->now_ms + PATIENCE_MS;
	char text[400] = "an operator cannot put an agent back into service";

	while (!sim->is_failed) {
		run_until(sim, sim->now_ms + ASK_MS);
		if (sim->is_failed || (operator_put_back(sim) && is_reached(sim, text, sizeof(text))))
			return;
		if (sim->now_ms >= deadline)
			sim_fail(sim, promise, "%s", text);
		if (sim->is_ending) {
			people_delete_all(sim);
			job_people_delete_all(sim);
			autoscaled_delete(sim);
		}
		for (size_t i = 0; i < sim->n_frameworks; i++) {
			if (sim->is_ending)
				sim_framework_tear_down(sim->frameworks[i]);
			else
				sim_framework_reconcile(sim->frameworks[i]);
		}
	}
}

static void set_up(struct sim *sim)
{
	sim->ledger = ledger_new();
	sim->host = host_new(sim);
	sim->people = sim_chance(sim, 400) ? people_new(sim) : NULL;
	sim->job_people = sim->people && sim_chance(sim, 500) ? job_people_new(sim) : NULL;
	sim->autoscaled = sim->people && sim_chance(sim, 500) ? autoscaled_new(sim) : NULL;
	sim->n_agents = (size_t)sim_between(sim, 1, MAX_AGENTS);
	sim->agents = sim_alloc(sim->n_agents * sizeof(struct sim_agent *));
	for (size_t i = 0; i < sim->n_agents; i++)
		sim->agents[i] = sim_agent_new(sim, (unsigned)i);
	sim->n_frameworks = (size_t)sim_between(sim, 1, MAX_FRAMEWORKS);
	sim->frameworks = sim_alloc(sim->n_frameworks * sizeof(struct sim_framework *));
	for (size_t i = 0; i < sim->n_frameworks; i++)
		sim->frameworks[i] = sim_framework_new(sim, (unsigned)i);
}

static void tear_down(struct sim *sim)
{
	host_free(sim->host);
	links_free(sim);
	for (size_t i = 0; i < sim->n_agents; i++)
		sim_agent_free(sim->agents[i]);
	for (size_t i = 0; i < sim->n_frameworks; i++)
		sim_framework_free(sim->frameworks[i]);
	free(sim->agents);
	free(sim->frameworks);
	ledger_free(sim->ledger);
	deeds_free(sim);
	groups_free(sim);
	directories_free(sim);
	residents_free(sim);
	free(sim->people);
	job_people_free(sim->job_people);
	free(sim->autoscaled);
	free(sim->heap);
}

bool sim_run(struct sim *sim, uint64_t seed, bool is_tracing)
{
	int64_t until;

	memset(sim, 0, sizeof(*sim));
	sim->seed = seed;
	sim->is_tracing = is_tracing;
	sim->now_ms = 1000;
	SLIST_INIT(&sim->links);
	SLIST_INIT(&sim->groups);
	rng_seed(&sim->rng, seed);
	sim->limits[0] = (struct limit){ .role = "red", .cpus = INT64_MAX };
	sim->limits[1] = (struct limit){ .role = "blue", .cpus = INT64_MAX };
	set_up(sim);
	until = sim->now_ms + sim_between(sim, 30, 600) * 1000;
	faults_plan(sim, until);
	run_until(sim, until);
	faults_end(sim);
	sim_trace(sim, "---- calm ----");
	wait_for(sim, "P5 healed", promises_are_healed);
	sim->is_ending = true;
	sim_trace(sim, "---- the end ----");
	wait_for(sim, "P7 settled", promises_are_settled);
	tear_down(sim);
	return !sim->is_failed;
}
