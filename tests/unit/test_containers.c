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

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/container.h"
#include "agent/launch_spec.h"
#include "agent/launched.h"
#include "agent/pods.h"
#include "agent/session.h"
#include "agent/task.h"
#include "agent/task_run.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "tests/unit/own_agent.h"

static char nowhere[] = "/nonexistent", own_id[] = "S";
static unsigned n_forgotten;

struct node_state {
	struct agent agent;
	struct own_id id;
};

static int setup(void **state)
{
	struct node_state *n = calloc(1, sizeof(*n));
	struct err e = { 0 };

	TAILQ_INIT(&n->agent.todo);
	TAILQ_INIT(&n->agent.custom);
	own_id_set(&n->id, &n->agent, own_id);
	n->agent.work_dir = nowhere;
	n->agent.layout.core = nowhere;
	n->agent.work_fd = -EBADF;
	rng_seed(&n->agent.rng, 1);
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
static Mesos__V1__ContainerID *split(Mesos__V1__ContainerID ids[MAX_DEPTH], char *path)
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

static Tepui__ContainerRecord *make_record(struct agent *agent, Tepui__ContainerRecord__Kind kind,
					   const char *path)
{
	Tepui__ContainerRecord record = TEPUI__CONTAINER_RECORD__INIT;
	Mesos__V1__ContainerID ids[MAX_DEPTH];
	Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
	Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskInfo task = MESOS__V1__TASK_INFO__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
	Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
	char id[16], copy[16];

	(void)snprintf(id, sizeof(id), "%s", path);
	memcpy(copy, id, sizeof(copy));
	framework.user = framework.name = framework_id.value = task.name = id;
	framework.id = &framework_id;
	task_id.value = executor_id.value = id;
	task.task_id = &task_id;
	task.agent_id = (Mesos__V1__AgentID *)(uintptr_t)agent->self->agent_id;
	executor.executor_id = &executor_id;
	record.id = id;
	record.container_id = split(ids, copy);
	record.kind = kind;
	record.framework = &framework;
	record.executor = &executor;
	record.task = &task;
	return (Tepui__ContainerRecord *)pb_copy(&record.base);
}

static void load(struct agent *agent, const char *path)
{
	Tepui__ContainerRecord__Kind kind = strchr(path, '.') ?
		TEPUI__CONTAINER_RECORD__KIND__NESTED : TEPUI__CONTAINER_RECORD__KIND__POD;
	struct err e = { 0 };

	assert_true(launched_load(agent, make_record(agent, kind, path), &e) >= 0);
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

/* ---- bounds ---- */

static int launch(struct agent *agent, struct err *e)
{
	struct launched *l;

	return launched_new(agent, make_record(agent, TEPUI__CONTAINER_RECORD__KIND__STANDALONE, "c"),
			    NULL, &l, e);
}

static void test_containers_are_bounded_like_tasks_and_leave_nothing_when_refused(void **state)
{
	struct node_state *n = *state;
	struct err e = { 0 };

	n->agent.max_tasks = 2;
	(void)make(&n->agent, "a", NULL);
	(void)make(&n->agent, "b", NULL);
	assert_int_equal(launch(&n->agent, &e), -EAGAIN);
	assert_string_equal(e.msg, "launch container 'c': the agent has 2 containers, as many as "
			    "it may open files for");
	n->agent.max_tasks = 3;
	err_clear(&e);
	/* It has no command. */
	assert_int_equal(launch(&n->agent, &e), -EINVAL);
	assert_null(container_find(&n->agent, "c"));
	assert_int_equal(n->agent.descriptions, 0);
	n->agent.descriptions = AGENT_MAX_DESCRIPTIONS + 1;
	err_clear(&e);
	assert_int_equal(launch(&n->agent, &e), -EAGAIN);
	container_forget(container_find(&n->agent, "a"));
	container_forget(container_find(&n->agent, "b"));
}

/* ---- what the master sends ---- */

struct order {
	Mesos__V1__FrameworkInfo framework;
	Mesos__V1__FrameworkID framework_id;
	Mesos__V1__ExecutorInfo executor;
	Mesos__V1__ExecutorID executor_id;
	Mesos__V1__TaskInfo task, twin, *tasks[2];
	Mesos__V1__TaskID task_id;
	Tepui__AgentEvent__RunTaskGroup group;
};

/* A group of two tasks of the same id, or each of them. */
static void order(struct order *o, const struct agent *agent, char *framework_id, char *executor_id,
		  char *task_id)
{
	static char user[] = "nobody";

	mesos__v1__framework_info__init(&o->framework);
	mesos__v1__framework_id__init(&o->framework_id);
	mesos__v1__executor_info__init(&o->executor);
	mesos__v1__executor_id__init(&o->executor_id);
	mesos__v1__task_info__init(&o->task);
	mesos__v1__task_id__init(&o->task_id);
	tepui__agent_event__run_task_group__init(&o->group);
	o->framework.user = o->framework.name = user;
	o->framework_id.value = framework_id;
	o->framework.id = &o->framework_id;
	o->executor_id.value = executor_id;
	o->executor.executor_id = &o->executor_id;
	o->task.name = o->task_id.value = task_id;
	o->task.task_id = &o->task_id;
	o->task.agent_id = agent->self->agent_id;
	o->task.executor = &o->executor;
	o->twin = o->task;
	o->tasks[0] = &o->task;
	o->tasks[1] = &o->twin;
	o->group.framework = &o->framework;
	o->group.executor = &o->executor;
	o->group.tasks = o->tasks;
	o->group.n_tasks = ARRAY_SIZE(o->tasks);
}

static void assert_nothing_is_left(const struct agent *agent)
{
	assert_null(agent->tasks);
	assert_null(agent->containers);
	assert_true(TAILQ_EMPTY(&agent->custom));
	assert_true(TAILQ_EMPTY(&agent->todo));
	assert_int_equal(agent->descriptions, 0);
}

/* Framework, executor, task: they become names of directories. */
static const char *const bad_ids[][3] = {
	{ "..", "e", "t" }, { "f", "..", "t" }, { "f", "a/../../b", "t" }, { "f", "e", "../t" },
	{ "f", "", "t" }, { "a/b", "e", "t" },
};

static void test_ids_that_are_no_names_are_refused_and_leave_nothing(void **state)
{
	struct node_state *n = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_ids); i++) {
		char ids[3][16];
		struct err e = { 0 };
		struct order o;

		for (size_t k = 0; k < ARRAY_SIZE(ids); k++)
			(void)snprintf(ids[k], sizeof(ids[k]), "%s", bad_ids[i][k]);
		order(&o, &n->agent, ids[0], ids[1], ids[2]);
		assert_int_equal(task_run(&n->agent, &o.framework, &o.task, &e), -EINVAL);
		assert_nothing_is_left(&n->agent);
		err_clear(&e);
		assert_int_equal(pods_run(&n->agent, &o.group, &e), -EINVAL);
		assert_nothing_is_left(&n->agent);
	}
}

static char framework_id[] = "f", an_executor[] = "e", a_task[] = "t";

static void test_an_executor_of_a_task_that_was_here_is_not_begun(void **state)
{
	struct node_state *n = *state;
	struct err e = { 0 };
	struct order o;

	order(&o, &n->agent, framework_id, an_executor, a_task);
	assert_int_equal(tombstone_add(&n->agent, "f/t", &e), 0);
	assert_int_equal(task_run(&n->agent, &o.framework, &o.task, &e), 0);
	assert_nothing_is_left(&n->agent);
	tombstones_free(&n->agent);
}

static void test_a_group_that_cannot_be_kept_whole_leaves_nothing(void **state)
{
	struct node_state *n = *state;
	struct err e = { 0 };
	struct order o;

	order(&o, &n->agent, framework_id, an_executor, a_task);
	assert_int_equal(pods_run(&n->agent, &o.group, &e), -EEXIST);
	assert_nothing_is_left(&n->agent);
}

static void test_a_group_of_which_one_was_here_is_not_begun(void **state)
{
	struct node_state *n = *state;
	struct err e = { 0 };
	struct order o;

	order(&o, &n->agent, framework_id, an_executor, a_task);
	assert_int_equal(tombstone_add(&n->agent, "f/t", &e), 0);
	assert_int_equal(pods_run(&n->agent, &o.group, &e), 0);
	assert_nothing_is_left(&n->agent);
	tombstones_free(&n->agent);
}

/* The refusal of the group of TASK and TWIN; what is left of it is taken away. */
static void assert_refused(struct agent *agent, Mesos__V1__TaskStatus__Reason reason)
{
	static char twin_id[] = "u";
	Mesos__V1__TaskID twin = MESOS__V1__TASK_ID__INIT;
	struct task *task, *next;
	struct err e = { 0 };
	struct order o;

	order(&o, agent, framework_id, an_executor, a_task);
	twin.value = twin_id;
	o.twin.task_id = &twin;
	assert_int_equal(pods_run(agent, &o.group, &e), 0);
	assert_int_equal(HASH_COUNT(agent->tasks), 2);
	HASH_ITER(hh, agent->tasks, task, next) {
		assert_int_equal(task_state(task), MESOS__V1__TASK_STATE__TASK_LOST);
		assert_int_equal(task->record->latest->reason, reason);
		assert_int_equal(task->todo.is_volatile, agent->is_disk_bad);
		task_free(task);
	}
	assert_nothing_is_left(agent);
}

static void test_a_group_for_an_agent_that_drains_is_dropped(void **state)
{
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	struct node_state *n = *state;

	n->id.record.drain = &config;
	assert_refused(&n->agent, MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING);
}

/* As many as the master lets through, however many are taken: each is told of. */
static void test_a_group_of_a_thousand_is_answered(void **state)
{
	enum { N_TASKS = 1000 };
	Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;
	struct node_state *n = *state;
	Mesos__V1__TaskInfo *infos = calloc(N_TASKS, sizeof(*infos)), *list[N_TASKS];
	Mesos__V1__TaskID *ids = calloc(N_TASKS, sizeof(*ids));
	char names[N_TASKS][8];
	struct task *task, *next;
	struct err e = { 0 };
	struct order o;

	order(&o, &n->agent, framework_id, an_executor, a_task);
	for (size_t i = 0; i < N_TASKS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "t%zu", i);
		mesos__v1__task_id__init(&ids[i]);
		ids[i].value = names[i];
		infos[i] = o.task;
		infos[i].task_id = &ids[i];
		list[i] = &infos[i];
	}
	o.group.tasks = list;
	o.group.n_tasks = N_TASKS;
	n->id.record.drain = &config;
	assert_int_equal(pods_run(&n->agent, &o.group, &e), 0);
	assert_int_equal(HASH_COUNT(n->agent.tasks), N_TASKS);
	HASH_ITER(hh, n->agent.tasks, task, next) {
		assert_int_equal(task->record->n_updates, 1);
		task_free(task);
	}
	assert_nothing_is_left(&n->agent);
	free(ids);
	free(infos);
}

/* Not kept, for that is what does not work. */
static void test_a_group_for_an_agent_that_cannot_write_is_told_of_at_once(void **state)
{
	struct node_state *n = *state;

	n->agent.max_tasks = AGENT_MAX_TASKS;
	n->agent.is_disk_bad = true;
	assert_refused(&n->agent, MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN);
	assert_false(store_is_dirty(n->agent.store));
}

/* It was spawned, and its processes are not there yet: who comes meanwhile waits for them. */
static void test_who_joins_a_pod_that_is_about_to_run_is_only_checked(void **state)
{
	static char endpoint[] = "127.0.0.1:1";
	struct node_state *n = *state;
	struct container *pod = make(&n->agent, "p", NULL), *member = make(&n->agent, "m", pod);
	struct err e = { 0 };
	struct order o;

	n->agent.endpoint = endpoint;
	order(&o, &n->agent, framework_id, an_executor, a_task);
	member->info = &o.task;
	member->of = &o.framework;
	member->sandbox = strdup(nowhere);
	pod->state = CONTAINER_WAITING;
	/* It has no command. */
	assert_int_equal(admission_describe(member, &e), -EINVAL);
	assert_null(strstr(e.msg, "does not run"));
	container_drop_launch(member);
	pod->has_started = true;
	err_clear(&e);
	assert_int_equal(admission_describe(member, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "does not run"));
	pod->state = CONTAINER_GONE;
	container_forget(pod);
}

static struct task *make_task(struct agent *agent)
{
	Tepui__TaskRecord record = TEPUI__TASK_RECORD__INIT;
	struct err e = { 0 };
	struct task *task;
	struct order o;

	order(&o, agent, framework_id, an_executor, a_task);
	o.task.executor = NULL;
	record.container_id = a_task;
	record.framework = &o.framework;
	record.task = &o.task;
	record.state = MESOS__V1__TASK_STATE__TASK_STAGING;
	assert_int_equal(task_new(agent, (Tepui__TaskRecord *)pb_copy(&record.base), &task, &e), 0);
	return task;
}

/* One of its members has ended: that it is not whole is no news, and no reason to kill the other. */
static void test_a_group_of_an_executor_that_comes_again_is_left_alone(void **state)
{
	static char twin_id[] = "u";
	Mesos__V1__TaskID twin = MESOS__V1__TASK_ID__INIT;
	struct node_state *n = *state;
	struct task *task = make_task(&n->agent);
	struct err e = { 0 };
	struct order o;

	order(&o, &n->agent, framework_id, an_executor, a_task);
	twin.value = twin_id;
	o.twin.task_id = &twin;
	assert_int_equal(tombstone_add(&n->agent, "f/u", &e), 0);
	assert_int_equal(task_run_group(&n->agent, &o.group, &e), 0);
	assert_false(task->record->kill_requested);
	task_free(task);
	tombstones_free(&n->agent);
}

/* As long as its refusal is not acknowledged. */
static void test_a_session_of_a_task_without_a_command_is_refused(void **state)
{
	Mesos__V1__Agent__Call__LaunchNestedContainerSession call =
		MESOS__V1__AGENT__CALL__LAUNCH_NESTED_CONTAINER_SESSION__INIT;
	Mesos__V1__ContainerID id = MESOS__V1__CONTAINER_ID__INIT;
	Mesos__V1__ContainerID parent = MESOS__V1__CONTAINER_ID__INIT;
	struct node_state *n = *state;
	struct task *task = make_task(&n->agent);
	struct err e = { 0 };

	TAILQ_INIT(&n->agent.sessions);
	id.value = parent.value = a_task;
	id.parent = &parent;
	call.container_id = &id;
	assert_int_equal(session_launch(NULL, task->container, &call, &e), -EINVAL);
	task_free(task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_one_that_is_cancelled_may_be_forgotten_at_once),
		TEST(test_one_that_cannot_be_spawned_may_be_forgotten_at_once),
		TEST(test_what_is_within_is_forgotten_with_it_at_every_depth),
		TEST(test_a_pod_may_take_along_what_would_be_settled_next),
		TEST(test_containers_are_bounded_like_tasks_and_leave_nothing_when_refused),
		TEST(test_ids_that_are_no_names_are_refused_and_leave_nothing),
		TEST(test_an_executor_of_a_task_that_was_here_is_not_begun),
		TEST(test_a_group_that_cannot_be_kept_whole_leaves_nothing),
		TEST(test_a_group_of_which_one_was_here_is_not_begun),
		TEST(test_a_group_for_an_agent_that_drains_is_dropped),
		TEST(test_a_group_of_a_thousand_is_answered),
		TEST(test_a_group_for_an_agent_that_cannot_write_is_told_of_at_once),
		TEST(test_who_joins_a_pod_that_is_about_to_run_is_only_checked),
		TEST(test_a_group_of_an_executor_that_comes_again_is_left_alone),
		TEST(test_a_session_of_a_task_without_a_command_is_refused),
	};

	return cmocka_run_group_tests_name("containers", tests, NULL, NULL);
}
