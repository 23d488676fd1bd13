/* An allocator without a master around it: owners are names, and what is granted is kept in a list. */
#ifndef TESTS_UNIT_ALLOCATOR_WORLD_H
#define TESTS_UNIT_ALLOCATOR_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "master_stub/allocator.h"

enum { MAX_GRANTS = 1000 };

struct grant {
	const char *node, *client;
	struct resources part;
};

struct world {
	struct allocator *allocator;
	struct rng rng;
	struct grant grants[MAX_GRANTS];
	size_t n;
	bool refuses;
};

static int on_grant(void *arg, void *node, void *client, const struct resources *part)
{
	struct world *world = arg;
	struct grant *grant = &world->grants[world->n];

	if (world->refuses)
		return -1;
	assert_true(world->n < MAX_GRANTS);
	grant->node = node;
	grant->client = client;
	assert_int_equal(resources_copy(part, &grant->part), 0);
	world->n++;
	return 0;
}

static inline void forget(struct world *world)
{
	for (size_t i = 0; i < world->n; i++)
		resources_done(&world->grants[i].part);
	world->n = 0;
}

/* Nodes whose name begins with a 'g' are for clients whose name does. */
static bool accepts(const void *node, const void *client)
{
	return *(const char *)node != 'g' || *(const char *)client == 'g';
}

static inline void start(struct world *world)
{
	static const struct quantities min[] = {
		{ { [RESOURCE_CPUS] = 10 } }, { { [RESOURCE_MEM] = 32000 } },
	};
	const struct allocator_options options = {
		.interval_ms = 1000, .min = min, .n_min = 2, .accepts = accepts,
	};

	*world = (struct world){ 0 };
	rng_seed(&world->rng, 7);
	world->allocator = allocator_new(&options, &world->rng);
	assert_non_null(world->allocator);
}

static inline struct resources parse(const char *text)
{
	struct resources r = { 0 };
	struct err e = { 0 };

	if (resources_parse(text, &r, &e) < 0)
		fail_msg("%s", e.msg);
	return r;
}

static inline struct allocator_node *node(struct world *world, char *name, const char *text)
{
	struct resources total = parse(text);
	struct allocator_node *result;

	assert_int_equal(allocator_node_new(world->allocator, name, &total, &result), 0);
	allocator_node_set_active(result, true);
	resources_done(&total);
	return result;
}

static inline struct allocator_client *client(struct world *world, char *name, const char *role)
{
	struct allocator_client *result;

	assert_int_equal(allocator_client_new(world->allocator, name, name, role, &result), 0);
	assert_int_equal(allocator_client_set_active(result, true), 0);
	return result;
}

static inline size_t run(struct world *world, int64_t now_ms)
{
	forget(world);
	return allocator_run(world->allocator, now_ms, on_grant, world);
}

static inline void give_back(struct world *world, struct allocator_node *n,
			     struct allocator_client *c, size_t i)
{
	allocator_release(n, c, &world->grants[i].part);
}

#endif
