/* Apps with persistent volumes: their instances come back to where their data is. */
#include "controller_world.h"

#include "lib/operation_change.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/placement/roles.h"

typedef Mesos__V1__Offer__Operation Operation;

#define TASK(name) MESOS__V1__TASK_STATE__TASK_##name

/* ---- Agents of paper ---- */

static struct paper_agent {
	char id[16], host[16];
	struct resources total, at_start;
} agents[2];

static char operations[1024];		/* the types of those that were asked for */
static unsigned n_obeyed;		/* so many more are done; the others are lost on the way */

static struct paper_agent *asked;	/* whom the offer is of that is being answered */

static void change(const Operation *operation)
{
	const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
		&mesos__v1__offer__operation__type__descriptor, (int)operation->type);
	struct operation_change change;
	struct err e = { 0 };

	assert_true(strlen(operations) + strlen(name->name) + 2 < sizeof(operations));
	(void)sprintf(operations + strlen(operations), "%s ", name->name);
	if (n_obeyed == 0)
		return;
	n_obeyed--;
	if (operation_change_read(operation, &change, &e) < 0)
		fail_msg("%s: %s", name->name, e.msg);
	/* Whatever is asked for is what the agent has. */
	assert_int_equal(resources_convert(&asked->total, &change.from, &change.to), 0);
	operation_change_done(&change);
}

static void left_of(const struct paper_agent *agent, struct resources *ret)
{
	assert_int_equal(resources_copy(&agent->total, ret), 0);
	for (unsigned i = 0; i < world.scheduler.n_tasks; i++) {
		const Mesos__V1__TaskInfo *info = task_at(i)->info;
		struct resources used;
		struct err e = { 0 };

		if (task_at(i)->is_over || strcmp(info->agent_id->value, agent->id) != 0)
			continue;
		assert_int_equal(resources_from_messages(info->resources, info->n_resources, &used,
							 &e), 0);
		assert_true(resources_contain(ret, &used));
		assert_int_equal(resources_subtract(ret, &used), 0);
		resources_done(&used);
	}
}

static void offer_of(unsigned i)
{
	struct resources left;

	asked = &agents[i];
	left_of(asked, &left);
	offer_what("data", asked->id, asked->host, &left, NULL);
	resources_done(&left);
}

static void assert_as_at_start(unsigned i)
{
	AUTO_FREE char *has = resources_format(&agents[i].total);
	AUTO_FREE char *had = resources_format(&agents[i].at_start);

	assert_string_equal(has, had);
}

static int setup(void **state)
{
	struct err e = { 0 };

	(void)world_setup(state);
	world.mesos_role = "data";
	restart_controller();
	operations[0] = '\0';
	n_obeyed = UINT32_MAX;
	world.scheduler.change = change;
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(agents[i].id, sizeof(agents[i].id), "agent-%u", i + 1);
		(void)snprintf(agents[i].host, sizeof(agents[i].host), "node-%u", i + 1);
		assert_int_equal(resources_parse("cpus:4;mem:4096;disk:1000;ports:[31000-31999]",
						 &agents[i].total, &e), 0);
		assert_int_equal(resources_copy(&agents[i].total, &agents[i].at_start), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		resources_done(&agents[i].total);
		resources_done(&agents[i].at_start);
	}
	return world_teardown(state);
}

/* ---- Stories ---- */

static void post_db(unsigned instances)
{
	char definition[512];

	(void)snprintf(definition, sizeof(definition),
		       "{\"id\":\"/db\",\"cmd\":\"x\",\"role\":\"data\",\"cpus\":1,\"mem\":64,"
		       "\"disk\":10,\"instances\":%u,\"container\":{\"type\":\"MESOS\",\"volumes\":["
		       "{\"containerPath\":\"data\",\"persistent\":{\"size\":100}}]}}", instances);
	post(definition);
}

static const char *id_of(unsigned task)
{
	return task_at(task)->info->task_id->value;
}

/* The volume among what the task takes. */
static const Mesos__V1__Resource *volume_of(unsigned task)
{
	const Mesos__V1__TaskInfo *info = task_at(task)->info;

	for (size_t i = 0; i < info->n_resources; i++) {
		if (info->resources[i]->disk)
			return info->resources[i];
	}
	fail_msg("task %u has no volume", task);
	return NULL;
}

static const char *volume_id(unsigned task)
{
	return volume_of(task)->disk->persistence->id;
}

static void assert_same_instance(unsigned a, unsigned b)
{
	const char *end = strstr(id_of(a), "._app.");

	assert_memory_equal(id_of(a), id_of(b), (size_t)(end - id_of(a)));
	assert_string_not_equal(id_of(a), id_of(b));
	assert_string_equal(volume_id(a), volume_id(b));
	assert_string_equal(task_at(a)->info->agent_id->value, task_at(b)->info->agent_id->value);
}

/* One instance runs on the first agent. */
static void start(void)
{
	post_db(1);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 1);
	say(task_at(0), TASK(RUNNING), UNKNOWN_HEALTH);
	assert_string_equal(operations, "RESERVE CREATE ");
	operations[0] = '\0';
}

static unsigned count_residences(void)
{
	return HASH_CNT(by_id, world.controller->residences);
}

static json_t *queue_item(void)
{
	json_t *queue = queue_view(world.controller, 0);
	json_t *item = json_incref(json_array_get(json_object_get(queue, "queue"), 0));

	json_decref(queue);
	assert_non_null(item);
	return item;
}

static void assert_waits_because(const char *part)
{
	json_t *item = queue_item();
	const char *why = json_string_value(json_object_get(item, "explanation"));

	if (!why || !strstr(why, part))
		fail_msg("'%s' is not in '%s'", part, why ? why : "nothing");
	json_decref(item);
}

static void kill_first(bool wipe)
{
	struct instance *instance = TAILQ_FIRST(&app("/db")->instances);
	struct refusal refusal = { 0 };

	assert_int_equal(changes_kill(world.controller, &instance, 1, wipe, world.now_ms, &refusal),
			 0);
	turn();
}

static void test_all_is_reserved_for_the_first_launch(void **state)
{
	const Mesos__V1__Resource *volume;
	const Mesos__V1__Resource__ReservationInfo *info;
	json_t *view, *local;

	(void)state;
	start();
	for (size_t i = 0; i < task_at(0)->info->n_resources; i++)
		assert_int_equal(task_at(0)->info->resources[i]->n_reservations, 1);
	volume = volume_of(0);
	assert_string_equal(volume->disk->volume->container_path, "data");
	assert_true(volume->scalar->value == 100);
	info = volume->reservations[0];
	assert_string_equal(info->role, "data");
	assert_string_equal(info->labels->labels[0]->key, "marathon_framework_id");
	assert_string_equal(info->labels->labels[0]->value, "framework-1");
	assert_string_equal(info->labels->labels[1]->key, "marathon_task_id");
	assert_memory_equal(info->labels->labels[1]->value, "db.instance-", 12);
	assert_null(task_at(0)->info->container->volumes);
	view = tasks_view(world.controller, app("/db"));
	local = json_array_get(json_object_get(json_array_get(view, 0), "localVolumes"), 0);
	assert_string_equal(json_string_value(json_object_get(local, "runSpecId")), "/db");
	assert_string_equal(json_string_value(json_object_get(local, "containerPath")), "data");
	assert_string_equal(json_string_value(json_object_get(local, "persistenceId")),
			    volume_id(0));
	assert_memory_equal(volume_id(0), "db#data#", 8);
	assert_string_equal(json_string_value(json_object_get(local, "uuid")), volume_id(0) + 8);
	json_decref(view);
}

static void test_one_that_ends_comes_back_to_its_data(void **state)
{
	(void)state;
	start();
	say(task_at(0), TASK(FAILED), UNKNOWN_HEALTH);
	restart_controller();
	wait_ms(2000);
	/* Another node has room enough, and none of the data. */
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_waits_because("waits for node node-1 (agent agent-1), where its volumes are");
	assert_int_equal(app("/db")->waiting.declined[REASON_RESERVATION], 1);
	wait_ms(3600000);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_same_instance(0, 1);
	assert_string_equal(strstr(id_of(1), "._app."), "._app.2");
	assert_string_equal(operations, "");
	say(task_at(1), TASK(RUNNING), UNKNOWN_HEALTH);
	assert_int_equal(count_residences(), 1);
}

static void test_ports_stay_the_same(void **state)
{
	uint16_t port;

	(void)state;
	start();
	port = TAILQ_FIRST(&app("/db")->instances)->ports[0];
	say(task_at(0), TASK(FINISHED), UNKNOWN_HEALTH);
	restart_controller();
	wait_ms(2000);
	offer_of(0);
	assert_int_equal(TAILQ_FIRST(&app("/db")->instances)->ports[0], port);
}

/* With one instance there is neither more nor less than it: it goes first. */
static void test_update_of_one_stops_it_before_it_starts_again(void **state)
{
	(void)state;
	start();
	post("{\"id\":\"/db\",\"cmd\":\"y\"}");
	assert_true(task_at(0)->is_killed);
	offer_of(0);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_same_instance(0, 1);
	assert_string_equal(task_at(1)->info->command->value, "y");
	say(task_at(1), TASK(RUNNING), UNKNOWN_HEALTH);
	assert_int_equal(world.controller->n_deployments, 0);
	assert_string_equal(operations, "");
}

static void test_update_of_several_keeps_to_their_residences(void **state)
{
	unsigned fewest = 4;

	(void)state;
	post_db(4);
	for (unsigned i = 0; i < 4; i++)
		offer_of(i % 2);
	let_it_be(UNKNOWN_HEALTH);
	assert_int_equal(count_residences(), 4);
	post("{\"id\":\"/db\",\"cmd\":\"y\"}");
	for (unsigned i = 0; i < 20 && world.controller->n_deployments > 0; i++) {
		unsigned alive = 0;

		for (unsigned k = 0; k < world.scheduler.n_tasks; k++)
			alive += !task_at(k)->is_over && !task_at(k)->is_killed;
		fewest = alive < fewest ? alive : fewest;
		assert_in_range(alive, 2, 4);
		let_it_be(UNKNOWN_HEALTH);
		offer_of(i % 2);
	}
	assert_int_equal(world.controller->n_deployments, 0);
	assert_int_equal(fewest, 2);
	assert_int_equal(world.scheduler.n_tasks, 8);
	assert_int_equal(count_residences(), 4);
}

static void test_killed_without_wipe_it_comes_back(void **state)
{
	(void)state;
	start();
	kill_first(false);
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	offer_of(1);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_same_instance(0, 1);
}

static void test_wiped_it_is_another_one_and_its_data_is_destroyed(void **state)
{
	(void)state;
	start();
	kill_first(true);
	/* While the task is there its volume is not. */
	offer_of(0);
	assert_string_equal(operations, "");
	restart_controller();
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_string_not_equal(volume_id(0), volume_id(1));
	assert_string_equal(task_at(1)->info->agent_id->value, "agent-2");
	assert_string_equal(operations, "RESERVE CREATE ");
	operations[0] = '\0';
	say(task_at(1), TASK(RUNNING), UNKNOWN_HEALTH);
	assert_false(role_find(world.controller, "data")->is_suppressed);
	offer_of(0);
	assert_string_equal(operations, "DESTROY UNRESERVE ");
	assert_as_at_start(0);
	offer_of(0);
	assert_int_equal(count_residences(), 1);
	assert_true(role_find(world.controller, "data")->is_suppressed);
}

static void scale(unsigned n)
{
	char definition[64];

	(void)snprintf(definition, sizeof(definition), "{\"id\":\"/db\",\"instances\":%u}", n);
	post(definition);
	for (unsigned i = 0; i < 4; i++) {
		let_it_be(UNKNOWN_HEALTH);
		offer_of(i % 2);
	}
	assert_int_equal(count_alive_tasks(), n);
	assert_int_equal(world.controller->n_deployments, 0);
}

static void test_scaled_down_the_data_stays_for_when_it_is_scaled_up(void **state)
{
	(void)state;
	post_db(2);
	offer_of(0);
	offer_of(1);
	let_it_be(UNKNOWN_HEALTH);
	operations[0] = '\0';
	scale(0);
	restart_controller();
	assert_int_equal(count_residences(), 2);
	scale(1);
	assert_int_equal(world.scheduler.n_tasks, 3);
	scale(2);
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_string_equal(operations, "");
	assert_string_not_equal(volume_id(2), volume_id(3));
	scale(3);
	assert_string_equal(operations, "RESERVE CREATE ");
	assert_int_equal(count_residences(), 3);
}

/* What was killed comes back to its own, not to what was kept of another one. */
static void test_of_those_that_are_kept_none_is_used_in_place_of_another(void **state)
{
	unsigned left;

	(void)state;
	post_db(3);
	offer_of(0);
	let_it_be(UNKNOWN_HEALTH);
	scale(1);
	for (left = 0; task_at(left)->is_over; left++)
		;
	kill_first(false);
	let_it_be(UNKNOWN_HEALTH);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_same_instance(left, 3);
}

/* Who waits for its agent goes before those that run. */
static void test_scaled_down_the_one_that_does_not_run_goes(void **state)
{
	(void)state;
	post_db(2);
	offer_of(0);
	let_it_be(UNKNOWN_HEALTH);
	say(task_at(0), TASK(FAILED), UNKNOWN_HEALTH);
	post("{\"id\":\"/db\",\"instances\":1}");
	assert_false(task_at(1)->is_killed);
	assert_int_equal(world.controller->n_deployments, 0);
	wait_ms(5000);
	offer_of(0);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_int_equal(count_residences(), 2);
}

static void test_deleted_nothing_of_it_is_left(void **state)
{
	(void)state;
	start();
	assert_int_equal(apply(NULL, "/db", false), 0);
	restart_controller();
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	assert_null(app("/db"));
	assert_false(role_find(world.controller, "data")->is_suppressed);
	restart_controller();
	offer_of(0);
	assert_string_equal(operations, "DESTROY UNRESERVE ");
	assert_as_at_start(0);
	offer_of(0);
	assert_int_equal(count_residences(), 0);
	assert_true(role_find(world.controller, "data")->is_suppressed);
	restart_controller();
	assert_int_equal(count_residences(), 0);
}

/* What a task that nobody can reach has is in no offer until it has ended. */
static void test_deleted_out_of_reach_it_is_released_when_its_task_has_ended(void **state)
{
	(void)state;
	start();
	assert_int_equal(apply(NULL, "/db", false), 0);
	say(task_at(0), TASK(UNREACHABLE), UNKNOWN_HEALTH);
	assert_null(app("/db"));
	say(task_at(0), TASK(RUNNING), UNKNOWN_HEALTH);
	offer_of(0);
	assert_string_equal(operations, "");
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	assert_false(role_find(world.controller, "data")->is_suppressed);
	offer_of(0);
	assert_string_equal(operations, "DESTROY UNRESERVE ");
	assert_as_at_start(0);
	offer_of(0);
	assert_int_equal(count_residences(), 0);
}

/* The agent was killed when only the first N operations had reached it, and the task had not. */
static void lose_launch(unsigned n)
{
	n_obeyed = n;
	post_db(1);
	offer_of(0);
	n_obeyed = UINT32_MAX;
	assert_string_equal(operations, "RESERVE CREATE ");
	operations[0] = '\0';
	restart_controller();
	say(task_at(0), TASK(LOST), UNKNOWN_HEALTH);
	wait_ms(2000);
}

static void test_what_was_reserved_and_no_more_is_used(void **state)
{
	(void)state;
	lose_launch(1);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_string_equal(operations, "CREATE ");
	assert_same_instance(0, 1);
}

static void test_what_was_created_and_not_launched_is_used(void **state)
{
	(void)state;
	lose_launch(2);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_string_equal(operations, "");
	assert_same_instance(0, 1);
}

static void test_what_was_never_reserved_is_not_waited_for(void **state)
{
	(void)state;
	lose_launch(0);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 1);
	wait_ms(20000);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_string_not_equal(volume_id(0), volume_id(1));
	offer_of(0);
	assert_int_equal(count_residences(), 1);
}

static void test_what_comes_too_late_is_kept(void **state)
{
	(void)state;
	lose_launch(2);
	wait_ms(20000);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_string_not_equal(volume_id(0), volume_id(1));
	say(task_at(1), TASK(RUNNING), UNKNOWN_HEALTH);
	operations[0] = '\0';
	/*
	 * What the master had done is only now told of by the agent.  Something may have run there unheard
	 * of: it is there for when more instances are wanted.
	 */
	offer_of(0);
	wait_ms(20000);
	offer_of(0);
	assert_string_equal(operations, "");
	assert_int_equal(count_residences(), 2);
	assert_int_equal(world.scheduler.n_tasks, 2);
	scale(2);
	assert_int_equal(world.scheduler.n_tasks, 3);
	assert_string_equal(operations, "");
	assert_string_equal(volume_id(0), volume_id(2));
}

static void test_what_comes_late_and_is_still_waited_for_is_used(void **state)
{
	(void)state;
	lose_launch(2);
	wait_ms(20000);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_string_equal(operations, "");
	assert_same_instance(0, 1);
}

/* A reservation on the first agent that no record knows, labelled by FRAMEWORK. */
static void plant(const char *framework)
{
	char text[512];
	json_t *json;
	Mesos__V1__Resource *message;
	ProtobufCMessage *base = NULL;
	struct resources orphan, plain;
	struct err e = { 0 };

	(void)snprintf(text, sizeof(text),
		       "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":50},"
		       "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"data\",\"labels\":{\"labels\":["
		       "{\"key\":\"marathon_framework_id\",\"value\":\"%s\"},"
		       "{\"key\":\"marathon_task_id\",\"value\":\"old.instance-1\"}]}}],"
		       "\"disk\":{\"persistence\":{\"id\":\"old#d#1\"},"
		       "\"volume\":{\"container_path\":\"d\",\"mode\":\"RW\"}}}", framework);
	json = json_loads(text, 0, NULL);
	assert_int_equal(pb_from_json(&mesos__v1__resource__descriptor, json, &base, &e), 0);
	json_decref(json);
	message = (Mesos__V1__Resource *)base;
	message->role = NULL;	/* "*", which is nobody's to free */
	assert_int_equal(resources_from_messages(&message, 1, &orphan, &e), 0);
	assert_int_equal(resources_parse("disk:50", &plain, &e), 0);
	assert_int_equal(resources_convert(&agents[0].total, &plain, &orphan), 0);
	resources_done(&plain);
	resources_done(&orphan);
	mesos__v1__resource__free_unpacked(message, NULL);
}

static void test_what_nobody_knows_is_released(void **state)
{
	(void)state;
	plant("framework-1");
	offer_of(0);
	assert_string_equal(operations, "DESTROY UNRESERVE ");
	assert_as_at_start(0);
}

static void test_what_is_of_another_framework_is_not(void **state)
{
	(void)state;
	plant("framework-2");
	offer_of(0);
	assert_string_equal(operations, "");
}

static void test_out_of_reach_it_is_waited_for(void **state)
{
	(void)state;
	start();
	say(task_at(0), TASK(UNREACHABLE), UNKNOWN_HEALTH);
	wait_ms(86400000);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	say(task_at(0), TASK(RUNNING), UNKNOWN_HEALTH);
	assert_int_equal(count_alive_tasks(), 1);
	assert_true(instance_is_good(TAILQ_FIRST(&app("/db")->instances)));
}

static void test_killed_out_of_reach_it_is_waited_for_too(void **state)
{
	(void)state;
	start();
	say(task_at(0), TASK(UNREACHABLE), UNKNOWN_HEALTH);
	kill_first(false);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(count_residences(), 1);
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 2);
	assert_same_instance(0, 1);
}

/* An empty volume in place of one with data would be taken for the data. */
static void test_data_that_is_not_there_is_not_made_up(void **state)
{
	(void)state;
	start();
	say(task_at(0), TASK(FAILED), UNKNOWN_HEALTH);
	wait_ms(2000);
	resources_done(&agents[0].total);
	assert_int_equal(resources_copy(&agents[0].at_start, &agents[0].total), 0);
	offer_of(0);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_waits_because("where its volumes are");
}

static void test_what_waits_can_be_wiped(void **state)
{
	struct refusal refusal = { 0 };

	(void)state;
	start();
	say(task_at(0), TASK(FAILED), UNKNOWN_HEALTH);
	wait_ms(2000);
	assert_int_equal(changes_wipe_vacant(world.controller, app("/db"), "node-2", world.now_ms,
					     &refusal), 0);
	turn();
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 1);
	assert_int_equal(changes_wipe_vacant(world.controller, app("/db"), "node-1", world.now_ms,
					     &refusal), 0);
	turn();
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void test_on_an_agent_that_is_gone_nothing_is_waited_for(void **state)
{
	(void)state;
	start();
	say(task_at(0), TASK(GONE_BY_OPERATOR), UNKNOWN_HEALTH);
	wait_ms(2000);
	assert_int_equal(count_residences(), 0);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
}

static void say_failure(char *agent)
{
	Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
	Mesos__V1__Scheduler__Event__Failure failure = MESOS__V1__SCHEDULER__EVENT__FAILURE__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

	id.value = agent;
	failure.agent_id = &id;
	event.has_type = true;
	event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE;
	event.failure = &failure;
	world.scheduler.event(world.scheduler.arg, &event);
	turn();
}

static void say_reconciled(unsigned task, Mesos__V1__TaskState state)
{
	say_full(id_of(task), state, UNKNOWN_HEALTH, "said by the test",
		 MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
}

/* No task is there whose end would tell it. */
static void test_an_agent_that_goes_while_it_is_waited_for_is_asked_after(void **state)
{
	(void)state;
	start();
	say(task_at(0), TASK(FAILED), UNKNOWN_HEALTH);
	wait_ms(2000);
	world.scheduler.n_explicit = 0;
	say_failure(agents[1].id);
	assert_int_equal(world.scheduler.n_explicit, 0);
	say_failure(agents[0].id);
	assert_int_equal(world.scheduler.n_explicit, 1);
	world.events[0] = '\0';
	say_reconciled(0, TASK(UNREACHABLE));
	say_reconciled(0, TASK(GONE));
	assert_int_equal(count_residences(), 1);
	say_reconciled(0, TASK(GONE_BY_OPERATOR));
	assert_int_equal(count_residences(), 0);
	assert_int_equal(count_events("unknown_instance_terminated_event"), 0);
	offer_of(1);
	assert_int_equal(world.scheduler.n_tasks, 2);
}

/* Replaced before it goes is what it cannot be. */
static void test_replaced_first_means_one_after_the_other(void **state)
{
	struct instance *list[2];
	struct refusal refusal = { 0 };

	(void)state;
	post_db(2);
	offer_of(0);
	offer_of(1);
	let_it_be(UNKNOWN_HEALTH);
	list[0] = TAILQ_FIRST(&app("/db")->instances);
	list[1] = TAILQ_NEXT(list[0], of_app);
	assert_int_equal(changes_replace(world.controller, list, 2, world.now_ms, &refusal), 0);
	turn();
	assert_int_equal(task_at(0)->is_killed + task_at(1)->is_killed, 1);
	for (unsigned i = 0; i < 6; i++) {
		let_it_be(UNKNOWN_HEALTH);
		offer_of(i % 2);
	}
	assert_int_equal(world.scheduler.n_tasks, 4);
	assert_int_equal(count_residences(), 2);
}

static void test_what_is_reserved_cannot_be_changed(void **state)
{
	static const struct {
		const char *change;
		int status;
	} rows[] = {
		{ "\"cpus\":2", 422 }, { "\"mem\":65", 422 }, { "\"disk\":11", 422 },
		{ "\"portDefinitions\":[]", 422 }, { "\"role\":\"other\"", 422 },
		{ "\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"containerPath\":\"data\","
		  "\"persistent\":{\"size\":101}}]}", 422 },
		{ "\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"containerPath\":\"data\","
		  "\"persistent\":{\"size\":100}},{\"containerPath\":\"h\",\"hostPath\":\"/h\","
		  "\"mode\":\"RO\"}]}", 0 },
	};

	(void)state;
	start();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char definition[512];

		(void)snprintf(definition, sizeof(definition), "{\"id\":\"/db\",%s}",
			       rows[i].change);
		assert_int_equal(apply(definition, NULL, true), rows[i].status);
	}
	post("{\"id\":\"/plain\",\"cmd\":\"x\",\"role\":\"data\"}");
	assert_int_equal(apply("{\"id\":\"/plain\",\"container\":{\"type\":\"MESOS\",\"volumes\":["
			       "{\"containerPath\":\"data\",\"persistent\":{\"size\":100}}]},"
			       "\"upgradeStrategy\":{\"minimumHealthCapacity\":0.5,"
			       "\"maximumOverCapacity\":0},\"unreachableStrategy\":\"disabled\"}",
			       NULL, true), 422);
}

/* What is inside its network only is nothing of the node's, and cannot be reserved there. */
static void test_only_ports_of_the_node_are_reserved(void **state)
{
	uint64_t n_ports = 0;

	(void)state;
	post("{\"id\":\"/db\",\"cmd\":\"x\",\"role\":\"data\",\"cpus\":1,\"mem\":64,"
	     "\"networks\":[{\"name\":\"n\"}],\"container\":{\"type\":\"MESOS\",\"portMappings\":["
	     "{\"containerPort\":5432},{\"containerPort\":31500,\"hostPort\":0}],\"volumes\":["
	     "{\"containerPath\":\"data\",\"persistent\":{\"size\":100}}]}}");
	offer_of(0);
	assert_int_equal(world.scheduler.n_tasks, 1);
	for (size_t i = 0; i < agents[0].total.parts.n; i++) {
		const struct resource_part *part = &agents[0].total.parts.items[i];

		if (part->kind == RESOURCE_PORTS)
			n_ports += ranges_count(&part->ports);
	}
	assert_int_equal(n_ports, 1);
	assert_int_equal(ranges_count(&agents[0].total.ports), 999);
	/* It comes back with the ports that it had. */
	say(task_at(0), TASK(RUNNING), UNKNOWN_HEALTH);
	kill_first(false);
	say(task_at(0), TASK(KILLED), UNKNOWN_HEALTH);
	offer_of(0);
	assert_same_instance(0, 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(task_at(0)->info->discovery->ports->ports[i]->number,
				 task_at(1)->info->discovery->ports->ports[i]->number);
	assert_int_equal(task_at(1)->info->discovery->ports->ports[0]->number, 5432);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_is_reserved_for_the_first_launch),
		TEST(test_one_that_ends_comes_back_to_its_data),
		TEST(test_ports_stay_the_same),
		TEST(test_update_of_one_stops_it_before_it_starts_again),
		TEST(test_update_of_several_keeps_to_their_residences),
		TEST(test_killed_without_wipe_it_comes_back),
		TEST(test_wiped_it_is_another_one_and_its_data_is_destroyed),
		TEST(test_scaled_down_the_data_stays_for_when_it_is_scaled_up),
		TEST(test_of_those_that_are_kept_none_is_used_in_place_of_another),
		TEST(test_scaled_down_the_one_that_does_not_run_goes),
		TEST(test_deleted_nothing_of_it_is_left),
		TEST(test_deleted_out_of_reach_it_is_released_when_its_task_has_ended),
		TEST(test_what_was_reserved_and_no_more_is_used),
		TEST(test_what_was_created_and_not_launched_is_used),
		TEST(test_what_was_never_reserved_is_not_waited_for),
		TEST(test_what_comes_too_late_is_kept),
		TEST(test_what_comes_late_and_is_still_waited_for_is_used),
		TEST(test_what_nobody_knows_is_released),
		TEST(test_what_is_of_another_framework_is_not),
		TEST(test_out_of_reach_it_is_waited_for),
		TEST(test_killed_out_of_reach_it_is_waited_for_too),
		TEST(test_data_that_is_not_there_is_not_made_up),
		TEST(test_what_waits_can_be_wiped),
		TEST(test_on_an_agent_that_is_gone_nothing_is_waited_for),
		TEST(test_an_agent_that_goes_while_it_is_waited_for_is_asked_after),
		TEST(test_replaced_first_means_one_after_the_other),
		TEST(test_what_is_reserved_cannot_be_changed),
		TEST(test_only_ports_of_the_node_are_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
