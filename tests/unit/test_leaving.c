/* Instances that are replaced before they go. */
#include "controller_world.h"

/* N of /web run; the first two of them are to be replaced. */
static void start(unsigned n, const char *upgrade)
{
	struct instance *list[2];
	struct refusal refusal = { 0 };
	char definition[256];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/web\",\"cmd\":\"x\",\"instances\":%u,\"upgradeStrategy\":%s}", n,
		       upgrade);
	post(definition);
	offer();
	let_it_be(UNKNOWN_HEALTH);
	for (unsigned i = 0; i < 2; i++)
		list[i] = instance_find_task(world.controller, task_at(i)->info->task_id->value);
	assert_int_equal(changes_replace(world.controller, list, 2, world.now_ms, &refusal), 0);
	turn();
}

static unsigned count_killed(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		n += task_at(i)->is_killed;
	return n;
}

static void finish(void)
{
	for (int i = 0; i < 6; i++) {
		offer();
		let_it_be(UNKNOWN_HEALTH);
	}
	assert_true(task_at(0)->is_over && task_at(1)->is_over);
	assert_int_equal(count_killed(), 2);
	assert_int_equal(count_alive_tasks(), app("/web")->target->instances);
}

static void test_others_are_up_before_they_go(void **state)
{
	(void)state;
	start(3, "{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":1}");
	assert_int_equal(count_killed(), 0);
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	offer();
	assert_int_equal(world.scheduler.n_tasks, 5);
	assert_int_equal(count_killed(), 0);
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_RUNNING, UNKNOWN_HEALTH);
	assert_int_equal(count_killed(), 1);
	finish();
}

static void test_capacity_holds_above_and_below(void **state)
{
	static const struct {
		const char *upgrade;
		unsigned killed, started;
	} rows[] = {
		{ "{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":0.25}", 0, 1 },
		{ "{\"minimumHealthCapacity\":0.75,\"maximumOverCapacity\":0}", 1, 0 },
		{ "{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":0}", 0, 1 },
		{ "{\"minimumHealthCapacity\":0,\"maximumOverCapacity\":0}", 2, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)world_teardown(state);
		(void)world_setup(state);
		start(4, rows[i].upgrade);
		offer();
		assert_int_equal(count_killed(), rows[i].killed);
		assert_int_equal(world.scheduler.n_tasks, 4 + rows[i].started);
		finish();
	}
}

static void test_nothing_is_killed_while_no_other_fits(void **state)
{
	(void)state;
	start(3, "{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":1}");
	assert_int_equal(app("/web")->wanted, 2);
	wait_ms((int64_t)86400 * 1000);
	assert_int_equal(count_killed(), 0);
	assert_int_equal(app("/web")->wanted, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_others_are_up_before_they_go),
		WORLD_TEST(test_capacity_holds_above_and_below),
		WORLD_TEST(test_nothing_is_killed_while_no_other_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
