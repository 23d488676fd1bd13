/*
 * What a framework may send, in any order, with one agent to work on: the input is a series of calls,
 * each with its length in two bytes and a byte that says how it is written.  Offers that a call names
 * are those that are open; the core must refuse or take it, and keep its sums.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/master.h"
#include "master_stub/offer.h"
#include "master_stub/registry.h"
#include "master_stub/scheduler.h"
#include "master_stub/task.h"
#include "proto/tepui.pb-c.h"

enum { MAX_CALLS = 64 };

typedef Mesos__V1__Scheduler__Call Call;

struct fake {
	struct master *master;
	struct scheduler *scheduler;
	int64_t now_ms;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	(void)arg;
	(void)stream;
	if (protobuf_c_message_get_packed_size(&event->base) == 0)
		abort();
}

static void on_agent_close(void *arg, void *stream)
{
	(void)arg;
	(void)stream;
}

static void on_explain(void *arg, const char *sentence)
{
	(void)arg;
	if (strlen(sentence) > 4096)
		abort();
}

static int64_t on_wall_ms(void *arg)
{
	const struct fake *fake = arg;

	return 1600000000000 + fake->now_ms;
}

static void on_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct fake *fake = arg;

	/* Nothing comes after it. */
	if (event->error)
		fake->scheduler = NULL;
}

static void subscribe_agent(struct fake *fake, void *stream)
{
	Tepui__AgentCall call = TEPUI__AGENT_CALL__INIT;
	Tepui__AgentCall__Subscribe subscribe = TEPUI__AGENT_CALL__SUBSCRIBE__INIT;
	Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;
	struct resources total = { 0 };
	struct err e = { 0 };

	if (resources_parse("cpus:4;mem:1024;disk:1024;disk(a):512;ports:[31000-31009]", &total,
			    &e) < 0 ||
	    resources_to_messages(&total, NULL, &info.resources, &info.n_resources) < 0)
		abort();
	info.hostname = (char[]){ "node" };
	subscribe.agent_info = &info;
	call.has_type = true;
	call.type = TEPUI__AGENT_CALL__TYPE__SUBSCRIBE;
	call.subscribe = &subscribe;
	if (master_agent_subscribe(fake->master, &call, stream, 0, &e) < 0)
		abort();
	resources_messages_free(info.resources, info.n_resources);
	resources_done(&total);
}

static Call *read_call(bool is_json, const uint8_t *data, size_t size)
{
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };
	json_t *json;

	if (!is_json)
		return mesos__v1__scheduler__call__unpack(NULL, size, data);
	if (json_in_parse(data, size, &json, &e) < 0)
		return NULL;
	(void)pb_from_json(&mesos__v1__scheduler__call__descriptor, json, &message, &e);
	json_decref(json);
	return (Call *)message;
}

/* Nobody guesses the ids of offers, of agents and of itself. */
static void set_text(char **text, const char *now)
{
	free(*text);
	*text = strdup(now);
	if (!*text)
		abort();
}

static void name_offers(const struct fake *fake, Mesos__V1__OfferID **ids, size_t n)
{
	const struct offer *offer = fake->master->offers;

	for (size_t i = 0; i < n && offer; i++, offer = offer->hh.next)
		set_text(&ids[i]->value, offer->id);
}

static void name_agent(const struct fake *fake, Mesos__V1__Offer__Operation__Launch *launch)
{
	for (size_t i = 0; i < launch->n_task_infos; i++)
		set_text(&launch->task_infos[i]->agent_id->value, fake->master->agents->id);
}

static void complete(const struct fake *fake, Call *call)
{
	if (call->decline)
		name_offers(fake, call->decline->offer_ids, call->decline->n_offer_ids);
	if (!call->accept)
		return;
	name_offers(fake, call->accept->offer_ids, call->accept->n_offer_ids);
	for (size_t i = 0; i < call->accept->n_operations; i++) {
		if (call->accept->operations[i]->launch)
			name_agent(fake, call->accept->operations[i]->launch);
	}
}

static void give(struct fake *fake, Call *call)
{
	struct err e = { 0 };
	int r;

	complete(fake, call);
	if (call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE) {
		if (fake->scheduler)
			scheduler_disconnect(fake->scheduler, fake->now_ms);
		fake->scheduler = NULL;
		r = call->subscribe ?
		    scheduler_subscribe(fake->master, call->subscribe, on_event, fake,
					fake->now_ms, &fake->scheduler, &e) : 0;
	} else {
		r = fake->scheduler ? scheduler_call(fake->scheduler, call, fake->now_ms, &e) : 0;
	}
	if (r < 0 && (e.code != -r || !*e.msg))
		abort();
	master_turn(fake->master, fake->now_ms);
}

static void check_sums(const struct fake *fake)
{
	const struct agent *agent = fake->master->agents;
	const struct resources *total, *used;

	if (!agent || !agent->node)
		return;
	total = allocator_node_total(agent->node);
	used = allocator_node_used(agent->node);
	if (!resources_contain(total, used))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake fake = { 0 };
	struct master_io io = {
		.agent_event = on_agent_event, .agent_close = on_agent_close,
		.explain = on_explain, .wall_ms = on_wall_ms, .arg = &fake,
	};
	struct store *store;
	struct rng rng;
	struct err e = { 0 };

	rng_seed(&rng, 1);
	if (store_open_memory(&store, &e) < 0 ||
	    master_new(&master_default_options, &io, store, &rng, 0, &fake.master, &e) < 0)
		abort();
	subscribe_agent(&fake, &fake);
	for (int i = 0; i < MAX_CALLS && size >= 3; i++) {
		size_t length = (size_t)data[0] << 8 | data[1];
		uint8_t how = data[2];
		Call *call;

		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		call = read_call(how & 1, data, length);
		if (call) {
			give(&fake, call);
			mesos__v1__scheduler__call__free_unpacked(call, NULL);
		}
		/* Some calls come after a while: filters end. */
		if (how & 0x80) {
			fake.now_ms += 2000;
			master_turn(fake.master, fake.now_ms);
		}
		check_sums(&fake);
		data += length;
		size -= length;
	}
	if (fake.scheduler)
		scheduler_disconnect(fake.scheduler, fake.now_ms);
	master_free(fake.master);
	store_close(store);
	return 0;
}
