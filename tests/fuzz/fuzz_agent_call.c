/*
 * What an agent may send, in any order: the input is a series of calls, each with its length in two
 * bytes and a byte that says how it is written.  The core must refuse or take it, and keep its
 * sums.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "lib/rng.h"
#include "lib/store.h"
#include "master_stub/listing.h"
#include "master_stub/master.h"
#include "master_stub/scheduler.h"
#include "proto/tepui.pb-c.h"

enum { MAX_CALLS = 64, MAX_STREAMS = 4 };

struct fake {
	struct master *master;
	struct scheduler *scheduler;
	int64_t now_ms;
	bool is_closed[MAX_STREAMS];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_agent_event(void *arg, void *stream, const Tepui__AgentEvent *event)
{
	struct err e = { 0 };
	char *text = NULL;
	size_t size;

	(void)arg;
	(void)stream;
	if (pb_to_json_text(&event->base, &text, &size, &e) == 0)
		free(text);
}

static void on_agent_close(void *arg, void *stream)
{
	(void)arg;
	*(bool *)stream = true;
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

/* A framework that takes every offer whole, kills what runs and acknowledges what it hears. */
static void on_event(void *arg, const Mesos__V1__Scheduler__Event *event)
{
	struct fake *fake = arg;
	Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
	Mesos__V1__Scheduler__Call__Acknowledge acknowledge =
		MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;
	Mesos__V1__AgentID nobody = MESOS__V1__AGENT_ID__INIT;
	struct err e = { 0 };

	if (!event->update)
		return;
	acknowledge.agent_id = event->update->status->agent_id ? event->update->status->agent_id :
								 &nobody;
	acknowledge.task_id = event->update->status->task_id;
	acknowledge.uuid = event->update->status->uuid;
	call.has_type = true;
	call.type = MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE;
	call.acknowledge = &acknowledge;
	(void)scheduler_call(fake->scheduler, &call, fake->now_ms, &e);
}

static Tepui__AgentCall *read_call(bool is_json, const uint8_t *data, size_t size)
{
	ProtobufCMessage *message = NULL;
	struct err e = { 0 };
	json_t *json;

	if (!is_json)
		return tepui__agent_call__unpack(NULL, size, data);
	if (json_in_parse(data, size, &json, &e) < 0)
		return NULL;
	(void)pb_from_json(&tepui__agent_call__descriptor, json, &message, &e);
	json_decref(json);
	return (Tepui__AgentCall *)message;
}

static void give(struct fake *fake, Tepui__AgentCall *call, unsigned stream)
{
	struct err e = { 0 };
	int r;

	if (call->type == TEPUI__AGENT_CALL__TYPE__SUBSCRIBE) {
		master_agent_lost(fake->master, &fake->is_closed[stream], fake->now_ms);
		r = master_agent_subscribe(fake->master, call, &fake->is_closed[stream],
					   fake->now_ms, &e);
	} else {
		r = master_agent_call(fake->master, call, fake->now_ms, &e);
	}
	if (r < 0 && (e.code != -r || !*e.msg))
		abort();
	master_turn(fake->master, fake->now_ms);
}

static void subscribe_framework(struct fake *fake)
{
	Mesos__V1__Scheduler__Call__Subscribe subscribe =
		MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
	Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
	Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
	struct err e = { 0 };

	info.user = (char[]){ "root" };
	info.name = (char[]){ "fuzz" };
	id.value = (char[]){ "f" };
	info.id = &id;
	subscribe.framework_info = &info;
	if (scheduler_subscribe(fake->master, &subscribe, on_event, fake, 0, &fake->scheduler, &e) < 0)
		abort();
}

static void list(const struct fake *fake, const struct listing_type *type)
{
	struct listing *listing;
	struct err e = { 0 };

	if (listing_new(fake->master, type, &(struct listing_query){ 0 }, &listing, &e) < 0)
		abort();
	while (listing_step(listing))
		;
	listing_free(listing);
}

static void read_views(const struct fake *fake)
{
	json_t *metrics = master_metrics_json(fake->master, fake->now_ms);

	if (json_number_value(json_object_get(metrics, "master/cpus_used")) < 0)
		abort();
	list(fake, &listing_state);
	list(fake, &listing_get_state);
	json_decref(metrics);
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
	subscribe_framework(&fake);
	for (int i = 0; i < MAX_CALLS && size >= 3; i++) {
		size_t length = (size_t)data[0] << 8 | data[1];
		uint8_t how = data[2];
		Tepui__AgentCall *call;

		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		call = read_call(how & 1, data, length);
		if (call) {
			give(&fake, call, (how >> 1) % MAX_STREAMS);
			tepui__agent_call__free_unpacked(call, NULL);
		}
		/* Some calls come after a long silence. */
		if (how & 0x80) {
			fake.now_ms += 20000;
			master_turn(fake.master, fake.now_ms);
		}
		data += length;
		size -= length;
	}
	read_views(&fake);
	master_free(fake.master);
	store_close(store);
	return 0;
}
