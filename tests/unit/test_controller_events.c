/* What is told of the subscription itself, and the ring that keeps the newest events. */
#include "tests/unit/controller_world.h"

#include "master_stub/marathon/event/event_ring.h"

static void say_event(Mesos__V1__Scheduler__Event *event, Mesos__V1__Scheduler__Event__Type type)
{
	event->has_type = true;
	event->type = type;
	world.scheduler.event(world.scheduler.arg, event);
	turn();
}

static void test_a_framework_registers_once(void **state)
{
	(void)state;
	assert_int_equal(count_events("scheduler_registered_event"), 1);
	restart_controller();
	assert_int_equal(count_events("scheduler_registered_event"), 0);
	assert_int_equal(count_events("scheduler_reregistered_event"), 1);
}

static void test_the_end_of_the_subscription_is_told(void **state)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;
	char why[] = "Framework failed over";

	(void)state;
	error.message = why;
	event.error = &error;
	say_event(&event, MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR);
	assert_int_equal(count_events("scheduler_disconnected_event"), 1);
}

static void say_message(const char *text)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Message message = MESOS__V1__SCHEDULER__EVENT__MESSAGE__INIT;
	Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	char name[] = "x";

	executor.value = agent.value = name;
	message.executor_id = &executor;
	message.agent_id = &agent;
	message.data.data = (uint8_t *)(uintptr_t)text;
	message.data.len = strlen(text);
	event.message = &message;
	say_event(&event, MESOS__V1__SCHEDULER__EVENT__TYPE__MESSAGE);
}

static void test_a_message_of_an_executor_is_told_if_it_is_text(void **state)
{
	(void)state;
	say_message("hello");
	assert_int_equal(count_events("framework_message_event"), 1);
	say_message("\xff");
	assert_int_equal(count_events("framework_message_event"), 1);
}

static void test_the_ring_keeps_the_newest(void **state)
{
	struct event_ring ring = { 0 };

	(void)state;
	assert_null(event_ring_get(&ring, 0));
	for (unsigned i = 0; i < EVENT_RING_SIZE + 10; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(event_ring_add(&ring, "type", text), i);
	}
	assert_null(event_ring_get(&ring, 9));
	assert_string_equal(event_ring_get(&ring, 10)->text, "10");
	assert_string_equal(event_ring_get(&ring, EVENT_RING_SIZE + 9)->type, "type");
	assert_null(event_ring_get(&ring, EVENT_RING_SIZE + 10));
	event_ring_done(&ring);
}

static void test_the_ring_is_bounded_in_bytes(void **state)
{
	struct event_ring ring = { 0 };
	char *text = malloc(EVENT_RING_BYTES);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', EVENT_RING_BYTES / 2);
	text[EVENT_RING_BYTES / 2] = '\0';
	for (unsigned i = 0; i < 5; i++)
		(void)event_ring_add(&ring, "type", text);
	assert_null(event_ring_get(&ring, 3));
	assert_non_null(event_ring_get(&ring, 4));
	assert_true(ring.bytes <= EVENT_RING_BYTES);
	event_ring_done(&ring);
	assert_int_equal(ring.bytes, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_a_framework_registers_once),
		WORLD_TEST(test_the_end_of_the_subscription_is_told),
		WORLD_TEST(test_a_message_of_an_executor_is_told_if_it_is_text),
		cmocka_unit_test(test_the_ring_keeps_the_newest),
		cmocka_unit_test(test_the_ring_is_bounded_in_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
