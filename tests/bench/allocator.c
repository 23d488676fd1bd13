/*
 * How long the allocator takes, in the shapes that Mesos's own benchmarks have (reference/mesos.md
 * 6.2): with a virtual clock, on one cpu, the allocator alone.
 *
 *	allocator decline AGENTS FRAMEWORKS ROLES ROUNDS
 *		every free part is offered and every offer declined for a year, so that each round is
 *		for the next frameworks; one round is a run and all that is declined after it
 *	allocator event AGENTS FRAMEWORKS ROLES ROUNDS
 *		everybody has declined everything, and then one task ends: a round is one such end
 *	allocator quota SMALL_ROLES LARGE_ROLES
 *		agents of 24 cpus; roles guaranteed 1 and 10 cpus, and limited to that: one round
 *
 * Prints one line: shape, sizes, rounds, grants, milliseconds a round (median, p99, worst).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "master_stub/allocator.h"
#include "tests/bench/figures.h"

enum { N_FRAGMENTS = 16, FIRST_PORT = 31000, PORTS_EACH = 32, YEAR_MS = 1000000000, NAME = 64 };

struct grant {
	struct allocator_node *node;
	struct allocator_client *client;
	struct resources part;
};

struct world {
	struct allocator *allocator;
	struct rng rng;
	struct allocator_node **nodes;
	struct allocator_client **clients, *busy;
	size_t n_nodes, n_clients;
	struct resources task;		/* what BUSY has on every node */
	struct grant *grants;
	size_t n_grants;
	double *seconds;
	size_t n_rounds, n_all_grants;
};

static struct resources parse(const char *text)
{
	struct resources r = { 0 };
	struct err e = { 0 };

	if (resources_parse(text, &r, &e) < 0)
		die(e.msg);
	return r;
}

/* The nodes' owners are pointers to their places here, and so are the clients'. */
static int on_grant(void *arg, void *node, void *client, const struct resources *part)
{
	struct world *world = arg;
	struct grant *grant = &world->grants[world->n_grants];

	if (world->n_grants >= world->n_nodes * 2)
		return -1;
	grant->node = *(struct allocator_node **)node;
	grant->client = *(struct allocator_client **)client;
	if (resources_copy(part, &grant->part) < 0)
		return -1;
	world->n_grants++;
	return 0;
}

static void start(struct world *world, size_t n_nodes, size_t n_clients, size_t n_rounds)
{
	static const struct quantities min[] = {
		{ { [RESOURCE_CPUS] = 10 } }, { { [RESOURCE_MEM] = 32000 } },
	};
	const struct allocator_options options = { .interval_ms = 1000, .min = min, .n_min = 2 };

	*world = (struct world){ .n_nodes = n_nodes, .n_clients = n_clients };
	rng_seed(&world->rng, 1);
	world->allocator = must(allocator_new(&options, &world->rng));
	world->nodes = must(calloc(n_nodes, sizeof(struct allocator_node *)));
	world->clients = must(calloc(n_clients, sizeof(struct allocator_client *)));
	world->grants = must(calloc(n_nodes * 2, sizeof(*world->grants)));
	world->seconds = must(calloc(n_rounds, sizeof(double)));
}

static struct allocator_client *add_client(struct world *world, struct allocator_client **place,
					   const char *name, const char *role)
{
	if (allocator_client_new(world->allocator, place, name, role, place) < 0)
		die("out of memory");
	return *place;
}

/* Ports in pieces, as after days of tasks that come and go. */
static void make_task(struct world *world)
{
	world->task = parse("cpus:16;mem:2014;disk:1024");
	for (uint32_t i = 0; i < N_FRAGMENTS; i++) {
		uint32_t first = FIRST_PORT + i * 2 * PORTS_EACH;

		if (ranges_add(&world->task.ports, first, first + PORTS_EACH - 1) < 0)
			die("out of memory");
	}
}

static void add_nodes(struct world *world, const char *text)
{
	struct resources total = parse(text);

	for (size_t i = 0; i < world->n_nodes; i++) {
		if (allocator_node_new(world->allocator, &world->nodes[i], &total,
				       &world->nodes[i]) < 0)
			die("out of memory");
		if (world->busy &&
		    allocator_charge(world->nodes[i], world->busy, &world->task) < 0)
			die("out of memory");
		allocator_node_set_active(world->nodes[i], true);
	}
	resources_done(&total);
}

static void add_clients(struct world *world, size_t n_roles)
{
	for (size_t i = 0; i < world->n_clients; i++) {
		char name[NAME], role[NAME];

		(void)snprintf(name, sizeof(name), "9a7c1b52-0d4e-4f6a-8b7e-6f1f2f3f4f5f-%04zu", i);
		(void)snprintf(role, sizeof(role), "role%zu", i % n_roles);
		add_client(world, &world->clients[i], name, role);
		if (allocator_client_set_active(world->clients[i], true) < 0)
			die("out of memory");
	}
}

static void run(struct world *world)
{
	world->n_all_grants += allocator_run(world->allocator, 0, on_grant, world);
}

static void decline_all(struct world *world)
{
	for (size_t i = 0; i < world->n_grants; i++) {
		struct grant *grant = &world->grants[i];

		if (allocator_refuse(grant->node, grant->client, &grant->part, YEAR_MS, 0) < 0)
			die("out of memory");
		allocator_release(grant->node, grant->client, &grant->part);
		resources_done(&grant->part);
	}
	world->n_grants = 0;
}

static void decline(struct world *world, size_t n_rounds)
{
	for (size_t i = 0; i < n_rounds; i++) {
		double begin = now();

		run(world);
		decline_all(world);
		world->seconds[world->n_rounds++] = now() - begin;
	}
}

/* Each end frees more than was refused: the first in order gets it, declines, and the task is back. */
static void event(struct world *world, size_t n_rounds)
{
	for (size_t i = 0; i < world->n_clients; i++) {
		run(world);
		decline_all(world);
	}
	world->n_all_grants = 0;
	for (size_t i = 0; i < n_rounds; i++) {
		struct allocator_node *node = world->nodes[rng_below(&world->rng, world->n_nodes)];
		double begin = now();

		allocator_release(node, world->busy, &world->task);
		run(world);
		world->seconds[world->n_rounds++] = now() - begin;
		decline_all(world);
		if (allocator_charge(node, world->busy, &world->task) < 0)
			die("out of memory");
	}
}

static void report(struct world *world, const char *shape)
{
	size_t n = world->n_rounds;

	sort_times(world->seconds, n);
	printf("%-8s %6zu %6zu %6zu %9zu %9.3f %9.3f %9.3f\n", shape, world->n_nodes,
	       world->n_clients, n, world->n_all_grants, world->seconds[n / 2] * 1e3,
	       world->seconds[n - 1 - n / 100] * 1e3, world->seconds[n - 1] * 1e3);
}

static void stop(struct world *world)
{
	for (size_t i = 0; i < world->n_nodes; i++) {
		if (world->busy)
			allocator_release(world->nodes[i], world->busy, &world->task);
		allocator_node_free(world->nodes[i]);
	}
	for (size_t i = 0; i < world->n_clients; i++)
		allocator_client_free(world->clients[i]);
	allocator_client_free(world->busy);
	allocator_free(world->allocator);
	resources_done(&world->task);
	free(world->nodes);
	free(world->clients);
	free(world->grants);
	free(world->seconds);
}

static void run_declined(const char *shape, size_t n_nodes, size_t n_clients, size_t n_roles,
			 size_t n_rounds)
{
	struct world world;

	start(&world, n_nodes, n_clients, n_rounds);
	make_task(&world);
	add_client(&world, &world.busy, "busy", "busy");
	add_nodes(&world, "cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
	add_clients(&world, n_roles);
	if (strcmp(shape, "event") == 0)
		event(&world, n_rounds);
	else
		decline(&world, n_rounds);
	report(&world, shape);
	stop(&world);
}

/* CPUS, and a GiB of memory and of disk with each; as a guarantee and as a limit. */
static void set_quota(struct world *world, size_t role, int64_t cpus)
{
	struct allocator_quota quota = allocator_no_quota;
	char name[NAME];

	quota.guarantee.of[RESOURCE_CPUS] = quota.limit.of[RESOURCE_CPUS] = cpus * 1000;
	quota.guarantee.of[RESOURCE_MEM] = quota.limit.of[RESOURCE_MEM] = cpus * 1024000;
	quota.guarantee.of[RESOURCE_DISK] = quota.limit.of[RESOURCE_DISK] = cpus * 1024000;
	(void)snprintf(name, sizeof(name), "role%zu", role);
	if (allocator_set_quota(world->allocator, name, &quota) < 0)
		die("out of memory");
}

/* A small role takes half a node, a large one two of them: as in Mesos's LargeAndSmallQuota. */
static void run_quota(size_t n_small, size_t n_large)
{
	size_t n = n_small + n_large;
	struct world world;

	start(&world, n, n, 2);
	add_nodes(&world, "cpus:2;mem:2048;disk:2048");
	add_clients(&world, n);
	for (size_t i = 0; i < n; i++)
		set_quota(&world, i, i < n_small ? 1 : 4);
	for (int i = 0; i < 2; i++) {
		double begin = now();

		run(&world);
		world.seconds[world.n_rounds++] = now() - begin;
	}
	report(&world, "quota");
}

int main(int argc, char **argv)
{
	size_t n[4] = { 0 };

	for (int i = 0; i < 4 && i + 2 < argc; i++)
		n[i] = strtoul(argv[i + 2], NULL, 10);
	if (argc == 6 && n[0] && n[1] && n[2] && n[3])
		run_declined(argv[1], n[0], n[1], n[2], n[3]);
	else if (argc == 4 && strcmp(argv[1], "quota") == 0)
		run_quota(n[0], n[1]);
	else
		die("usage: allocator decline|event AGENTS FRAMEWORKS ROLES ROUNDS | quota SMALL LARGE");
	return EXIT_SUCCESS;
}
