/* Frameworks: who may subscribe, what a disconnect and a failover do, and calls from inside events.
 */
#include "master_stub/framework_validate.h"
#include "tests/unit/master_harness.h"

static void done(struct cluster *cluster, struct fake_agent *agent,
		 struct fake_framework *framework)
{
	if (agent)
		agent_forget(agent);
	framework_forget(framework);
	cluster_free(cluster);
}

static const char *with_id(const struct fake_framework *framework, const char *rest)
{
	static char text[1024];

	snprintf(text, sizeof(text),
		 "{\"user\":\"root\",\"name\":\"test\",\"failover_timeout\":100," PARTITION_AWARE
		 ",\"id\":{\"value\":\"%s\"}%s}",
		 framework->id, rest);
	return text;
}

static void test_invalid_frameworks_are_told_why(void **state)
{
	static const struct { const char *info, *message;
	} rows[] = {
		{ "{\"user\":\"\",\"name\":\"n\"}", "FrameworkInfo.user must be set" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"failover_timeout\":-1.0}",
		  "The framework failover_timeout (-1) is invalid" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"a b\"}",
		  "'FrameworkInfo.role' is not a valid role: 'a b' may have no component that is empty, '.', '..' or '*', starts with a"
		  " dash or contains whitespace" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"a//b\"}",
		  "'FrameworkInfo.role' is not a valid role: 'a//b' may have no component that is empty, '.', '..' or '*', starts with a"
		  " dash or contains whitespace" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"/a\"}",
		  "'FrameworkInfo.role' is not a valid role: '/a' may have no component that is empty, '.', '..' or '*', starts with a"
		  " dash or contains whitespace" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"a/\"}",
		  "'FrameworkInfo.role' is not a valid role: 'a/' may have no component that is empty, '.', '..' or '*', starts with a"
		  " dash or contains whitespace" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"a/..\"}",
		  "'FrameworkInfo.role' is not a valid role: 'a/..' may have no component that is empty, '.', '..' or '*', starts with a"
		  " dash or contains whitespace" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"-a\"}",
		  "'FrameworkInfo.role' is not a valid role: '-a' may have no component that is empty, '.', '..' or '*', starts with a"
		  " dash or contains whitespace" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"roles\":[\"a\"]}",
		  "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE"
		  " capable" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"role\":\"a\",\"capabilities\":[{\"type\":"
		  "\"MULTI_ROLE\"}]}",
		  "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"roles\":[\"a\",\"a\"],\"capabilities\":[{"
		  "\"type\":"
		  "\"MULTI_ROLE\"}]}",
		  "'FrameworkInfo.roles' contains duplicate items: { a }" },
		{ "{\"user\":\"u\",\"name\":\"n\",\"id\":{\"value\":\"a/b\"}}",
		  "'a/b' is not a valid framework id" },
	};
	struct cluster *cluster = cluster_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_framework framework = { 0 };
		struct err e = { 0 };

		assert_int_equal(framework_try_subscribe(cluster, &framework, rows[i].info, &e),
				 -EINVAL);
		assert_string_equal(e.msg, rows[i].message);
	}
	cluster_free(cluster);
}

/* Each of its tasks would bring it to an agent once more. */
static void test_a_framework_of_megabytes_is_refused(void **state)
{
	static char url[70000];
	Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
	struct err e = { 0 };

	(void)state;
	memset(url, 'x', sizeof(url) - 1);
	info.user = (char[]){ "u" };
	info.name = (char[]){ "big" };
	info.webui_url = url + 10000;
	assert_int_equal(framework_info_validate(&info, NULL, &e), 0);
	info.webui_url = url;
	assert_int_equal(framework_info_validate(&info, NULL, &e), -EINVAL);
	assert_string_equal(e.msg, "FrameworkInfo of 'big' has 70011 bytes, and may have at most 65536");
}

static void test_a_second_subscription_ends_the_first(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework first = { 0 }, second = { 0 };
	struct err e = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &first, FRAMEWORK);
	snprintf(second.id, sizeof(second.id), "%s", first.id);
	assert_int_equal(framework_try_subscribe(cluster, &second, with_id(&first, ""), &e), 0);
	/* Even before it has heard of it, the first cannot act any more. */
	assert_int_equal(framework_call(&first, &e, "\"type\":\"REVIVE\""), -EPERM);
	cluster_turn(cluster);
	assert_string_equal(framework_last(&first, MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR)
			    ->error->message, "Framework failed over");
	assert_string_equal(second.id, first.id);
	assert_non_null(framework_offer(&second));
	err_clear(&e);
	assert_int_equal(framework_try_subscribe(cluster, &first, with_id(&second,
			 ",\"principal\":\"other\""), &e), -EINVAL);
	assert_string_equal(e.msg, "Changing framework's principal is not allowed.");
	framework_forget(&second);
	done(cluster, &agent, &first);
}

static void test_a_framework_has_its_failover_timeout_to_come_back(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 };
	struct err e = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	scheduler_disconnect(framework.scheduler, cluster->now_ms);
	cluster_wait(cluster, 99000);
	framework_subscribe(cluster, &framework, with_id(&framework, ""));
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 0);
	scheduler_disconnect(framework.scheduler, cluster->now_ms);
	cluster_wait(cluster, 15000);
	assert_int_equal(agent_heartbeat(cluster, &agent), 0);
	cluster_wait(cluster, 85000);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 1);
	assert_int_equal(framework_try_subscribe(cluster, &framework, with_id(&framework, ""), &e),
			 -EPERM);
	assert_string_equal(e.msg, "Framework has been removed");
	/* Nobody else will acknowledge the end of its task. */
	agent_update(cluster, &agent, framework.id, "t1", "TASK_KILLED", UUID_A, NULL);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE), 1);
	done(cluster, &agent, &framework);
}

static void test_the_failover_timeout_goes_on_while_the_master_is_away(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_framework framework = { 0 };
	struct err e = { 0 };

	(void)state;
	framework_subscribe(cluster, &framework, FRAMEWORK);
	scheduler_disconnect(framework.scheduler, cluster->now_ms);
	cluster_wait(cluster, 60000);
	cluster->now_ms += 30000;
	cluster->wall_ms += 30000;
	cluster_restart(cluster);
	cluster_wait(cluster, 9000);
	framework_subscribe(cluster, &framework, with_id(&framework, ""));
	scheduler_disconnect(framework.scheduler, cluster->now_ms);
	/* A clock that was set forward does not end it: found by the simulation. */
	cluster->wall_ms += INT64_C(87600) * 3600 * 1000;
	cluster_restart(cluster);
	cluster_wait(cluster, 9000);
	framework_subscribe(cluster, &framework, with_id(&framework, ""));
	scheduler_disconnect(framework.scheduler, cluster->now_ms);
	/* One that was set back gives it no more than it asked for. */
	cluster->wall_ms -= 3600000;
	cluster_restart(cluster);
	cluster_wait(cluster, 99000);
	framework_subscribe(cluster, &framework, with_id(&framework, ""));
	scheduler_disconnect(framework.scheduler, cluster->now_ms);
	cluster_restart(cluster);
	cluster_wait(cluster, 100001);
	assert_int_equal(framework_try_subscribe(cluster, &framework, with_id(&framework, ""), &e),
			 -EPERM);
	done(cluster, NULL, &framework);
}

static void test_frameworks_and_burnt_ids_survive_a_restart(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_framework stays = { 0 }, leaves = { 0 };
	struct err e = { 0 };
	char stays_info[512], leaves_info[512];

	(void)state;
	framework_subscribe(cluster, &stays, FRAMEWORK);
	framework_subscribe(cluster, &leaves, FRAMEWORK);
	snprintf(stays_info, sizeof(stays_info), "%s", with_id(&stays, ""));
	snprintf(leaves_info, sizeof(leaves_info), "%s", with_id(&leaves, ""));
	assert_string_not_equal(stays.id, leaves.id);
	framework_call(&leaves, NULL, "\"type\":\"TEARDOWN\"");
	cluster_turn(cluster);
	assert_null(leaves.scheduler);
	framework_forget(&stays);
	cluster_restart(cluster);
	assert_int_equal(framework_try_subscribe(cluster, &leaves, leaves_info, &e), -EPERM);
	framework_subscribe(cluster, &stays, stays_info);
	/* It was the master that went away: everyone gets at least the time that agents get. */
	cluster_restart(cluster);
	cluster_wait(cluster, 500000);
	framework_subscribe(cluster, &stays, stays_info);
	cluster_restart(cluster);
	cluster_wait(cluster, 600001);
	err_clear(&e);
	assert_int_equal(framework_try_subscribe(cluster, &stays, stays_info, &e), -EPERM);
	framework_forget(&leaves);
	done(cluster, NULL, &stays);
}

static void test_teardown_kills_and_keeps_resources_until_they_are_free(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { 0 }, other = { 0 };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	framework_launch(&framework, "t1", 1, 128, 31000);
	framework_call(&framework, NULL, "\"type\":\"TEARDOWN\"");
	framework_subscribe(cluster, &other, FRAMEWORK);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__KILL_TASK), 1);
	assert_float_equal(scalar_of(framework_offer(&other)->resources,
				     framework_offer(&other)->n_resources, "cpus"), 3, 1e-9);
	agent_update(cluster, &agent, framework.id, "t1", "TASK_KILLED", UUID_A, NULL);
	cluster_wait(cluster, 31000);
	assert_float_equal(scalar_of(framework_offer(&other)->resources,
				     framework_offer(&other)->n_resources, "cpus"), 4, 1e-9);
	framework_forget(&other);
	done(cluster, &agent, &framework);
}

static void test_calls_that_are_not_valid(void **state)
{
	static const struct { const char *call; int r; const char *message;
	} rows[] = {
		{ "\"type\":\"UNKNOWN\"", -ENOTSUP, "call of unknown type 0" },
		{ "\"x\":1", -ENOTSUP, "call of unknown type 0" },
		{ "\"type\":\"ACCEPT\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'accept' to be present" },
		{ "\"type\":\"KILL\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'kill' to be present" },
		{ "\"type\":\"ACKNOWLEDGE\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'acknowledge' to be present" },
		{ "\"type\":\"RECONCILE\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'reconcile' to be present" },
		{ "\"type\":\"MESSAGE\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'message' to be present" },
		{ "\"type\":\"SHUTDOWN\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'shutdown' to be present" },
		{ "\"type\":\"REQUEST\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'request' to be present" },
		{ "\"type\":\"UPDATE_FRAMEWORK\"", -EINVAL,
		  "Failed to validate scheduler::Call: Expecting 'update_framework' to be present" },
		{ "\"type\":\"KILL\",\"kill\":{\"task_id\":{\"value\":\"t\"},\"kill_policy\":{"
		  "\"grace_period\":{\"nanoseconds\":-1}}}",
		  -EINVAL, "Failed to validate scheduler::Call:"
		  " 'kill.kill_policy.grace_period' must not be negative" },
	};
	struct cluster *cluster = cluster_new();
	struct fake_framework framework = { 0 };

	(void)state;
	framework_subscribe(cluster, &framework, FRAMEWORK);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(framework_call(&framework, &e, "%s", rows[i].call), rows[i].r);
		assert_string_equal(e.msg, rows[i].message);
	}
	done(cluster, NULL, &framework);
}

/* Accepts, and asks for more, from inside its event function. */
static void accept_at_once(struct fake_framework *framework,
			   const Mesos__V1__Scheduler__Event *event)
{
	static int n;

	if (event->type != MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS || n >= 3)
		return;
	for (size_t i = 0; i < event->offers->n_offers; i++) {
		const Mesos__V1__Offer *offer = event->offers->offers[i];
		char id[16];

		snprintf(id, sizeof(id), "t%d", n);
		framework_call(
			framework, NULL,
			"\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{"
			"\"value\":\"%s\"}],\"operations\":[{\"type\":\"LAUNCH\",\"launch\":{"
			"\"task_infos\":[" TASK_JSON "]}}]}",
			offer->id->value, id, offer->agent_id->value, 1.0, 100.0, 31000 + n,
			31000 + n);
		n++;
	}
	framework_call(framework, NULL, "\"type\":\"REVIVE\"");
	framework_call(framework, NULL, "\"type\":\"RECONCILE\",\"reconcile\":{}");
}

static void test_calls_from_inside_an_event(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { .on_event = accept_at_once };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	assert_int_equal(agent_count(&agent, TEPUI__AGENT_EVENT__TYPE__RUN_TASK), 3);
	assert_true(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE) >= 6);
	done(cluster, &agent, &framework);
}

static void leave_at_offers(struct fake_framework *framework,
			    const Mesos__V1__Scheduler__Event *event)
{
	if (event->type != MESOS__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT)
		return;
	scheduler_disconnect(framework->scheduler, framework->cluster->now_ms);
	framework->scheduler = NULL;
}

static void test_a_disconnect_from_inside_an_event(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { .on_event = leave_at_offers };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	assert_int_equal(framework.n_events, 2);
	assert_null(framework_offer(&framework));
	done(cluster, &agent, &framework);
}

static void tear_down_at_offers(struct fake_framework *framework,
				const Mesos__V1__Scheduler__Event *event)
{
	if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS)
		framework_call(framework, NULL, "\"type\":\"TEARDOWN\"");
}

static void test_a_teardown_from_inside_an_event(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_agent agent = { 0 };
	struct fake_framework framework = { .on_event = tear_down_at_offers };

	(void)state;
	agent_subscribe(cluster, &agent, (struct subscribe){ 0 });
	framework_subscribe(cluster, &framework, FRAMEWORK);
	assert_non_null(framework_last(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR));
	assert_null(framework.scheduler);
	done(cluster, &agent, &framework);
}

static void test_heartbeats_every_fifteen_seconds(void **state)
{
	struct cluster *cluster = cluster_new();
	struct fake_framework framework = { 0 };

	(void)state;
	framework_subscribe(cluster, &framework, FRAMEWORK);
	assert_true(master_next_ms(cluster->master) <= cluster->now_ms + 15000);
	for (int i = 0; i < 4; i++)
		cluster_wait(cluster, 15000);
	assert_int_equal(framework_count(&framework, MESOS__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT),
			 5);
	done(cluster, NULL, &framework);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invalid_frameworks_are_told_why),
		cmocka_unit_test(test_a_framework_of_megabytes_is_refused),
		cmocka_unit_test(test_a_second_subscription_ends_the_first),
		cmocka_unit_test(test_a_framework_has_its_failover_timeout_to_come_back),
		cmocka_unit_test(test_the_failover_timeout_goes_on_while_the_master_is_away),
		cmocka_unit_test(test_frameworks_and_burnt_ids_survive_a_restart),
		cmocka_unit_test(test_teardown_kills_and_keeps_resources_until_they_are_free),
		cmocka_unit_test(test_calls_that_are_not_valid),
		cmocka_unit_test(test_calls_from_inside_an_event),
		cmocka_unit_test(test_a_disconnect_from_inside_an_event),
		cmocka_unit_test(test_a_teardown_from_inside_an_event),
		cmocka_unit_test(test_heartbeats_every_fifteen_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
