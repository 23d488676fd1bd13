/* What becomes of a container in the agent's memory when its owner lets go of it within a callback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/launch_spec.h"
#include "agent/launched.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/store.h"

static char nowhere[] = "/nonexistent", own_id[] = "S";
static unsigned n_forgotten;

struct node_state {
	struct agent agent;
	Tepui__AgentRecord self;
	Mesos__V1__AgentID id;
};

static int setup(void **state)
{
	struct node_state *n = calloc(1, sizeof(*n));
	struct err e = { 0 };

	TAILQ_INIT(&n->agent.todo);
	tepui__agent_record__init(&n->self);
	mesos__v1__agent_id__init(&n->id);
	n->id.value = own_id;
	n->self.agent_id = &n->id;
	n->agent.self = &n->self;
	n->agent.work_dir = nowhere;
	n->agent.layout.core = nowhere;
	n->agent.work_fd = -EBADF;
	(void)snprintf(n->agent.node.boot_id, sizeof(n->agent.node.boot_id), "this-boot");
	n_forgotten = 0;
	*state = n;
	return store_open_memory(&n->agent.store, &e) < 0 || loop_new(&n->agent.loop, &e) < 0;
}

static int teardown(void **state)
{
	struct node_state *n = *state;

	launched_free_all(&n->agent);
	loop_free(n->agent.loop);
	store_close(n->agent.store);
	free(n);
	return 0;
}

/* ---- owners that let go at once ---- */

static void forget(struct container *c)
{
	n_forgotten++;
	container_forget(c);
}

static void forget_failed(struct container *c, const struct err *why)
{
	assert_true(why->code);
	forget(c);
}

static const struct container_ops ops = {
	.failed = forget_failed, .cancelled = forget, .orphaned = forget,
};

static struct container *make(struct agent *agent, const char *id, struct container *parent)
{
	struct container_seed seed = {
		.kind = CONTAINER_STANDALONE, .ops = &ops, .id = id, .framework = "f",
		.executor = id, .parent = parent,
	};
	struct container *c;
	struct err e = { 0 };

	assert_int_equal(container_new(agent, &seed, &c, &e), 0);
	return c;
}

static void proceed(struct container *c)
{
	c->launch = calloc(1, sizeof(*c->launch));
	assert_non_null(c->launch);
	c->todo.proceed(c->todo.arg, true);
}

static void test_one_that_is_cancelled_may_be_forgotten_at_once(void **state)
{
	struct node_state *n = *state;
	struct container *c = make(&n->agent, "c", NULL);

	c->is_kill_wanted = true;
	proceed(c);
	assert_int_equal(n_forgotten, 1);
	assert_null(container_find(&n->agent, "c"));
}

static void test_one_that_cannot_be_spawned_may_be_forgotten_at_once(void **state)
{
	struct node_state *n = *state;

	proceed(make(&n->agent, "c", NULL));
	assert_int_equal(n_forgotten, 1);
	assert_null(container_find(&n->agent, "c"));
	assert_int_equal(n->agent.counters.launch_errors, 1);
}

/* Each is the next of the one that takes it along. */
static void test_what_is_within_is_forgotten_with_it_at_every_depth(void **state)
{
	struct node_state *n = *state;
	struct container *outer = make(&n->agent, "a", NULL);
	struct container *middle = make(&n->agent, "a.b", outer);
	struct container *inner = make(&n->agent, "a.b.c", middle);

	(void)make(&n->agent, "a.b.c.d", inner);
	(void)make(&n->agent, "a.e", outer);
	container_forget(outer);
	assert_int_equal(n_forgotten, 4);
	assert_null(n->agent.containers);
}

/* ---- recovery ---- */

enum { MAX_DEPTH = 4 };

/* PATH: its name after those that it is in, with dots between. */
static Mesos__V1__ContainerID *name(Mesos__V1__ContainerID ids[MAX_DEPTH], char *path)
{
	Mesos__V1__ContainerID *id = NULL;

	for (size_t i = 0; i < MAX_DEPTH && path; i++) {
		mesos__v1__container_id__init(&ids[i]);
		ids[i].parent = id;
		ids[i].value = strsep(&path, ".");
		id = &ids[i];
	}
	return id;
}

static void load(struct agent *agent, const char *path)
{
	Tepui__ContainerRecord record = TEPUI__CONTAINER_RECORD__INIT;
	Mesos__V1__ContainerID ids[MAX_DEPTH];
	Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskInfo task = MESOS__V1__TASK_INFO__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
	Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
	struct err e = { 0 };
	char id[16], copy[16];
	unsigned char data[4096];

	(void)snprintf(id, sizeof(id), "%s", path);
	memcpy(copy, id, sizeof(copy));
	framework.user = framework.name = framework_id.value = task.name = id;
	framework.id = &framework_id;
	task_id.value = executor_id.value = id;
	task.task_id = &task_id;
	task.agent_id = (Mesos__V1__AgentID *)(uintptr_t)agent->self->agent_id;
	executor.executor_id = &executor_id;
	record.id = id;
	record.container_id = name(ids, copy);
	record.kind = record.container_id->parent ? TEPUI__CONTAINER_RECORD__KIND__NESTED :
						    TEPUI__CONTAINER_RECORD__KIND__POD;
	record.framework = &framework;
	record.executor = &executor;
	record.task = &task;
	assert_true(tepui__container_record__get_packed_size(&record) <= sizeof(data));
	assert_true(launched_load(agent, tepui__container_record__unpack(
			NULL, tepui__container_record__pack(&record, data), data), &e) >= 0);
}

/* None of them was spawned: each ends as it is settled, and a pod is forgotten then. */
static void test_a_pod_may_take_along_what_would_be_settled_next(void **state)
{
	static const char *const paths[] = { "p", "p.a", "p.a.b", "q" };
	struct node_state *n = *state;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		load(&n->agent, paths[i]);
	launched_settle(&n->agent, true);
	launched_settle(&n->agent, false);
	assert_null(n->agent.containers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_one_that_is_cancelled_may_be_forgotten_at_once),
		TEST(test_one_that_cannot_be_spawned_may_be_forgotten_at_once),
		TEST(test_what_is_within_is_forgotten_with_it_at_every_depth),
		TEST(test_a_pod_may_take_along_what_would_be_settled_next),
	};

	return cmocka_run_group_tests_name("containers", tests, NULL, NULL);
}
