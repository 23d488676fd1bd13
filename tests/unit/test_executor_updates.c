#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "executor/kill.h"
#include "executor/status.h"
#include "executor/updates.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/rng.h"

static Mesos__V1__TaskStatus *build(struct rng *rng, Mesos__V1__TaskState state)
{
	struct status s = { .task_id = "t", .executor_id = "x", .state = state };
	Mesos__V1__TaskStatus *ret;
	struct err e = { 0 };

	assert_int_equal(status_build(&s, rng, &ret, &e), 0);
	return ret;
}

static void test_kept_in_order_until_acknowledged(void **state)
{
	static const Mesos__V1__TaskState states[] = {
		MESOS__V1__TASK_STATE__TASK_STARTING, MESOS__V1__TASK_STATE__TASK_RUNNING,
		MESOS__V1__TASK_STATE__TASK_KILLED,
	};
	Mesos__V1__Executor__Call__Update **list;
	ProtobufCBinaryData uuids[ARRAY_SIZE(states)];
	uint8_t copies[ARRAY_SIZE(states)][16];
	struct updates updates;
	struct err e = { 0 };
	bool is_terminal;
	struct rng rng;
	size_t n;

	(void)state;
	rng_seed(&rng, 1);
	updates_init(&updates);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		Mesos__V1__TaskStatus *status = build(&rng, states[i]);

		memcpy(copies[i], status->uuid.data, 16);
		uuids[i] = (ProtobufCBinaryData){ .data = copies[i], .len = 16 };
		assert_int_equal(updates_add(&updates, status, &e), 0);
	}
	assert_int_equal(updates_list(&updates, &list, &n, &e), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i]->status->state, states[i]);
	updates_list_free(list);

	uuids[1].len = 15;
	assert_false(updates_acknowledge(&updates, &uuids[1], &is_terminal));
	uuids[1].len = 16;
	assert_true(updates_acknowledge(&updates, &uuids[1], &is_terminal));
	assert_false(is_terminal);
	/* Twice is once. */
	assert_false(updates_acknowledge(&updates, &uuids[1], &is_terminal));
	assert_true(updates_acknowledge(&updates, &uuids[2], &is_terminal));
	assert_true(is_terminal);
	assert_int_equal(updates.n, 1);
	assert_int_equal(updates_list(&updates, &list, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0]->status->state, states[0]);
	updates_list_free(list);
	updates_done(&updates);
}

static void test_terminal_states(void **state)
{
	(void)state;
	assert_false(task_state_is_terminal(MESOS__V1__TASK_STATE__TASK_KILLING));
	assert_false(task_state_is_terminal(MESOS__V1__TASK_STATE__TASK_STAGING));
	assert_true(task_state_is_terminal(MESOS__V1__TASK_STATE__TASK_FINISHED));
	assert_true(task_state_is_terminal(MESOS__V1__TASK_STATE__TASK_FAILED));
}

static void test_grace_of_policies(void **state)
{
	Mesos__V1__DurationInfo shorter = MESOS__V1__DURATION_INFO__INIT;
	Mesos__V1__DurationInfo odd = MESOS__V1__DURATION_INFO__INIT;
	Mesos__V1__KillPolicy a = MESOS__V1__KILL_POLICY__INIT, b = MESOS__V1__KILL_POLICY__INIT;

	(void)state;
	shorter.nanoseconds = 1500000000;
	odd.nanoseconds = INT64_MAX;
	assert_int_equal(kill_grace_ms(NULL, NULL), 3000);
	assert_int_equal(kill_grace_ms(&a, NULL), 3000);
	b.grace_period = &shorter;
	assert_int_equal(kill_grace_ms(NULL, &b), 1500);
	assert_int_equal(kill_grace_ms(&a, &b), 1500);
	a.grace_period = &odd;
	assert_int_equal(kill_grace_ms(&a, &b), 24 * 3600 * 1000);
	odd.nanoseconds = -1;
	assert_int_equal(kill_grace_ms(&a, &b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_in_order_until_acknowledged),
		cmocka_unit_test(test_terminal_states),
		cmocka_unit_test(test_grace_of_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
