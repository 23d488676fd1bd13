#include "master_stub/master.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "lib/store.h"
#include "master_stub/allocator.h"
#include "master_stub/core.h"
#include "master_stub/directory.h"
#include "master_stub/framework.h"
#include "master_stub/inverse_offer.h"
#include "master_stub/maintenance.h"
#include "master_stub/min_allocatable.h"
#include "master_stub/role_list.h"
#include "master_stub/offer.h"
#include "master_stub/quota.h"
#include "master_stub/registry.h"
#include "master_stub/weights.h"

static const char KIND[] = "master", KEY[] = "self";

/* One turn: enough for every chain of causes, and an end for one that has none. */
enum { MAX_ROUNDS = 1000, EXPLAIN_SIZE = 1024 };

const struct master_options master_default_options = {
	.agent_ping_ms = 15000,
	.agent_max_missed_pings = 5,
	.offer_timeout_ms = 30000,
	.allocation_interval_ms = 1000,
	.reregister_timeout_ms = 600000,
	.min_allocatable_resources = "cpus:0.01|mem:32",
	.filter_gpu_resources = true,
	.max_completed_tasks = 1000,
	.max_completed_frameworks = 50,
	.service_addresses = "10.96.0.0/16",
	.service_node_ports = "30000-30999",
	.service_drain_ms = 1000,
	.hostname = "localhost",
	.port = 5050,
};

void master_explain(struct master *master, const char *fmt, ...)
{
	char text[EXPLAIN_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	master->io.explain(master->io.arg, text);
}

int64_t master_wall_ms(const struct master *master)
{
	return master->io.wall_ms(master->io.arg);
}

const char *master_id(const struct master *master)
{
	return master->id;
}

int64_t master_started_wall_ms(const struct master *master)
{
	return master->started_wall_ms;
}

uint64_t master_epoch(const struct master *master)
{
	return master->epoch;
}

void master_count(const struct master *master, size_t *ret_agents, size_t *ret_frameworks)
{
	*ret_agents = HASH_COUNT(master->agents);
	*ret_frameworks = HASH_COUNT(master->frameworks);
}

/* ---- the store ---- */

int master_put(struct master *master, const char *kind, const char *key,
	       const ProtobufCMessage *message, struct err *e)
{
	AUTO_FREE void *data = NULL;
	size_t size = 0;
	int r = pb_pack(message, &data, &size, e);

	if (r == 0)
		r = store_put(master->store, kind, key, data, size, e);
	return r < 0 ? err_wrap(e, "record %s '%s'", kind, key) : 0;
}

static int put_self(struct master *master, struct err *e)
{
	Tepui__MasterRecord record = TEPUI__MASTER_RECORD__INIT;

	record.master_id = master->id;
	record.epoch = master->epoch;
	record.has_next_framework = record.has_next_agent = record.has_next_offer = true;
	record.next_framework = master->next_framework;
	record.next_agent = master->next_agent;
	record.next_offer = master->offers_reserved;
	return master_put(master, KIND, KEY, &record.base, e);
}

void master_put_self(struct master *master)
{
	struct err e = { 0 };

	if (put_self(master, &e) < 0)
		master_explain(master, "%s", e.msg);
}

struct self {
	struct master *master;
	bool is_found;
};

static int load_self(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct self *self = arg;
	struct master *master = self->master;
	Tepui__MasterRecord *record = tepui__master_record__unpack(NULL, size, data);

	(void)e;
	if (strcmp(key, KEY) == 0 && record && strlen(record->master_id) < sizeof(master->id)) {
		strcpy(master->id, record->master_id);
		master->epoch = record->epoch;
		master->next_framework = record->next_framework;
		master->next_agent = record->next_agent;
		master->next_offer = record->next_offer;
		self->is_found = true;
	}
	if (record)
		tepui__master_record__free_unpacked(record, NULL);
	return 0;
}

/* The number after PREFIX and the master's id: "<id>-S12"; keeps *NEXT beyond it. */
static void skip_number(const char *id, size_t id_size, const char *mark, uint64_t *next)
{
	unsigned long long number;
	char *end;

	if (strlen(id) <= id_size || strncmp(id + id_size, mark, strlen(mark)) != 0)
		return;
	errno = 0;
	number = strtoull(id + id_size + strlen(mark), &end, 10);
	if (!*end && !errno && number < UINT64_MAX && number >= *next)
		*next = number + 1;
}

/* The record of the master itself is lost, others are not: its id stands in front of theirs. */
static bool rebuild_self(struct master *master)
{
	const size_t size = ID_UUID_SIZE - 1;
	const struct agent *agent;
	const struct framework *framework;
	const char *evidence = NULL;

	for (agent = master->agents; agent && !evidence; agent = agent->hh.next)
		evidence = strlen(agent->id) > size ? agent->id : NULL;
	for (framework = master->frameworks; framework && !evidence; framework = framework->hh.next)
		evidence = strlen(framework->id) > size ? framework->id : NULL;
	if (!evidence)
		return false;
	memcpy(master->id, evidence, size);
	master->id[size] = '\0';
	for (agent = master->agents; agent; agent = agent->hh.next)
		skip_number(agent->id, size, "-S", &master->next_agent);
	for (framework = master->frameworks; framework; framework = framework->hh.next)
		skip_number(framework->id, size, "-", &master->next_framework);
	master->next_offer = (uint64_t)master->started_wall_ms;
	master_explain(master,
		       "the record of master '%s' was lost and is rebuilt from its agents and"
		       " frameworks",
		       master->id);
	return true;
}

static int load(struct master *master, int64_t now_ms, struct err *e)
{
	struct self self = { .master = master };
	int r = store_each(master->store, KIND, load_self, &self, e);

	if (r == 0)
		r = registry_load(master, e);
	if (r == 0)
		r = directory_load(master, e);
	if (r == 0)
		r = maintenance_load(master, e);
	if (r == 0)
		r = quotas_load(master, e);
	if (r == 0)
		r = weights_load(master, e);
	if (r == 0)
		r = frameworks_load(master, now_ms, e);
	if (r < 0)
		return err_wrap(e, "load the master's state");
	if (!self.is_found && !rebuild_self(master))
		id_uuid(master->rng, master->id);
	/*
	 * Never lower than what agents have seen, even if the record is an old backup: every epoch
	 * of the past was at most that second's number, or one of very many restarts within it.
	 */
	master->epoch++;
	if (master->epoch < (uint64_t)(master->started_wall_ms / 1000))
		master->epoch = (uint64_t)(master->started_wall_ms / 1000);
	master->next_agent += master->options.skip_ids;
	master->next_framework += master->options.skip_ids;
	master->next_offer += master->options.skip_ids;
	master->offers_reserved = master->next_offer;
	master->recovery_ends_ms = now_ms + master->options.reregister_timeout_ms;
	return put_self(master, e);
}

/* ---- life ---- */

static int read_domain(const char *text, Mesos__V1__DomainInfo **ret, struct err *e)
{
	ProtobufCMessage *message = NULL;
	json_t *json = NULL;
	int r = json_in_parse(text, strlen(text), &json, e);

	if (r == 0)
		r = pb_from_json(&mesos__v1__domain_info__descriptor, json, &message, e);
	json_decref(json);
	if (r < 0)
		return err_wrap(e, "read domain '%.200s'", text);
	*ret = (Mesos__V1__DomainInfo *)message;
	return 0;
}

static int read_options(struct master *master, const struct master_options *options,
			struct rng *rng, struct err *e)
{
	struct min_allocatable min;
	struct allocator_options allocator_options = {
		.interval_ms = options->allocation_interval_ms, .accepts = offer_is_for,
		.takes_refined = offer_takes_refined,
	};
	int r = min_allocatable_parse(options->min_allocatable_resources, &min, e);

	if (r == 0 && options->roles)
		r = role_list_check(options->roles, e);
	if (r == 0 && options->domain)
		r = read_domain(options->domain, &master->domain, e);
	if (r < 0)
		return r;
	allocator_options.min = min.sets;
	allocator_options.n_min = min.n;
	master->options = *options;
	master->allocator = allocator_new(&allocator_options, rng);
	return master->allocator ? 0 : err_set(e, ENOMEM, "make allocator");
}

static struct master *alloc_master(void)
{
	struct master *master = calloc(1, sizeof(*master));

	if (!master)
		return NULL;
	TAILQ_INIT(&master->pings);
	TAILQ_INIT(&master->offer_timeouts);
	TAILQ_INIT(&master->overdue);
	TAILQ_INIT(&master->draining);
	TAILQ_INIT(&master->scheduled);
	master->next_inverse_offer_ms = INT64_MAX;
	TAILQ_INIT(&master->tasks);
	TAILQ_INIT(&master->ended);
	TAILQ_INIT(&master->awaited);
	TAILQ_INIT(&master->kept);
	TAILQ_INIT(&master->schedulers);
	TAILQ_INIT(&master->pending);
	return master;
}

int master_new(const struct master_options *options, const struct master_io *io,
	       struct store *store, struct rng *rng, int64_t now_ms, struct master **ret,
	       struct err *e)
{
	struct master *master = alloc_master();
	int r;

	if (!master)
		return err_set(e, ENOMEM, "make master");
	master->hostname = strdup(options->hostname);
	r = master->hostname ? read_options(master, options, rng, e) :
			       err_set(e, ENOMEM, "make master");
	if (r < 0) {
		master_free(master);
		return r;
	}
	master->io = *io;
	master->store = store;
	master->rng = rng;
	master->started_ms = now_ms;
	master->started_wall_ms = master_wall_ms(master);
	r = directory_new(master, options, e);
	if (r == 0)
		r = load(master, now_ms, e);
	if (r < 0) {
		master_free(master);
		return r;
	}
	*ret = master;
	return 0;
}

void master_free(struct master *master)
{
	if (!master)
		return;
	directory_end(master);
	schedulers_free(master);
	registry_free(master);
	maintenance_free(master);
	frameworks_free(master);
	quotas_free(master);
	weights_free(master);
	directory_free(master);
	allocator_free(master->allocator);
	if (master->domain)
		mesos__v1__domain_info__free_unpacked(master->domain, NULL);
	free(master->hostname);
	free(master);
}

void master_turn(struct master *master, int64_t now_ms)
{
	bool is_busy = true;

	for (int round = 0; round < MAX_ROUNDS && is_busy; round++) {
		registry_turn(master, now_ms);
		offers_turn(master, now_ms);
		inverse_offers_turn(master, now_ms);
		frameworks_turn(master, now_ms);
		schedulers_turn(master, now_ms);
		is_busy = offers_allocate(master, now_ms);
		is_busy |= schedulers_deliver(master);
	}
	/* Whatever has changed meanwhile is told at once. */
	directory_turn(master, now_ms);
}

int64_t master_next_ms(const struct master *master)
{
	const int64_t times[] = {
		registry_next_ms(master), offers_next_ms(master),
		inverse_offers_next_ms(master), frameworks_next_ms(master),
		schedulers_next_ms(master), allocator_next_ms(master->allocator),
		directory_next_ms(master),
	};
	int64_t next = INT64_MAX;

	if (allocator_is_due(master->allocator, INT64_MIN))
		return INT64_MIN;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		if (times[i] < next)
			next = times[i];
	}
	return next;
}
