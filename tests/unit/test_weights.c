/* Shares of new connections: of apps and of canaries, and what the master is told of them. */
#include "controller_world.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/rollout.h"

#define SERVICE "\"portDefinitions\":[{\"port\":0,\"labels\":{\"VIP_0\":\"/web:80\"}}]"

/* N instances of "old", and MORE fields with the comma before them. */
static void start(unsigned n, const char *more)
{
	char definition[512];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/web\",\"cmd\":\"old\",\"cpus\":0.1,\"mem\":1,\"instances\":%u,"
		       "\"backoffSeconds\":0," SERVICE "%s}", n, more);
	post(definition);
	offer();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.scheduler.n_tasks, n);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void check_weights(unsigned first, unsigned n, int weight)
{
	for (unsigned i = first; i < first + n; i++)
		assert_int_equal(task_at(i)->weight, weight);
}

static void test_a_task_is_launched_with_its_weight(void **state)
{
	(void)state;
	start(2, "");
	assert_null(task_at(0)->info->discovery->labels);
	post("{\"id\":\"/other\",\"cmd\":\"x\",\"weight\":3," SERVICE "}");
	offer();
	assert_int_equal(task_at(2)->weight, 3);
	assert_int_equal(world.scheduler.n_weighs, 0);
}

static void test_another_weight_is_adopted_by_those_that_run(void **state)
{
	(void)state;
	start(3, ",\"weight\":2");
	post("{\"id\":\"/web\",\"weight\":0}");
	check_weights(0, 3, 0);
	assert_int_equal(world.scheduler.n_weighs, 3);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(apply("{\"id\":\"/web\",\"weight\":7,\"instances\":4}", NULL, false), 0);
	offer();
	let_it_be(UNKNOWN_HEALTH);
	check_weights(0, 4, 7);
	assert_int_equal(world.scheduler.n_weighs, 6);
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_int_equal(world.scheduler.n_kills, 0);
}

static void test_versions_have_their_own_until_they_are_replaced(void **state)
{
	(void)state;
	start(2, ",\"weight\":9,\"upgradeStrategy\":{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":1}");
	post("{\"id\":\"/web\",\"weight\":2}");
	post("{\"id\":\"/web\",\"cmd\":\"new\",\"weight\":5}");
	offer();
	assert_int_equal(task_at(2)->weight, 5);
	check_weights(0, 2, 2);
	assert_int_equal(world.scheduler.n_weighs, 2);
}

/* What it knew is in its memory only. */
static void test_a_new_master_is_told_of_everybody_again(void **state)
{
	(void)state;
	start(2, ",\"weight\":2");
	post("{\"id\":\"/web\",\"weight\":4}");
	task_at(0)->weight = task_at(1)->weight = 2;
	restart_controller();
	assert_int_equal(world.scheduler.n_weighs, 2);
	let_it_be(UNKNOWN_HEALTH);
	check_weights(0, 2, 4);
	assert_int_equal(world.scheduler.n_weighs, 4);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.scheduler.n_weighs, 4);
}

static void test_an_agent_that_comes_back_is_told_of_again(void **state)
{
	const char *id;

	(void)state;
	start(1, ",\"weight\":2,\"unreachableStrategy\":\"disabled\"");
	post("{\"id\":\"/web\",\"weight\":4}");
	id = task_at(0)->info->task_id->value;
	say_full(id, MESOS__V1__TASK_STATE__TASK_UNREACHABLE, UNKNOWN_HEALTH, "gone",
		 MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED);
	task_at(0)->weight = 2;
	post("{\"id\":\"/other\",\"cmd\":\"x\"}");
	assert_int_equal(task_at(0)->weight, 2);
	let_it_be(UNKNOWN_HEALTH);
	check_weights(0, 1, 4);
}

static void test_who_is_behind_no_service_is_not_weighed(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"weight\":2}");
	offer();
	let_it_be(UNKNOWN_HEALTH);
	post("{\"id\":\"/web\",\"weight\":3}");
	assert_int_equal(world.scheduler.n_weighs, 0);
}

/* ---- Canaries ---- */

static const char *start_canary(unsigned n, int percent)
{
	static char id[ID_UUID_SIZE];
	char more[128];

	(void)snprintf(more, sizeof(more), ",\"deployment\":{\"canary\":{\"count\":1,\"weight\":%d}}",
		       percent);
	start(n, more);
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	memcpy(id, last_result.deployment_id, sizeof(id));
	offer();
	assert_int_equal(world.scheduler.n_tasks, n + 1);
	return id;
}

static int weigh(const char *id, unsigned percent)
{
	struct change_result result;
	struct refusal refusal = { 0 };
	int status;

	(void)rollout_weigh(world.controller, id, percent, world.now_ms, &result, &refusal);
	status = refusal.status;
	refusal_done(&refusal);
	turn();
	return status;
}

static void test_a_canary_is_promoted_in_steps(void **state)
{
	const char *id = start_canary(3, 10);
	struct change_result result;
	struct refusal refusal = { 0 };

	(void)state;
	/* Before it is up, so that nothing is different when it is. */
	assert_int_equal(task_at(3)->weight, 30);
	turn();
	check_weights(0, 3, 90);
	assert_int_equal(world.scheduler.n_weighs, 3);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(world.scheduler.n_weighs, 3);
	assert_int_equal(task_at(3)->weight, 30);
	check_weights(0, 3, 90);
	assert_int_equal(weigh(id, 50), 0);
	assert_int_equal(task_at(3)->weight, 150);
	check_weights(0, 3, 50);
	assert_int_equal(count_events("deployment_canary_weight_event"), 1);
	/* What was decided outlives the master. */
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(task_at(3)->weight, 150);
	assert_int_equal(weigh(id, 100), 0);
	assert_int_equal(task_at(3)->weight, 300);
	check_weights(0, 3, 0);
	assert_int_equal(rollout_do(world.controller, id, ROLLOUT_PROMOTE, world.now_ms, &result,
				    &refusal), 0);
	turn();
	check_weights(0, 4, 1);
	assert_int_equal(weigh(id, 10), 409);
	assert_int_equal(weigh("none", 10), 404);
	/* Nothing was started or stopped for it. */
	assert_int_equal(world.scheduler.n_tasks, 4);
}

static void test_shares_are_no_more_than_a_weight_can_be(void **state)
{
	(void)start_canary(40, 99);
	(void)state;
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(task_at(40)->weight, 1000);
	check_weights(0, 40, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_task_is_launched_with_its_weight),
		WORLD_TEST(test_another_weight_is_adopted_by_those_that_run),
		WORLD_TEST(test_versions_have_their_own_until_they_are_replaced),
		WORLD_TEST(test_a_new_master_is_told_of_everybody_again),
		WORLD_TEST(test_an_agent_that_comes_back_is_told_of_again),
		WORLD_TEST(test_who_is_behind_no_service_is_not_weighed),
		WORLD_TEST(test_a_canary_is_promoted_in_steps),
		WORLD_TEST(test_shares_are_no_more_than_a_weight_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
