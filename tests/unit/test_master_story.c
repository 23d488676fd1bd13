/* The life of a task as the master's core sees it, from SUBSCRIBE to the last ACKNOWLEDGE. */
#include "tests/unit/master_harness.h"

static void test_task_from_offer_to_terminal_acknowledgement(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	const Mesos__V1__Offer *offer;
	const Tepui__AgentEvent *event;
	char agent_id[256];

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	snprintf(agent_id, sizeof(agent_id), "%s-S0", master_id(cluster->master));
	assert_string_equal(agent.id, agent_id);

	framework_subscribe(cluster, &framework, FRAMEWORK);
	assert_int_equal(framework.events[0]->type, MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED);
	assert_string_equal(framework.events[0]->subscribed->framework_id->value, framework.id);
	assert_int_equal(framework.events[1]->type, MESOS__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT);
	offer = framework_offer(&framework);
	assert_non_null(offer);
	assert_string_equal(offer->agent_id->value, agent_id);
	assert_string_equal(offer->hostname, "node");
	assert_string_equal(offer->url->path, "/slave(1)");
	assert_int_equal(offer->url->address->port, 5051);
	assert_int_equal(offer->n_attributes, 1);
	assert_null(offer->allocation_info);
	assert_float_equal(scalar_of(offer->resources, offer->n_resources, "cpus"), 4, 0);

	agent_forget(&agent);
	framework_launch(&framework, "t1", 1, 128, 31000);
	event = agent_find(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK);
	assert_non_null(event);
	assert_string_equal(event->run_task->framework->id->value, framework.id);
	assert_string_equal(event->run_task->task->task_id->value, "t1");
	assert_string_equal(event->run_task->task->resources[0]->allocation_info->role, "*");

	agent_update(cluster, &agent, framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);
	assert_int_equal(framework_status(&framework)->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
	assert_int_equal(framework_status(&framework)->uuid.len, 16);
	framework_acknowledge(&framework, agent.id, "t1", UUID_A);
	event = agent_find(&agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE);
	assert_non_null(event);
	assert_memory_equal(event->acknowledge->uuid.data, "AAAAAAAAAAAAAAAA", 16);

	framework_call(&framework, NULL,
		       "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"t1\"},"
		       "\"kill_policy\":{\"grace_period\":{\"nanoseconds\":7}}}");
	event = agent_find(&agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK);
	assert_non_null(event);
	assert_int_equal(event->kill_task->kill_policy->grace_period->nanoseconds, 7);

	framework_forget(&framework);
	agent_update(cluster, &agent, framework.id, "t1", "TASK_KILLED", UUID_B, NULL);
	assert_int_equal(framework_status(&framework)->state, MESOS__V1__TASK_STATE__TASK_KILLED);
	/* Resources are free at the terminal update, the record ends at its acknowledgement. */
	cluster_wait(cluster, 10000);
	assert_float_equal(scalar_of(framework_offer(&framework)->resources,
				     framework_offer(&framework)->n_resources, "cpus"), 4, 0);
	framework_call(&framework, NULL, "\"type\":\"RECONCILE\",\"reconcile\":{\"tasks\":[]}");
	cluster_turn(cluster);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE), 2);
	framework_acknowledge(&framework, agent.id, "t1", UUID_B);
	framework_call(&framework, NULL, "\"type\":\"RECONCILE\",\"reconcile\":{\"tasks\":[]}");
	cluster_turn(cluster);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE), 2);

	agent_forget(&agent);
	framework_forget(&framework);
	cluster_free(cluster);
}

static void test_state_and_metrics_tell_what_is(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	json_t *json;

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	agent_update(cluster, &agent, framework.id, "t1", "TASK_RUNNING", UUID_A, NULL);

	json = master_head_json(cluster->master);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "activated_slaves")), 1);
	json_decref(json);
	json = cluster_list(cluster, &listing_state, &(struct listing_query){ 0 });
	json_t *slave = json_array_get(json_object_get(json, "slaves"), 0);
	assert_string_equal(json_string_value(json_object_get(slave, "id")), agent.id);
	assert_true(json_is_true(json_object_get(slave, "active")));
	assert_float_equal(json_number_value(json_object_get(
				   json_object_get(slave, "used_resources"), "cpus")),
			   1, 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(slave, "resources"),
							      "ports")), "[31000-31099]");
	json_t *task = json_array_get(json_object_get(json_array_get(json_object_get(json,
							"frameworks"), 0), "tasks"), 0);
	assert_string_equal(json_string_value(json_object_get(task, "state")), "TASK_RUNNING");
	json_decref(json);

	assert_float_equal(cluster_metric(cluster, "master/tasks_running"), 1, 0);
	assert_float_equal(cluster_metric(cluster, "master/cpus_percent"), .25, 0);
	assert_float_equal(cluster_metric(cluster, "master/slaves_active"), 1, 0);

	agent_forget(&agent);
	framework_forget(&framework);
	cluster_free(cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_from_offer_to_terminal_acknowledgement),
		cmocka_unit_test(test_state_and_metrics_tell_what_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
