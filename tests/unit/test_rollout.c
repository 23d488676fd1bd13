/* Canaries, and what operators decide of deployments that are under way. */
#include "controller_world.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/rollout.h"

static struct change_result answer;

/* The status of the refusal; 0 when it was done. */
static int decide(const char *id, enum rollout_verb verb)
{
	struct refusal refusal = { 0 };
	int status;

	(void)rollout_do(world.controller, id, verb, world.now_ms, &answer, &refusal);
	status = refusal.status;
	refusal_done(&refusal);
	turn();
	return status;
}

static bool has_member(const char *id, const char *key)
{
	json_t *view = deployment_state_view(world.controller, id);
	bool has = json_object_get(view, key) != NULL;

	json_decref(view);
	return has;
}

static void settle(void)
{
	for (int i = 0; i < 12; i++) {
		offer();
		let_it_be(UNKNOWN_HEALTH);
	}
}

static unsigned count_running(const char *cmd)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.scheduler.n_tasks; i++)
		n += !task_at(i)->is_over &&
		     strcmp(task_at(i)->info->command->value, cmd) == 0;
	return n;
}

/* Three old ones, and the canaries of a change; the id of its deployment. */
static const char *start_canary(const char *more)
{
	static char id[ID_UUID_SIZE];
	char definition[256];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/web\",\"cmd\":\"old\",\"instances\":3,\"upgradeStrategy\":"
		       "{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":0},"
		       "\"backoffSeconds\":0,\"deployment\":{\"canary\":{\"count\":1%s}}}", more);
	post(definition);
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	memcpy(id, last_result.deployment_id, sizeof(id));
	return id;
}

static void test_canaries_run_beside_the_old_ones_until_promoted(void **state)
{
	const char *id = start_canary("");

	(void)state;
	assert_true(has_member(id, "canaries"));
	assert_int_equal(decide(id, ROLLOUT_PROMOTE), 409);
	settle();
	assert_int_equal(count_running("old"), 3);
	assert_int_equal(count_running("new"), 1);
	assert_true(has_member(id, "awaitsPromotion"));
	assert_int_equal(count_events("deployment_awaits_promotion_event"), 1);
	wait_ms((int64_t)86400 * 1000 * 30);
	assert_int_equal(count_running("new"), 1);
	assert_int_equal(decide(id, ROLLOUT_PROMOTE), 0);
	assert_string_equal(answer.deployment_id, id);
	assert_int_equal(count_events("deployment_promoted_event"), 1);
	/* It goes on by that, not by what happens next. */
	assert_true(task_at(0)->is_killed || task_at(1)->is_killed || task_at(2)->is_killed);
	assert_int_equal(decide(id, ROLLOUT_PROMOTE), 409);
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_running("old"), 0);
	assert_int_equal(count_running("new"), 3);
}

static void test_a_canary_that_is_aborted_leaves_the_old_ones_alone(void **state)
{
	const char *id = start_canary("");

	(void)state;
	settle();
	assert_int_equal(decide(id, ROLLOUT_ABORT), 0);
	assert_string_not_equal(answer.deployment_id, id);
	assert_true(has_member(id, "reason"));
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_string_equal(app("/web")->target->cmd, "old");
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_int_equal(count_running("old"), 3);
	assert_int_equal(count_running("new"), 0);
}

/* Whoever of both dies is replaced by one of its own kind. */
static void test_old_ones_and_canaries_are_replaced_as_they_were(void **state)
{
	(void)start_canary("");
	(void)state;
	settle();
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	settle();
	assert_int_equal(count_running("old"), 3);
	assert_int_equal(count_running("new"), 1);
}

static void test_a_restart_of_the_master_changes_nothing(void **state)
{
	const char *id = start_canary("");

	(void)state;
	settle();
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	settle();
	assert_int_equal(count_running("old"), 3);
	assert_int_equal(count_running("new"), 1);
	assert_true(has_member(id, "awaitsPromotion"));
	assert_int_equal(decide(id, ROLLOUT_PROMOTE), 0);
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_running("new"), 3);
}

static void test_what_is_new_or_only_restarted_or_scaled_has_no_canaries(void **state)
{
	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"x\",\"deployment\":{\"canary\":{\"count\":1}}}");
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(apply(NULL, "!/web", false), 0);
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	post("{\"id\":\"/web\",\"instances\":2}");
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_a_deadline_is_for_canaries_that_do_not_come_up(void **state)
{
	const char *id = start_canary("},\"deadlineSeconds\":10,\"rollback\":true,\"canary\":"
				      "{\"count\":1");

	(void)state;
	settle();
	wait_ms(100000);
	assert_true(has_member(id, "awaitsPromotion"));
	say(task_at(3), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	wait_ms(9999);
	assert_true(has_member(id, "currentActions"));
	wait_ms(1);
	assert_true(has_member(id, "reason"));
	settle();
	assert_int_equal(count_running("old"), 3);
	assert_string_equal(app("/web")->target->cmd, "old");
}

static json_int_t weight_of(unsigned i)
{
	const struct instance *instance =
		instance_find_task(world.controller, task_at(i)->info->task_id->value);
	json_t *view = task_view(world.controller, instance);
	const json_t *weight = json_object_get(view, "weight");
	json_int_t value = weight ? json_integer_value(weight) : -1;

	json_decref(view);
	return value;
}

static void test_weights_sum_up_to_the_canaries_share(void **state)
{
	const char *id = start_canary(",\"weight\":10");

	(void)state;
	assert_int_equal(weight_of(0), -1);
	settle();
	/* 30 : 3 x 90. */
	assert_int_equal(weight_of(3), 30);
	assert_int_equal(weight_of(0), 90);
	assert_int_equal(decide(id, ROLLOUT_PROMOTE), 0);
	assert_int_equal(weight_of(3), -1);
}

static void test_a_paused_deployment_starts_and_stops_nothing(void **state)
{
	char id[ID_UUID_SIZE];

	(void)state;
	post("{\"id\":\"/web\",\"cmd\":\"old\",\"instances\":4,\"backoffSeconds\":0,"
	     "\"upgradeStrategy\":{\"minimumHealthCapacity\":1,\"maximumOverCapacity\":0.25}}");
	settle();
	post("{\"id\":\"/web\",\"cmd\":\"new\"}");
	memcpy(id, last_result.deployment_id, sizeof(id));
	offer();
	assert_int_equal(decide(id, ROLLOUT_RESUME), 409);
	assert_int_equal(decide(id, ROLLOUT_PAUSE), 0);
	assert_int_equal(decide(id, ROLLOUT_PAUSE), 409);
	settle();
	assert_int_equal(count_running("old"), 4);
	assert_int_equal(count_running("new"), 1);
	assert_true(has_member(id, "paused"));
	/* Five are there and four are to be; the second that ends is missing. */
	say(task_at(0), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	settle();
	assert_int_equal(count_alive_tasks(), 4);
	say(task_at(1), MESOS__V1__TASK_STATE__TASK_FAILED, UNKNOWN_HEALTH);
	restart_controller();
	let_it_be(UNKNOWN_HEALTH);
	settle();
	assert_int_equal(count_running("old"), 3);
	assert_int_equal(count_running("new"), 1);
	assert_int_equal(decide(id, ROLLOUT_RESUME), 0);
	settle();
	settle();
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(count_running("new"), 4);
	assert_int_equal(count_running("old"), 0);
}

static void test_what_cannot_be_aborted_goes_on(void **state)
{
	(void)state;
	assert_int_equal(decide("nosuch", ROLLOUT_ABORT), 404);
	post("{\"id\":\"/web\",\"cmd\":\"x\"}");
	assert_int_equal(decide(last_result.deployment_id, ROLLOUT_ABORT), 409);
	settle();
	assert_int_equal(count_events("deployment_success"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_canaries_run_beside_the_old_ones_until_promoted),
		WORLD_TEST(test_a_canary_that_is_aborted_leaves_the_old_ones_alone),
		WORLD_TEST(test_old_ones_and_canaries_are_replaced_as_they_were),
		WORLD_TEST(test_a_restart_of_the_master_changes_nothing),
		WORLD_TEST(test_what_is_new_or_only_restarted_or_scaled_has_no_canaries),
		WORLD_TEST(test_a_deadline_is_for_canaries_that_do_not_come_up),
		WORLD_TEST(test_weights_sum_up_to_the_canaries_share),
		WORLD_TEST(test_a_paused_deployment_starts_and_stops_nothing),
		WORLD_TEST(test_what_cannot_be_aborted_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
