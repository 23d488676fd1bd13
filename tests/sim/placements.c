#include "tests/sim/placements.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/master.h"
#include "master_stub/scheduler.h"
#include "tests/sim/sim.h"

enum { N_AGENTS = 100, N_FRAMEWORKS = 4, TASKS_AN_ACCEPT = 8 };

/* A task on its way; the agent reports it, the framework acknowledges it. */
struct placed {
	STAILQ_ENTRY(placed) next;
	unsigned framework;
	char task_id[32], agent_id[128];
};

struct world {
	struct master *master;
	struct store *store;
	struct rng rng;
	int64_t now_ms;
	STAILQ_HEAD(, placed) started;
	char agent_ids[N_AGENTS][128];
	struct player { struct world *world; struct scheduler *scheduler; char id[128]; }
		players[N_FRAMEWORKS];
	uint64_t n_wanted, n_launched, n_run, n_running, n_ended;
	bool is_wrong;
};

#define TEXT(text) ((char *)(uintptr_t)(text))

static void check(struct world *world, int r, const struct err *e)
{
	if (r < 0) {
		printf("placements: %s\n", e->msg);
		world->is_wrong = true;
	}
}

/* ---- agents ---- */

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	struct world *world = arg;
	struct placed *placed;

	if (event->subscribed)
		strcpy(stream, event->subscribed->agent_id->value);
	if (!event->run_task)
		return;
	placed = sim_alloc(sizeof(*placed));
	strcpy(placed->task_id, event->run_task->task->task_id->value);
	strcpy(placed->agent_id, event->run_task->task->agent_id->value);
	for (unsigned i = 0; i < N_FRAMEWORKS; i++) {
		if (strcmp(world->players[i].id, event->run_task->framework->id->value) == 0)
			placed->framework = i;
	}
	STAILQ_INSERT_TAIL(&world->started, placed, next);
	world->n_run++;
}

static void update(struct world *world, const struct placed *placed, Mesos__V1__TaskState state)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Update body = TEPUI__AGENT_CALL__UPDATE__INIT;
	Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
	Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
	uint8_t uuid[16];
	struct err e = { 0 };

	id_uuid_bytes(&world->rng, uuid);
	framework.value = world->players[placed->framework].id;
	agent.value = TEXT(placed->agent_id);
	task.value = TEXT(placed->task_id);
	status.task_id = &task;
	status.agent_id = &agent;
	status.state = state;
	status.has_uuid = true;
	status.uuid = (ProtobufCBinaryData){ sizeof(uuid), uuid };
	body.framework_id = &framework;
	body.status = &status;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__UPDATE;
	call.agent_id = &agent;
	call.update = &body;
	check(world, master_agent_call(world->master, &call, world->now_ms, &e), &e);
}

static void subscribe_agent(struct world *world, unsigned number)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Subscribe subscribe = TEPUI__AGENT_CALL__SUBSCRIBE__INIT;
	Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;
	struct resources total = { 0 };
	struct err e = { 0 };
	char hostname[32];

	(void)snprintf(hostname, sizeof(hostname), "node%u", number);
	check(world, resources_parse("cpus:64;mem:65536;disk:65536;ports:[31000-32000]", &total, &e),
	      &e);
	info.hostname = hostname;
	(void)resources_to_messages(&total, NULL, &info.resources, &info.n_resources);
	subscribe.agent_info = &info;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__SUBSCRIBE;
	call.subscribe = &subscribe;
	check(world, master_agent_subscribe(world->master, &call, world->agent_ids[number],
					    world->now_ms, &e), &e);
	resources_messages_free(info.resources, info.n_resources);
	resources_done(&total);
}

/* ---- frameworks ---- */

static void call_master(struct player *player, Mesos__V1__Scheduler__Call *call,
			Mesos__V1__Scheduler__Call__Type type)
{
	struct err e = { 0 };

	call->has_type = true;
	call->type = type;
	check(player->world, scheduler_call(player->scheduler, call, player->world->now_ms, &e), &e);
}

static void accept_offer(struct player *player, const Mesos__V1__Offer *offer)
{
	struct world *world = player->world;
	struct resources part = { .scalar = { [RESOURCE_CPUS] = 100, [RESOURCE_MEM] = 32000 } };
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Accept body = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
	Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
	Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
	Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
	Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
	Mesos__V1__TaskInfo tasks[TASKS_AN_ACCEPT], *list[TASKS_AN_ACCEPT];
	Mesos__V1__TaskID ids[TASKS_AN_ACCEPT];
	char names[TASKS_AN_ACCEPT][32];
	Mesos__V1__Resource **resources;
	size_t n_resources;

	(void)resources_to_messages(&part, NULL, &resources, &n_resources);
	command.value = TEXT("true");
	for (; launch.n_task_infos < TASKS_AN_ACCEPT && world->n_launched < world->n_wanted;
	     launch.n_task_infos++) {
		size_t i = launch.n_task_infos;

		mesos__v1__task_info__init(&tasks[i]);
		mesos__v1__task_id__init(&ids[i]);
		(void)snprintf(names[i], sizeof(names[i]), "t%" PRIu64, world->n_launched++);
		ids[i].value = names[i];
		tasks[i].name = names[i];
		tasks[i].task_id = &ids[i];
		tasks[i].agent_id = offer->agent_id;
		tasks[i].command = &command;
		tasks[i].resources = resources;
		tasks[i].n_resources = n_resources;
		list[i] = &tasks[i];
	}
	launch.task_infos = list;
	operation.has_type = true;
	operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
	operation.launch = &launch;
	filters.has_refuse_seconds = true;
	filters.refuse_seconds = 0;
	body.n_offer_ids = 1;
	body.offer_ids = (Mesos__V1__OfferID *[]){ offer->id };
	body.n_operations = launch.n_task_infos > 0;
	body.operations = (Mesos__V1__Offer__Operation *[]){ &operation };
	body.filters = &filters;
	call.accept = &body;
	call_master(player, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT);
	resources_messages_free(resources, n_resources);
}

static void acknowledge(struct player *player, const Mesos__V1__TaskStatus *status)
{
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Acknowledge body =
		MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

	if (status->state == MESOS__V1__TASK_STATE__TASK_RUNNING)
		player->world->n_running++;
	else
		player->world->n_ended++;
	if (!status->has_uuid)
		return;
	body.agent_id = status->agent_id;
	body.task_id = status->task_id;
	body.uuid = status->uuid;
	call.acknowledge = &body;
	call_master(player, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE);
}

static void on_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct player *player = arg;

	if (event->update)
		acknowledge(player, event->update->status);
	for (size_t i = 0; event->offers && i < event->offers->n_offers; i++)
		accept_offer(player, event->offers->offers[i]);
}

static void subscribe_framework(struct world *world, unsigned number)
{
	struct player *player = &world->players[number];
	Mesos__V1__Scheduler__Call__Subscribe subscribe =
		MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
	struct err e = { 0 };

	player->world = world;
	info.user = TEXT("root");
	info.name = TEXT("placer");
	subscribe.framework_info = &info;
	check(world, scheduler_subscribe(world->master, &subscribe, on_event, player, world->now_ms,
					 &player->scheduler, &e), &e);
	strcpy(player->id, scheduler_framework_id(player->scheduler));
}

/* ---- the run ---- */

static void turn(struct world *world)
{
	struct err e = { 0 };

	master_turn(world->master, world->now_ms);
	check(world, store_commit(world->store, &e), &e);
}

/* What an agent reports of one task comes in one turn; turns are as short as they can be. */
static void report_started(struct world *world)
{
	struct placed *placed;

	while ((placed = STAILQ_FIRST(&world->started))) {
		STAILQ_REMOVE_HEAD(&world->started, next);
		update(world, placed, MESOS__V1__TASK_STATE__TASK_RUNNING);
		turn(world);
		update(world, placed, MESOS__V1__TASK_STATE__TASK_FINISHED);
		turn(world);
		free(placed);
	}
}

static void on_close(void *arg, void *stream)
{
	(void)arg;
	(void)stream;
}

static void on_explain(void *arg, const char *sentence)
{
	(void)arg;
	(void)sentence;
}

static int64_t on_wall_ms(void *arg)
{
	const struct world *world = arg;

	return 1600000000000 + world->now_ms;
}

static void set_up(struct world *world, uint64_t n)
{
	struct master_io io = {
		.agent_event = on_agent_event, .agent_close = on_close, .explain = on_explain,
		.wall_ms = on_wall_ms, .arg = world,
	};
	struct err e = { 0 };

	world->n_wanted = n;
	STAILQ_INIT(&world->started);
	rng_seed(&world->rng, 1);
	check(world, store_open_memory(&world->store, &e), &e);
	check(world, master_new(&master_default_options, &io, world->store, &world->rng,
				world->now_ms, &world->master, &e), &e);
	for (unsigned i = 0; i < N_AGENTS; i++)
		subscribe_agent(world, i);
	for (unsigned i = 0; i < N_FRAMEWORKS; i++)
		subscribe_framework(world, i);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int placements_run(uint64_t n)
{
	struct world *world = sim_alloc(sizeof(*world));
	double begin, seconds;
	bool is_good;

	set_up(world, n);
	begin = seconds_now();
	while (!world->is_wrong && world->n_ended < n && world->now_ms < 1000000000) {
		turn(world);
		report_started(world);
		world->now_ms += 1000;
	}
	seconds = seconds_now() - begin;
	is_good = !world->is_wrong && world->n_running == n && world->n_ended == n &&
		  world->n_run == n;
	printf("placements: %" PRIu64 " tasks on %d agents by %d frameworks in %.3f s: %.0f a"
	       " second\n", world->n_ended, N_AGENTS, N_FRAMEWORKS, seconds,
	       (double)world->n_ended / seconds);
	master_free(world->master);
	store_close(world->store);
	free(world);
	return !is_good;
}
