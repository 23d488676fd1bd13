/* Tasks and their updates against a master that the test plays, over real sockets in one loop. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/directory_file.h"
#include "agent/master_link.h"
#include "agent/names.h"
#include "agent/network.h"
#include "agent/recovery.h"
#include "agent/ruleset.h"
#include "agent/status.h"
#include "agent/task.h"
#include "agent/updates.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "net/http_server.h"
#include "net/wire.h"

enum { MAX_SEEN = 64, DEADLINE_MS = 10000 };

/* The agent, and the master it talks to. */
static struct world {
	struct agent agent;
	char dir[64], address[32];
	struct http_server *server;
	struct http_stream *stream;
	Tepui__AgentCall *updates[MAX_SEEN];
	size_t n_updates, n_subscribes, n_running;
	int refuse_with;			/* status of SUBSCRIBE, if not 0 */
	uint64_t epoch;
	bool (*is_done)(void);
	bool is_late;
} world;

/* ---- the master ---- */

static void send_event(Tepui__AgentEvent *event, Tepui__AgentEvent__Type type)
{
	struct err e = { 0 };

	event->has_type = 1;
	event->type = type;
	assert_non_null(world.stream);
	assert_int_equal(wire_stream(world.stream, WIRE_PROTOBUF, &event->base, &e), 0);
}

static void on_stream_close(void *arg)
{
	(void)arg;
	world.stream = NULL;
}

static int accept_subscribe(struct http_request *req, struct err *e)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Subscribed subscribed = TEPUI__AGENT_EVENT__SUBSCRIBED__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;
	char id_text[] = "M-S0", master_text[] = "M";
	int r;

	world.n_subscribes++;
	if (world.refuse_with) {
		http_reply(req, world.refuse_with, "text/plain", "no", 2);
		return 0;
	}
	if (world.stream)
		http_stream_end(world.stream);
	http_reply_header(req, "Mesos-Stream-Id", "stream-1");
	r = http_stream_start(req, 200, "application/x-protobuf", on_stream_close, NULL,
			      &world.stream, e);
	if (r < 0)
		return r;
	id.value = id_text;
	subscribed.agent_id = &id;
	subscribed.master_id = master_text;
	subscribed.heartbeat_interval_seconds = 15;
	subscribed.has_epoch = 1;
	subscribed.epoch = world.epoch;
	event.subscribed = &subscribed;
	send_event(&event, TEPUI__AGENT_EVENT__TYPE__SUBSCRIBED);
	return 0;
}

static int post_call(struct http_request *req, struct err *e)
{
	ProtobufCMessage *message;
	Tepui__AgentCall *call;
	const char *body;
	size_t size;
	int r = 0;

	body = http_request_body(req, &size);
	assert_int_equal(wire_read(WIRE_PROTOBUF, &tepui__agent_call__descriptor, body, size,
				   &message, e), 0);
	call = (Tepui__AgentCall *)message;
	if (call->type == TEPUI__AGENT_CALL__TYPE__SUBSCRIBE) {
		world.n_running = call->subscribe->n_tasks;
		r = accept_subscribe(req, e);
	} else {
		assert_string_equal(http_request_header(req, "Mesos-Stream-Id"), "stream-1");
		http_reply(req, 202, NULL, NULL, 0);
	}
	if (call->type == TEPUI__AGENT_CALL__TYPE__UPDATE && world.n_updates < MAX_SEEN)
		world.updates[world.n_updates++] = call;
	else
		protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static const struct route routes[] = { { HTTP_POST, "/api/v1/agent", post_call, 0 } };

static void reply_error(struct http_request *req, int status, const struct err *e)
{
	http_reply(req, status, "text/plain", e->msg, strlen(e->msg));
}

/* ---- running the loop until a fact holds ---- */

static void after_turn(void *arg)
{
	agent_turn(arg);
	if (world.is_done && world.is_done())
		loop_stop(world.agent.loop);
}

static void on_deadline(void *arg)
{
	(void)arg;
	world.is_late = true;
	loop_stop(world.agent.loop);
}

static void run_until(bool (*is_done)(void))
{
	struct loop_timer *deadline;
	struct err e = { 0 };

	world.is_done = is_done;
	world.is_late = false;
	if (is_done())
		return;
	assert_int_equal(loop_timer_new(world.agent.loop, on_deadline, NULL, &deadline, &e), 0);
	loop_timer_set(deadline, DEADLINE_MS);
	agent_wake(&world.agent);
	assert_int_equal(loop_run(world.agent.loop, &e), 0);
	loop_timer_free(deadline);
	assert_false(world.is_late);
}

/* ---- the agent ---- */

static void *must(void *p)
{
	assert_non_null(p);
	return p;
}

static void ignore_timer(void *arg)
{
	(void)arg;
}

static void start_agent(struct store *store)
{
	struct agent *a = &world.agent;
	struct err e = { 0 };

	*a = (struct agent){ .work_fd = -EBADF, .executor_fd = -EBADF, .supervisors_fd = -EBADF,
			     .cgroup_lock_fd = -EBADF };
	TAILQ_INIT(&a->todo);
	TAILQ_INIT(&a->custom);
	history_init(&a->history);
	a->store = store;
	a->self = must(malloc(sizeof(*a->self)));
	tepui__agent_record__init(a->self);
	a->flags.master = must(strdup(world.address));
	a->flags.listen = must(strdup("127.0.0.1:5051"));
	a->flags.work_dir = must(strdup(world.dir));
	a->flags.default_user = must(strdup("nobody"));
	a->flags.registration_backoff_factor = 1000;
	a->flags.executor_registration_timeout = 60000;
	a->flags.pids_limit = 1024;
	a->work_dir = must(strdup(world.dir));
	a->work_fd = open(world.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(a->work_fd >= 0);
	a->layout.core = must(strdup("/nonexistent"));
	a->endpoint = must(strdup("127.0.0.1:5051"));
	a->layout_text = must(strdup("none"));
	strcpy(a->node.hostname, "n1");
	strcpy(a->node.boot_id, "11111111-2222-3333-4444-555555555555");
	a->max_tasks = AGENT_MAX_TASKS;
	a->node.total.scalar[RESOURCE_CPUS] = 2000;
	a->node.total.scalar[RESOURCE_MEM] = 1024000;
	a->started_boot_ms = clock_boot_ms();
	rng_seed(&a->rng, 1);
	assert_int_equal(users_parse("nobody:x:65534:65534::/:/bin/false\n", &a->users, &e), 0);
	assert_int_equal(loop_new(&a->loop, &e), 0);
	assert_int_equal(loop_timer_new(a->loop, ignore_timer, NULL, &a->commit_timer, &e), 0);
	assert_int_equal(http_server_new(a->loop, &http_default_limits, &world.server, &e), 0);
	assert_int_equal(http_server_mount(world.server, routes, ARRAY_SIZE(routes), reply_error,
					   NULL, &e), 0);
	loop_after_turn(a->loop, after_turn, a);
}

static void listen_as_master(void)
{
	struct err e = { 0 };
	uint16_t port;

	assert_int_equal(http_server_listen(world.server, "127.0.0.1:0", &port, &e), 0);
	snprintf(world.address, sizeof(world.address), "127.0.0.1:%u", port);
	free(world.agent.flags.master);
	world.agent.flags.master = must(strdup(world.address));
}

static void connect_agent(void)
{
	struct err e = { 0 };

	listen_as_master();
	assert_int_equal(master_link_new(&world.agent, &world.agent.link, &e), 0);
	world.agent.flags.bridge = must(strdup(""));
	world.agent.flags.dns_domain = must(strdup("mesos"));
	world.agent.flags.dns_listen = must(strdup("none"));
	assert_int_equal(directory_new(&world.agent, &world.agent.directory, &e), 0);
	assert_int_equal(ruleset_new(&world.agent, &world.agent.ruleset, &e), 0);
	assert_int_equal(directory_file_new(&world.agent, &world.agent.directory_file, &e), 0);
	assert_int_equal(names_new(&world.agent, &world.agent.names, &e), 0);
	assert_int_equal(networks_new(&world.agent, &world.agent.networks, &e), 0);
	assert_int_equal(recovery_run(&world.agent, &e), 0);
}

static void forget_updates(void)
{
	for (size_t i = 0; i < world.n_updates; i++)
		tepui__agent_call__free_unpacked(world.updates[i], NULL);
	world.n_updates = 0;
}

/* Everything but the store, which outlives the agent. */
static void end_agent(void)
{
	struct agent *a = &world.agent;

	forget_updates();
	world.is_done = NULL;
	a->store = NULL;
	a->operators = TAKE_PTR(world.server);
	agent_done(a);
	world.stream = NULL;
}

static struct store *open_store(void)
{
	struct store *store;
	struct err e = { 0 };

	assert_int_equal(store_open_memory(&store, &e), 0);
	return store;
}

static int set_up(void **state)
{
	(void)state;
	world = (struct world){ .epoch = 1 };
	strcpy(world.dir, "/tmp/tepui-unit-updates-XXXXXX");
	return mkdtemp(world.dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", world.dir);
	return system(command);
}

/* ---- what the master says ---- */

static const char framework_json[] =
	"{\"user\":\"u\",\"name\":\"f\",\"id\":{\"value\":\"F\"},\"capabilities\":["
	"{\"type\":\"PARTITION_AWARE\"}]}";

static ProtobufCMessage *message_of(const ProtobufCMessageDescriptor *descriptor, const char *text)
{
	json_t *json = must(json_loads(text, 0, NULL));
	ProtobufCMessage *message;
	struct err e = { 0 };

	assert_int_equal(pb_from_json(descriptor, json, &message, &e), 0);
	json_decref(json);
	return message;
}

static Mesos__V1__TaskInfo *task_info(const char *id, double cpus, const char *user)
{
	char text[512];

	snprintf(text, sizeof(text), "{\"name\":\"t\",\"task_id\":{\"value\":\"%s\"},\"agent_id\":"
		 "{\"value\":\"M-S0\"},\"command\":{\"value\":\"true\",\"user\":\"%s\"},"
		 "\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":"
		 "{\"value\":%g}}]}",
		 id, user, cpus);
	return (Mesos__V1__TaskInfo *)message_of(&mesos__v1__task_info__descriptor, text);
}

static void run_task_with(const char *id, double cpus, const char *user, size_t data_size)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__RunTask run = TEPUI__AGENT_EVENT__RUN_TASK__INIT;

	run.framework = (Mesos__V1__FrameworkInfo *)message_of(
		&mesos__v1__framework_info__descriptor, framework_json);
	run.task = task_info(id, cpus, user);
	if (data_size) {
		run.task->has_data = 1;
		run.task->data = (ProtobufCBinaryData){ data_size, must(calloc(1, data_size)) };
	}
	event.run_task = &run;
	send_event(&event, TEPUI__AGENT_EVENT__TYPE__RUN_TASK);
	mesos__v1__framework_info__free_unpacked(run.framework, NULL);
	mesos__v1__task_info__free_unpacked(run.task, NULL);
}

static void run_task(const char *id, double cpus, const char *user)
{
	run_task_with(id, cpus, user, 0);
}

static void kill_task(const char *id)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__KillTask kill = TEPUI__AGENT_EVENT__KILL_TASK__INIT;
	Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;
	char framework_text[] = "F", task_text[32];

	snprintf(task_text, sizeof(task_text), "%s", id);
	framework.value = framework_text;
	task.value = task_text;
	kill.framework_id = &framework;
	kill.task_id = &task;
	event.kill_task = &kill;
	send_event(&event, TEPUI__AGENT_EVENT__TYPE__KILL_TASK);
}

static void acknowledge(const Tepui__AgentCall__Update *update, bool is_right)
{
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	Tepui__AgentEvent__Acknowledge ack = TEPUI__AGENT_EVENT__ACKNOWLEDGE__INIT;
	uint8_t uuid[16];

	memcpy(uuid, update->status->uuid.data, sizeof(uuid));
	uuid[0] ^= !is_right;
	ack.framework_id = update->framework_id;
	ack.task_id = update->status->task_id;
	ack.uuid = (ProtobufCBinaryData){ sizeof(uuid), uuid };
	event.acknowledge = &ack;
	send_event(&event, TEPUI__AGENT_EVENT__TYPE__ACKNOWLEDGE);
}

static bool is_up(void)
{
	return master_link_is_up(world.agent.link);
}

static bool has_one_update(void)
{
	return world.n_updates == 1;
}

static bool has_two_updates(void)
{
	return world.n_updates == 2;
}

static bool has_no_tasks(void)
{
	return !world.agent.tasks;
}

static const Mesos__V1__TaskStatus *status_at(size_t i)
{
	return world.updates[i]->update->status;
}

static bool has_room(void)
{
	return world.agent.descriptions <= AGENT_MAX_DESCRIPTIONS;
}

static size_t n_expected;

static bool has_expected_updates(void)
{
	return world.n_updates == n_expected;
}

/* ---- tests ---- */

/* What all tasks are described with goes to a master in one message. */
static void test_descriptions_of_all_tasks_are_bounded(void **state)
{
	enum { DATA = 1 << 20, FITTING = AGENT_MAX_DESCRIPTIONS / DATA };
	struct store *store = open_store();
	char id[16];

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	/* Refused for another reason, they are kept until that is acknowledged. */
	for (n_expected = 1; n_expected <= FITTING + 1; n_expected++) {
		(void)snprintf(id, sizeof(id), "T%zu", n_expected);
		run_task_with(id, 1, "nosuch", DATA);
		run_until(has_expected_updates);
		assert_int_equal(world.agent.descriptions > AGENT_MAX_DESCRIPTIONS,
				 n_expected >= FITTING);
		assert_non_null(strstr(status_at(n_expected - 1)->message,
				       n_expected < FITTING ? "no user 'nosuch'" :
				       "the descriptions of the agent's tasks and containers "
				       "take more than 33554432 bytes"));
	}
	assert_int_equal(status_at(FITTING)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN);
	acknowledge(world.updates[0]->update, true);
	acknowledge(world.updates[1]->update, true);
	acknowledge(world.updates[2]->update, true);
	run_until(has_room);
	run_task("T-last", 1, "nosuch");
	run_until(has_expected_updates);
	assert_non_null(strstr(status_at(n_expected - 1)->message, "no user 'nosuch'"));
	end_agent();
	store_close(store);
}

static void test_a_refusal_is_an_update_like_any_other(void **state)
{
	struct store *store = open_store();

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	assert_string_equal(agent_id(&world.agent), "M-S0");
	run_task("T1", 1, "nosuch");
	run_until(has_one_update);
	assert_int_equal(status_at(0)->state, MESOS__V1__TASK_STATE__TASK_ERROR);
	assert_int_equal(status_at(0)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID);
	assert_non_null(strstr(status_at(0)->message, "the node has no user 'nosuch'"));
	assert_string_equal(status_at(0)->agent_id->value, "M-S0");
	assert_int_equal(status_at(0)->uuid.len, 16);
	assert_int_equal(world.agent.used.scalar[RESOURCE_CPUS], 0);
	acknowledge(world.updates[0]->update, true);
	run_until(has_no_tasks);
	end_agent();
	store_close(store);
}

static void test_more_than_the_node_has_is_refused(void **state)
{
	struct store *store = open_store();

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	run_task("T1", 2.5, "nobody");
	run_until(has_one_update);
	assert_int_equal(status_at(0)->state, MESOS__V1__TASK_STATE__TASK_DROPPED);
	assert_non_null(strstr(status_at(0)->message, "is more than the node has"));
	end_agent();
	store_close(store);
}

static void test_a_failed_launch_is_reported_and_its_resources_are_free(void **state)
{
	struct store *store = open_store();

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	/* There is no cgroup to make the process in. */
	run_task("T1", 1, "nobody");
	run_until(has_one_update);
	assert_int_equal(status_at(0)->state, MESOS__V1__TASK_STATE__TASK_FAILED);
	assert_int_equal(status_at(0)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED);
	assert_int_equal(world.agent.used.scalar[RESOURCE_CPUS], 0);
	end_agent();
	store_close(store);
}

static void test_only_the_heads_uuid_acknowledges_and_ids_do_not_come_back(void **state)
{
	struct store *store = open_store();

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	run_task("T1", 1, "nosuch");
	run_until(has_one_update);
	acknowledge(world.updates[0]->update, false);
	/* A known task is not launched twice; the answer to the next one says that both were read. */
	run_task("T1", 1, "nosuch");
	run_task("T2", 1, "nosuch");
	run_until(has_two_updates);
	assert_string_equal(status_at(1)->task_id->value, "T2");
	assert_int_equal(HASH_COUNT(world.agent.tasks), 2);
	acknowledge(world.updates[0]->update, true);
	acknowledge(world.updates[1]->update, true);
	run_until(has_no_tasks);
	assert_true(tombstone_has(&world.agent, "F/T1"));
	run_task("T1", 1, "nosuch");
	run_task("T3", 1, "nosuch");
	forget_updates();
	run_until(has_one_update);
	assert_string_equal(status_at(0)->task_id->value, "T3");
	end_agent();
	store_close(store);
}

static void test_a_kill_that_overtakes_the_launch_wins(void **state)
{
	struct store *store = open_store();

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	/* An unknown one is left to reconciliation; both are read in one turn. */
	kill_task("T0");
	run_task("T1", 1, "nobody");
	kill_task("T1");
	run_until(has_one_update);
	assert_string_equal(status_at(0)->task_id->value, "T1");
	assert_int_equal(status_at(0)->state, MESOS__V1__TASK_STATE__TASK_KILLED);
	assert_int_equal(status_at(0)->reason,
			 MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH);
	end_agent();
	store_close(store);
}

static int refuse_record(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	(void)arg, (void)data, (void)size;
	return err_set(e, EEXIST, "find record '%s'", key);
}

static bool has_stopped_subscribing(void)
{
	return world.agent.is_shutting_down && !world.agent.tasks;
}

static void test_shutdown_forgets_the_identity(void **state)
{
	struct store *store = open_store();
	Tepui__AgentEvent event = TEPUI__AGENT_EVENT__INIT;
	struct err e = { 0 };

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	assert_true(store_each(store, "agent", refuse_record, NULL, &e) < 0);
	err_clear(&e);
	send_event(&event, TEPUI__AGENT_EVENT__TYPE__SHUTDOWN);
	run_until(has_stopped_subscribing);
	assert_int_equal(store_each(store, "agent", refuse_record, NULL, &e), 0);
	end_agent();
	store_close(store);
}

static void drop_stream(void)
{
	http_stream_end(TAKE_PTR(world.stream));
}

static void test_updates_are_sent_again_bit_by_bit_after_a_reconnection(void **state)
{
	struct store *store = open_store();
	AUTO_FREE void *first = NULL, *second = NULL;
	size_t first_size, second_size;
	struct err e = { 0 };

	(void)state;
	start_agent(store);
	connect_agent();
	run_until(is_up);
	run_task("T1", 1, "nosuch");
	run_until(has_one_update);
	drop_stream();
	run_until(has_two_updates);
	assert_int_equal(world.n_subscribes, 2);
	assert_int_equal(world.n_running, 1);
	assert_int_equal(pb_pack(&status_at(0)->base, &first, &first_size, &e), 0);
	assert_int_equal(pb_pack(&status_at(1)->base, &second, &second_size, &e), 0);
	assert_int_equal(first_size, second_size);
	assert_memory_equal(first, second, first_size);
	end_agent();
	store_close(store);
}

/* A record as a former agent left it. */
static void put_record(struct store *store, const char *id, int pid, const char *boot_id)
{
	Tepui__TaskRecord record = TEPUI__TASK_RECORD__INIT;
	char container[] = "c-1", boot[64], key[64];
	AUTO_FREE void *data = NULL;
	struct err e = { 0 };
	size_t size;

	record.framework = (Mesos__V1__FrameworkInfo *)message_of(
		&mesos__v1__framework_info__descriptor, framework_json);
	record.task = task_info(id, 1, "nobody");
	record.container_id = container;
	record.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
	record.has_executor_pid = pid > 0;
	record.executor_pid = pid;
	record.has_executor_start_ticks = pid > 0;
	record.executor_start_ticks = 1;
	snprintf(boot, sizeof(boot), "%s", boot_id);
	record.boot_id = boot;
	snprintf(key, sizeof(key), "F/%s", id);
	assert_int_equal(pb_pack(&record.base, &data, &size, &e), 0);
	assert_int_equal(store_put(store, "task", key, data, size, &e), 0);
	assert_int_equal(store_commit(store, &e), 0);
	mesos__v1__framework_info__free_unpacked(record.framework, NULL);
	mesos__v1__task_info__free_unpacked(record.task, NULL);
}

static const struct {
	int pid;
	const char *boot_id;
	Mesos__V1__TaskState state;
	Mesos__V1__TaskStatus__Reason reason;
	const char *message;
} recovered[] = {
	/* Crashed between the commit and the spawn. */
	{ 0, "11111111-2222-3333-4444-555555555555", MESOS__V1__TASK_STATE__TASK_DROPPED,
	  MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED,
	  "agent was restarted before it launched the task" },
	/* The node was booted since. */
	{ 1, "99999999-2222-3333-4444-555555555555", MESOS__V1__TASK_STATE__TASK_GONE,
	  MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED, "node was booted again" },
	/* Its number belongs to somebody else: pid 1 did not start at this tick. */
	{ 1, "11111111-2222-3333-4444-555555555555", MESOS__V1__TASK_STATE__TASK_FAILED,
	  MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED, "ended before its task did" },
};

static void test_what_did_not_survive_is_reported_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(recovered); i++) {
		struct store *store = open_store();

		put_record(store, "T1", recovered[i].pid, recovered[i].boot_id);
		start_agent(store);
		connect_agent();
		run_until(has_one_update);
		assert_int_equal(status_at(0)->state, recovered[i].state);
		assert_int_equal(status_at(0)->reason, recovered[i].reason);
		assert_non_null(strstr(status_at(0)->message, recovered[i].message));
		assert_int_equal(world.agent.used.scalar[RESOURCE_CPUS], 0);
		end_agent();
		/* Not acknowledged: the next agent says the same again, and not more. */
		start_agent(store);
		connect_agent();
		run_until(has_one_update);
		assert_int_equal(status_at(0)->state, recovered[i].state);
		acknowledge(world.updates[0]->update, true);
		run_until(has_no_tasks);
		end_agent();
		start_agent(store);
		connect_agent();
		assert_null(world.agent.tasks);
		end_agent();
		store_close(store);
	}
}

static void test_a_record_that_cannot_be_read_is_left_out(void **state)
{
	struct store *store = open_store();
	struct err e = { 0 };

	(void)state;
	put_record(store, "T1", 0, "11111111-2222-3333-4444-555555555555");
	assert_int_equal(store_put(store, "task", "F/T0", "\xff\xff", 2, &e), 0);
	assert_int_equal(store_commit(store, &e), 0);
	start_agent(store);
	connect_agent();
	assert_int_equal(HASH_COUNT(world.agent.tasks), 1);
	assert_int_equal(world.agent.counters.recovery_errors, 1);
	end_agent();
	store_close(store);
}

static bool has_tried_thrice(void)
{
	return world.n_subscribes == 3;
}

static void test_a_master_of_an_older_epoch_is_not_obeyed(void **state)
{
	struct store *store = open_store();

	(void)state;
	start_agent(store);
	world.epoch = 5;
	connect_agent();
	run_until(is_up);
	world.epoch = 4;
	drop_stream();
	run_until(has_tried_thrice);
	assert_false(is_up());
	world.epoch = 5;
	run_until(is_up);
	end_agent();
	store_close(store);
}

static bool has_failed(void)
{
	return world.agent.exit_status == EXIT_FAILURE;
}

static void test_a_refused_registration_ends_a_new_agent_only(void **state)
{
	static const int statuses[] = { 401, 403, 409 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct store *store = open_store();

		start_agent(store);
		world.refuse_with = statuses[i];
		connect_agent();
		run_until(has_failed);
		end_agent();

		world.refuse_with = 0;
		world.n_subscribes = 0;
		start_agent(store);
		connect_agent();
		run_until(is_up);
		world.refuse_with = statuses[i];
		drop_stream();
		run_until(has_tried_thrice);
		assert_int_equal(world.agent.exit_status, 0);
		world.refuse_with = 0;
		run_until(is_up);
		end_agent();
		store_close(store);
	}
}

static void test_waits_are_short_at_first_and_bounded(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	assert_int_equal(master_link_backoff(&rng, 0, 1000), 100);
	assert_int_equal(master_link_backoff(&rng, 2, 1000), 400);
	for (unsigned n = 3; n < 200; n++) {
		int64_t wait = master_link_backoff(&rng, n, 1000);

		assert_true(wait >= 100 && wait <= 60100);
		if (n < 6)
			assert_true(wait <= 100 + (1000 << (n - 3)));
	}
}

static void test_states_that_end_a_task(void **state)
{
	(void)state;
	assert_true(status_is_terminal(MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR));
	assert_false(status_is_terminal(MESOS__V1__TASK_STATE__TASK_UNREACHABLE));
	assert_string_equal(status_state_name(MESOS__V1__TASK_STATE__TASK_KILLING), "TASK_KILLING");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptions_of_all_tasks_are_bounded, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_refusal_is_an_update_like_any_other, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_more_than_the_node_has_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_failed_launch_is_reported_and_its_resources_are_free, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_only_the_heads_uuid_acknowledges_and_ids_do_not_come_back, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_a_kill_that_overtakes_the_launch_wins, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_shutdown_forgets_the_identity, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_updates_are_sent_again_bit_by_bit_after_a_reconnection, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_what_did_not_survive_is_reported_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_record_that_cannot_be_read_is_left_out,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_master_of_an_older_epoch_is_not_obeyed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_refused_registration_ends_a_new_agent_only,
						set_up, tear_down),
		cmocka_unit_test(test_waits_are_short_at_first_and_bounded),
		cmocka_unit_test(test_states_that_end_a_task),
	};

	log_init("test", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
