/* Rolling restarts: the formula alone, and every reachable path of it in a whole controller. */
#include "controller_world.h"

#include "master_stub/marathon/deployment/rolling.h"

static const struct {
	unsigned instances;
	double min_health, max_over;
	struct rolling_state is;	/* in the order of its members */
	struct rolling_plan plan;	/* stop old, stop new, start, done */
} rows[] = {
	/* The default doubles the app, then stops one old for every new that is good. */
	{ 4, 1, 1, { 4, 0, 0, 0, 0, 0, 0 }, { 0, 0, 4, false } },
	{ 4, 1, 1, { 4, 0, 0, 4, 0, 0, 0 }, { 0, 0, 0, false } },
	{ 4, 1, 1, { 4, 0, 1, 3, 0, 0, 0 }, { 1, 0, 0, false } },
	{ 4, 1, 1, { 0, 0, 4, 0, 0, 0, 0 }, { 0, 0, 0, true } },
	{ 4, 1, 1, { 0, 0, 4, 0, 1, 0, 0 }, { 0, 0, 0, false } },
	/* Half of it stops at once. */
	{ 4, .5, 0, { 4, 0, 0, 0, 0, 0, 0 }, { 2, 0, 0, false } },
	{ 4, .5, 0, { 2, 0, 0, 0, 2, 0, 0 }, { 0, 0, 0, false } },
	{ 4, .5, 0, { 2, 0, 0, 0, 0, 0, 0 }, { 0, 0, 2, false } },
	{ 4, .5, 0, { 2, 0, 1, 1, 0, 0, 0 }, { 1, 0, 0, false } },
	/* All stop, then all start. */
	{ 3, 0, 0, { 3, 0, 0, 0, 0, 0, 0 }, { 3, 0, 0, false } },
	{ 3, 0, 0, { 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 3, false } },
	/* No room in either direction: one more than wanted. */
	{ 3, 1, 0, { 3, 0, 0, 0, 0, 0, 0 }, { 0, 0, 1, false } },
	{ 3, 1, 0, { 3, 0, 1, 0, 0, 0, 0 }, { 1, 0, 0, false } },
	/* Those that are not healthy hold nothing up. */
	{ 3, 1, 0, { 0, 3, 0, 0, 0, 0, 0 }, { 3, 0, 1, false } },
	/* Those of which nothing is known after a restart are neither stopped nor counted on. */
	{ 3, 1, 0, { 0, 0, 0, 0, 0, 3, 0 }, { 0, 0, 1, false } },
	{ 4, .5, 0, { 3, 0, 0, 0, 0, 1, 0 }, { 1, 0, 0, false } },
	{ 1, 0, 0, { 0, 0, 1, 0, 0, 1, 0 }, { 0, 0, 0, false } },
	/* Those that may yet be healthy go when enough would be left if they were. */
	{ 2, 1, 1, { 1, 0, 0, 0, 0, 0, 1 }, { 0, 0, 2, false } },
	{ 2, 1, 1, { 1, 0, 1, 1, 0, 0, 1 }, { 1, 0, 0, false } },
	{ 2, 1, 1, { 0, 0, 2, 0, 0, 0, 2 }, { 2, 0, 0, false } },
	{ 2, 1, 0, { 0, 0, 1, 0, 0, 0, 2 }, { 1, 0, 0, false } },
	{ 4, .5, 0, { 0, 0, 0, 0, 0, 0, 4 }, { 2, 0, 0, false } },
	{ 4, .5, 0, { 3, 0, 0, 0, 0, 0, 1 }, { 2, 0, 0, false } },
	{ 4, .5, 0, { 1, 1, 0, 0, 0, 0, 2 }, { 2, 0, 0, false } },
	/* Smaller at the same time. */
	{ 2, 1, 1, { 6, 0, 0, 0, 0, 0, 0 }, { 4, 0, 0, false } },
	{ 2, 1, 1, { 0, 0, 3, 0, 0, 0, 0 }, { 0, 1, 0, false } },
	{ 0, 1, 1, { 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, true } },
};

static void test_formula(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct app app = { .instances = rows[i].instances,
					 .min_health = rows[i].min_health,
					 .max_over = rows[i].max_over };
		struct rolling_plan plan;

		rolling_plan(&app, &rows[i].is, &plan);
		if (plan.stop_old != rows[i].plan.stop_old || plan.start != rows[i].plan.start ||
		    plan.stop_new != rows[i].plan.stop_new || plan.is_done != rows[i].plan.is_done)
			fail_msg("row %zu: stop %u and %u, start %u, done %d", i, plan.stop_old,
				 plan.stop_new, plan.start, plan.is_done);
	}
}

/* ---- In a whole controller ---- */

static unsigned count_good(void)
{
	const struct instance *instance;
	unsigned n = 0;

	TAILQ_FOREACH(instance, &app("/web")->instances, of_app)
		n += instance_is_good(instance);
	return n;
}

static void post_web(double min_health, double max_over, unsigned instances)
{
	char definition[512];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":%u,\"healthChecks\":[{}],"
		       "\"upgradeStrategy\":{"
		       "\"minimumHealthCapacity\":%g,\"maximumOverCapacity\":%g}}",
		       instances, min_health, max_over);
	post(definition);
	for (int i = 0; i < 3; i++) {
		offer();
		let_it_be(1);
	}
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_good(), instances);
}

/* Healthy ones in truth, whatever the controller knows of them: old ones were, new ones ran. */
static unsigned count_standing(unsigned first_new)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++) {
		struct paper_task *task = task_at(i);

		n += !task->is_over && !task->is_killed && (i < first_new || task->is_healthy);
	}
	return n;
}

/*
 * One thing at a time happens, in an order that chance chooses: a task becomes healthy, a killed
 * one ends, an offer comes, the process is replaced.  The bounds hold at each of them.
 */
static void roll(double min_health, double max_over, unsigned n, uint64_t seed)
{
	unsigned first_new, min = (unsigned)ceil(n * min_health);
	unsigned max = (unsigned)floor(n * (1 + max_over));
	struct rng chance;

	rng_seed(&chance, seed);
	post_web(min_health, max_over, n);
	first_new = world.scheduler.n_tasks;
	assert_int_equal(apply(NULL, "!/web", false), 0);
	for (int step = 0; world.controller->n_deployments > 0; step++) {
		struct paper_task *task = task_at(
			(unsigned)rng_below(&chance, world.scheduler.n_tasks));

		assert_true(step < 20000);
		if (count_standing(first_new) < min)
			fail_msg("%u are left, %u are needed", count_standing(first_new), min);
		if (rng_below(&chance, 50) == 0) {
			restart_controller();
		} else if (rng_below(&chance, 4) == 0) {
			offer();
		} else if (!task->is_over && task->is_killed) {
			say(task, MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH);
		} else if (!task->is_over) {
			task->is_healthy = true;
			say(task, MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
		}
		if (count_alive_tasks() > (max == min ? max + 1 : max))
			fail_msg("%u tasks exist, %u may", count_alive_tasks(), max);
	}
	assert_int_equal(world.scheduler.n_tasks - first_new, n);
	assert_int_equal(count_good(), n);
	for (unsigned i = 0; i < first_new; i++)
		assert_true(task_at(i)->is_over);
}

static void test_bounds_hold_whatever_the_order(void **state)
{
	static const double capacities[][2] = {
		{ 1, 1 }, { .5, 0 }, { .5, .5 }, { 0, 0 }, { 1, 0 }, { .75, .25 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			(void)world_teardown(state);
			(void)world_setup(state);
			roll(capacities[i][0], capacities[i][1], 1 + (unsigned)seed, seed);
		}
	}
}

static void test_minimum_of_healthy_ones_is_never_undercut(void **state)
{
	(void)state;
	post_web(.5, 0, 4);
	assert_int_equal(apply(NULL, "!/web", false), 0);
	for (int i = 0; i < 60 && world.controller->n_deployments > 0; i++) {
		struct paper_task *task = task_at((unsigned)i % world.scheduler.n_tasks);

		/* Those that are being stopped no longer count: what is left must suffice. */
		assert_true(count_good() >= 2);
		if (i % 3 == 0)
			offer();
		if (task->is_over)
			continue;
		if (task->is_killed)
			say(task, MESOS__V1__TASK_STATE__TASK_KILLED, UNKNOWN_HEALTH);
		else
			say(task, MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	}
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_broken_new_version_leaves_the_old_one_alone(void **state)
{
	(void)state;
	post_web(1, 1, 3);
	post("{\"id\":\"/web\",\"cmd\":\"broken\"}");
	for (int round = 0; round < 10; round++) {
		wait_ms(400000);
		offer();
		for (unsigned i = 3; i < world.scheduler.n_tasks; i++) {
			if (!task_at(i)->is_over)
				say(task_at(i), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
		}
	}
	for (unsigned i = 0; i < 3; i++)
		assert_false(task_at(i)->is_killed);
	assert_int_equal(world.controller->n_deployments, 1);
	assert_int_equal(count_good(), 3);
}

/* Its neighbour was replaced a moment ago: another second and it would have been healthy. */
static void test_one_that_has_yet_to_show_its_health_waits_for_a_good_one(void **state)
{
	unsigned first_new;

	(void)state;
	post_web(1, 1, 2);
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	wait_ms(2000);
	offer();
	let_it_be(UNKNOWN_HEALTH);
	first_new = world.scheduler.n_tasks;
	assert_int_equal(first_new, 3);
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	offer();
	assert_int_equal(world.scheduler.n_tasks, first_new + 2);
	assert_false(task_at(1)->is_killed);
	assert_false(task_at(2)->is_killed);
	say(task_at(first_new), MESOS__V1__TASK_STATE__TASK_RUNNING, 1);
	assert_false(task_at(1)->is_killed);
	assert_true(task_at(2)->is_killed);
}

/* What keeps a GROUP_BY balanced comes after what keeps the service up. */
static void test_the_unhealthy_one_goes_first_also_from_the_smaller_group(void **state)
{
	static const char room[] = "cpus:64;mem:65536;disk:100000;ports:[31000-32000]";
	unsigned on_a = 0;

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"old\",\"instances\":3,\"healthChecks\":[{}],"
	     "\"constraints\":[[\"rack\",\"GROUP_BY\",\"2\"]],\"upgradeStrategy\":"
	     "{\"minimumHealthCapacity\":0.6,\"maximumOverCapacity\":0}}");
	for (int i = 0; i < 4; i++) {
		offer_from("a", "host-a", room, "A");
		offer_from("b", "host-b", room, "B");
	}
	assert_int_equal(world.scheduler.n_tasks, 3);
	let_it_be(1);
	for (unsigned i = 0; i < 3; i++)
		on_a += strcmp(task_at(i)->info->agent_id->value, "a") == 0;
	for (unsigned i = 0; i < 3; i++) {
		bool is_on_a = strcmp(task_at(i)->info->agent_id->value, "a") == 0;

		if (is_on_a == (on_a == 1))
			say(task_at(i), MESOS__V1__TASK_STATE__TASK_RUNNING, 0);
	}
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	for (unsigned i = 0; i < 3; i++) {
		bool is_on_a = strcmp(task_at(i)->info->agent_id->value, "a") == 0;

		assert_int_equal(task_at(i)->is_killed, is_on_a == (on_a == 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formula),
		WORLD_TEST(test_bounds_hold_whatever_the_order),
		WORLD_TEST(test_minimum_of_healthy_ones_is_never_undercut),
		WORLD_TEST(test_broken_new_version_leaves_the_old_one_alone),
		WORLD_TEST(test_one_that_has_yet_to_show_its_health_waits_for_a_good_one),
		WORLD_TEST(test_the_unhealthy_one_goes_first_also_from_the_smaller_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
